package receiver

import (
	"net/netip"
	"testing"
	"time"
)

var (
	start  = time.Date(2026, 11, 21, 10, 17, 23, 0, time.UTC)
	source = netip.MustParseAddr("127.0.0.1")
)

// send plays one whole message on an open connection and returns the answer
// that decided its fate.
func send(r *Receiver, now time.Time, id ConnID, recipient string) Answer {
	if a := r.Mail(now, id, "news@sender.test"); !a.Accepted() {
		return a
	}
	if a := r.Rcpt(now, id, recipient); !a.Accepted() {
		return a
	}
	if a := r.Data(now, id); !a.Accepted() {
		return a
	}
	return r.Dot(now, id, 1000)
}

func TestBucketRefusesAboveItsRate(t *testing.T) {
	t.Parallel()
	r := New(Spec{Limits: []Limit{{Bucket: &Bucket{Rate: 10, Burst: 50}}}}, 1, start)
	accepted := 0
	for i := range 2000 { // 20 s at 100/s
		now := start.Add(time.Duration(i) * 10 * time.Millisecond)
		_, id := r.Connect(now, source, 0)
		if send(r, now, id, "a@b.test").Reply.Code == 250 {
			accepted++
		}
		r.Close(now, id)
	}
	if want := 50 + 199; accepted != want {
		t.Errorf("accepted %d of 2000, want %d", accepted, want)
	}
}
