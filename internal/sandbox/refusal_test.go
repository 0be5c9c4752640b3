package sandbox

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/pacing/receiver"
)

// Each refusal is told when it is decided, with its truth; what passes is not.
func TestRefusalsAreTold(t *testing.T) {
	t.Parallel()
	s := run(t, one(plain, "limits: [{clock: {count: 1, every: 24h}}]"), Options{})
	var mu sync.Mutex
	var told []Refusal
	s.OnRefusal(func(r Refusal) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, r)
	})
	dial(t, s, "127.0.0.1", 0).play("220 …\n> HELO me.test\n250 …\n> MAIL FROM:<a@sender.test>\n250 …\n" +
		"> RCPT TO:<ana@elsewhere.test>\n554 …\n> RSET\n250 …\n> MAIL FROM:<a@sender.test>\n451 …\n")
	mu.Lock()
	defer mu.Unlock()
	type brief struct {
		Provider string
		Code     int
		Cause    receiver.Cause
		Open     int
	}
	var got []brief
	for _, r := range told {
		got = append(got, brief{r.Provider, r.Reply.Code, r.Cause, r.Open})
	}
	want := []brief{{"Northmail", 554, receiver.CauseProtocol, 1}, {"Northmail", 451, receiver.CauseLimit, 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
