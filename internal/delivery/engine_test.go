package delivery

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
)

func TestEngineDeliversToEveryoneOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	tries := make(map[string]int)
	r := receive(t, func(to string) error {
		mu.Lock()
		defer mu.Unlock()
		tries[to]++
		switch {
		case reader(to, 7):
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user here"}
		case reader(to, 8) && tries[to] == 1:
			return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "mailbox full"}
		}
		return nil
	})
	g := start(t, r, rigConfig{contacts: 40})
	until(t, 30*time.Second, "finished", func() bool {
		c, err := g.store.Campaign(t.Context(), g.campaign)
		return err == nil && c.State == campaign.Finished
	})
	if got := g.counters(); got.Delivered != 39 || got.Bounced != 1 || got.AcceptedFirst != 38 {
		t.Errorf("counted %+v", got)
	}
	for n := 1; n <= 40; n++ {
		want := 1
		if n == 7 {
			want = 0
		}
		if got := r.copies(isReader(n)); got != want {
			t.Errorf("%s got %d messages; want %d", isReader(n), got, want)
		}
	}
	g.balanced()
	if got := g.text(`select string_agg(key, ' ') from suppressions`); got != isReader(7) {
		t.Errorf("suppressed is %s", got)
	}
}

// After a pause or a cancel is committed, no transaction begins for longer than
// a second, with a receiver that is slow and lanes that have mail in hand.
func TestPauseAndCancelAreMetAtOnce(t *testing.T) {
	t.Parallel()
	for _, verb := range []campaign.Verb{campaign.Pause, campaign.Cancel} {
		t.Run(string(verb), func(t *testing.T) {
			t.Parallel()
			r := receive(t, func(string) error {
				time.Sleep(40 * time.Millisecond)
				return nil
			})
			g := start(t, r, rigConfig{contacts: 3000, start: 60})
			until(t, 30*time.Second, "thirty transactions", func() bool {
				_, n := r.last()
				return n >= 30
			})
			committed := g.change(verb)
			time.Sleep(2500 * time.Millisecond) // longer than any permit lives
			last, n := r.last()
			if late := last.Sub(committed); late > time.Second {
				t.Errorf("a transaction began %s after the %s", late, verb)
			} else {
				t.Logf("the last of %d transactions began %s after the %s", n, late.Round(time.Millisecond), verb)
			}
			if left := g.text(`select count(*)::text from claims`); left != "0" {
				t.Errorf("%s claims are still held", left)
			}
			g.balanced()
			if verb == campaign.Cancel {
				until(t, 30*time.Second, "all final", func() bool { return g.counters().Waiting() == 0 })
				return
			}
			g.change(campaign.Resume)
			until(t, 30*time.Second, "goes on after a resume", func() bool {
				_, more := r.last()
				return more > n
			})
		})
	}
}

// Who leaves while their message is in a lane's hand does not get it.
func TestWhoLeavesIsNotMailed(t *testing.T) {
	t.Parallel()
	const victim = 6
	gate := make(chan struct{})
	r := receive(t, func(string) error {
		<-gate
		return nil
	})
	g := start(t, r, rigConfig{contacts: 12, lanes: 1, start: 30})
	<-r.began // the first message is with the server
	until(t, 30*time.Second, "the victim is in hand", func() bool {
		return g.text(`select count(*)::text from claims k join deliveries d on d.id = any(k.deliveries)
		                join contacts c on c.id = d.contact_id where c.address = $1`, isReader(victim)) != "0"
	})
	var contact int64
	g.must(g.store.Pool().QueryRow(t.Context(), `select id from contacts where address = $1`, isReader(victim)).Scan(&contact))
	_, _, err := g.store.Unsubscribe(t.Context(), postgres.Unsubscribe{Campaign: g.campaign, Contact: contact, By: "one-click", At: time.Now()})
	g.must(err)
	until(t, 30*time.Second, "the node has heard of it", func() bool {
		g.watch.mu.RLock()
		defer g.watch.mu.RUnlock()
		_, heard := g.watch.barred[isReader(victim)]
		return heard
	})
	close(gate)
	until(t, 30*time.Second, "all final", func() bool { return g.counters().Waiting() == 0 })
	if got := g.counters(); got.Delivered != 11 || got.Suppressed != 1 {
		t.Errorf("counted %+v", got)
	}
	if n := r.copies(isReader(victim)); n != 0 {
		t.Errorf("who left got %d messages", n)
	}
	g.balanced()
}

// Whatever bytes a server answers, the outcome is stored, with as much of the
// answer as Postgres can hold.
func TestRepliesOfAnyBytesAreStored(t *testing.T) {
	t.Parallel()
	r := receive(t, func(to string) error {
		words := map[bool]string{true: "no \x00 user \xff\xfe here", false: "voll: \xe4\xf6\xfc"}[reader(to, 1)]
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: words}
	})
	g := start(t, r, rigConfig{contacts: 2})
	until(t, 30*time.Second, "all final", func() bool { return g.counters().Bounced == 2 })
	for n, part := range map[int]string{1: "user", 2: "voll"} {
		got := g.text(`select reply from deliveries d join contacts c on c.id = d.contact_id where c.address = $1`, isReader(n))
		if !strings.Contains(got, part) || !strings.HasPrefix(got, "554") {
			t.Errorf("stored is %q; want the server's words with %q", got, part)
		}
	}
	g.balanced()
}

// A claim whose commit was never heard of holds mail that no lane knows of.
func TestLostClaimIsFreed(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	r := receive(t, func(string) error {
		<-hold
		return nil
	})
	g := start(t, r, rigConfig{contacts: 40, lanes: 1, start: 8})
	<-r.began
	lost := g.claim(5)
	if len(lost) != 5 {
		t.Fatalf("%d were claimed", len(lost))
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	asked := &asking{request: g.request(5), answered: make(chan struct{})}
	if g.claims.take(gone, []*asking{asked}); asked.err == nil {
		t.Fatal("a claim without a database succeeded")
	}
	until(t, 30*time.Second, "the lost claim is freed", func() bool {
		return g.text(`select count(*)::text from claims where epoch = $1`, lost[0].Epoch) == "0"
	})
	if held := g.text(`select count(*)::text from claims where node_id = $1`, g.node); held == "0" {
		t.Error("what the lane has in hand was freed, too")
	}
	close(hold)
	until(t, 30*time.Second, "all delivered", func() bool { return g.counters().Delivered == 40 })
	for n := 1; n <= 40; n++ {
		if got := r.copies(isReader(n)); got != 1 {
			t.Errorf("%s got %d messages", isReader(n), got)
		}
	}
	g.balanced()
}
