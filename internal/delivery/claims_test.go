package delivery

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
)

// asks are lanes that ask, one for each campaign and provider.
func asks(pairs ...[2]int64) []*asking {
	all := make([]*asking, len(pairs))
	for i, p := range pairs {
		all[i] = &asking{request: postgres.ClaimRequest{Ledger: 1, Campaign: p[0], Provider: p[1]}, answered: make(chan struct{})}
	}
	return all
}

// Claims of several providers are made together where that is worth waiting for, and
// those of one campaign at one provider never are.
func TestClaimsGather(t *testing.T) {
	other := asks([2]int64{1, 3})[0]
	other.request.Ledger = 2
	for _, tt := range []struct {
		name  string
		worth int
		come  []*asking
		want  []int // sizes of the groups
		least time.Duration
	}{
		{"one is worth it", 1, asks([2]int64{1, 1}, [2]int64{1, 2}), []int{1, 1}, 0},
		{"as many as are worth it", 2, asks([2]int64{1, 1}, [2]int64{1, 2}, [2]int64{1, 3}, [2]int64{1, 4}), []int{2, 2}, 0},
		{"what came in the time", 4, asks([2]int64{1, 1}, [2]int64{1, 2}), []int{2}, claimPause},
		{"two campaigns at a provider", 2, asks([2]int64{1, 1}, [2]int64{2, 1}), []int{2}, 0},
		{"one campaign at a provider, twice", 3, asks([2]int64{1, 1}, [2]int64{1, 1}, [2]int64{1, 2}), []int{1, 2}, claimPause},
		{"two ledgers", 2, append(asks([2]int64{1, 1}), other), []int{1, 1}, claimPause},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				over, end := context.WithCancel(t.Context())
				defer end()
				c := &claims{worth: func() int { return tt.worth }, in: make(chan *asking), over: over}
				go func() {
					for _, a := range tt.come {
						c.in <- a
					}
				}()
				began := time.Now()
				for i, want := range tt.want {
					if group := c.gather(); len(group) != want {
						t.Fatalf("group %d has %d claims, want %d", i, len(group), want)
					}
				}
				if took := time.Since(began); took != tt.least {
					t.Errorf("it took %s, want %s", took, tt.least)
				}
				end()
				if group := c.gather(); len(group) > 0 {
					t.Errorf("%d claims came after the end", len(group))
				}
			})
		})
	}
}

// Whoever asks when the engine ends is told so, also where others were to be waited
// for, and nobody waits for an answer that does not come.
func TestClaimsEndWithTheEngine(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	g := start(t, r, rigConfig{contacts: 1})
	over, end := context.WithCancel(t.Context())
	c := newClaims(over, g.store, g.node, func() int { return 5 })
	request := g.request(1)
	errs := make(chan error)
	for range 6 { // more than there are clerks
		go func() {
			_, _, err := c.claim(t.Context(), request)
			errs <- err
		}()
	}
	time.AfterFunc(50*time.Millisecond, end)
	for range 6 {
		if err := <-errs; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("a lane was told %v", err)
		}
	}
	c.wait.Wait()
	if _, _, err := c.claim(t.Context(), request); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end a claim says %v", err)
	}
}

// A lane that is cut off while the database does not answer ends at once; what was
// taken for it meanwhile goes back.
func TestClaimOfALaneThatIsGone(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	g := start(t, r, rigConfig{contacts: 9, start: 0.001, lanes: 1}) // the first message, and then hardly any
	until(t, 30*time.Second, "the first is delivered", func() bool { return g.counters().Delivered == 1 })
	held, _, err := g.claims.claim(t.Context(), g.request(2))
	g.must(err)
	conn, err := g.store.Pool().Acquire(t.Context())
	g.must(err)
	defer conn.Release()
	_, err = conn.Exec(t.Context(), `begin; lock table claims`) // so that a claim stands still
	g.must(err)
	longer := g.request(2)
	longer.Epoch, longer.Place = held[0].Epoch, 2
	for _, r := range []postgres.ClaimRequest{g.request(3), longer} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		if _, _, err := g.claims.claim(ctx, r); !errors.Is(err, context.Canceled) {
			t.Fatalf("a lane that was cut off was told %v", err)
		}
	}
	if !g.claims.held[longer.Epoch] { // else its end would forget what it was lengthened by
		t.Error("what may have become longer counts as known")
	}
	_, err = conn.Exec(t.Context(), `rollback`)
	g.must(err)
	until(t, 30*time.Second, "it was taken", func() bool {
		return g.text(`select count(*)::text from pg_stat_activity
		                where datname = current_database() and state = 'active' and wait_event_type = 'Lock'`) == "0"
	})
	g.claims.ended(longer.Epoch, false)
	until(t, 30*time.Second, "what was taken waits again", func() bool {
		return g.text(`select count(*)::text from mail_queue`) == "8" && g.text(`select count(*)::text from claims`) == "0"
	})
	g.balanced()
}
