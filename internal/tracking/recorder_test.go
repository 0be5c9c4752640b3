package tracking

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/headwaymail/headway/campaign/engagement"
	"github.com/headwaymail/headway/internal/postgres"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"

// memory is a store that keeps what it is told, or refuses it for a while.
type memory struct {
	mu       sync.Mutex
	done     []postgres.Engagement // guarded by mu
	calls    int                   // guarded by mu
	refusals int                   // guarded by mu; how often it still refuses
	proven   int                   // guarded by mu; receipts
	accepted time.Time             // zero: in doubt
}

func (m *memory) Handed(_ context.Context, touches []postgres.Touch) (map[postgres.Touch]postgres.Handed, error) {
	all := make(map[postgres.Touch]postgres.Handed)
	for _, t := range touches {
		all[t] = postgres.Handed{Accepted: m.accepted, Doubted: m.accepted.IsZero()}
	}
	return all, nil
}

func (m *memory) ProveReceipt(context.Context, postgres.Touch, time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.proven++
	return nil
}

func (m *memory) Engage(_ context.Context, done []postgres.Engagement) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.calls++; m.refusals > 0 {
		m.refusals--
		return errors.New("the database is away")
	}
	m.done = append(m.done, done...)
	return nil
}

// recorded returns how often each rule was recorded.
func (m *memory) recorded() map[engagement.Rule]int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	counts := make(map[engagement.Rule]int64)
	for _, e := range m.done {
		counts[e.Rule] += e.Times
	}
	return counts
}

var quiet = slog.New(slog.DiscardHandler)

func click(link int) engagement.Visit {
	return engagement.Visit{Kind: engagement.Click, Link: link, At: time.Now(), Method: "GET", Agent: chrome}
}

func TestVisitsAreJudgedTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &memory{accepted: time.Now().Add(-time.Hour)}
		r := Start(store, quiet)
		defer r.Close()
		person, scanned := postgres.Touch{Campaign: 1, Contact: 1}, postgres.Touch{Campaign: 1, Contact: 2}
		r.Note(person, click(1))
		for link := range 5 {
			r.Note(scanned, click(link+1))
			time.Sleep(300 * time.Millisecond)
		}
		if n := len(store.recorded()); n != 0 {
			t.Error("visits were recorded before it was clear whose they are")
		}
		time.Sleep(10 * time.Second)
		want := map[engagement.Rule]int64{engagement.Person: 1, engagement.Everything: 5}
		if diff := cmp.Diff(want, store.recorded()); diff != "" || store.proven != 0 {
			t.Errorf("recorded (-want +got), and %d receipts:\n%s", store.proven, diff)
		}
	})
}

func TestVisitsSurviveTheDatabaseBeingAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &memory{refusals: 5}
		r := Start(store, quiet)
		defer r.Close()
		r.Note(postgres.Touch{Campaign: 1, Contact: 1}, click(1))
		time.Sleep(time.Minute)
		if diff := cmp.Diff(map[engagement.Rule]int64{engagement.Person: 1}, store.recorded()); diff != "" || store.proven == 0 {
			t.Errorf("recorded (-want +got), and %d receipts:\n%s", store.proven, diff)
		}
	})
}

func TestClosingRecordsWhatIsLeft(t *testing.T) {
	t.Parallel()
	store := &memory{}
	r := start(store, quiet, time.Hour)
	for contact := range int64(2500) {
		r.Note(postgres.Touch{Campaign: 1, Contact: contact}, click(1))
	}
	r.Close()
	r.Close()
	if n := store.recorded()[engagement.Person]; n != 2500 {
		t.Errorf("%d visits were recorded, want 2,500", n)
	}
	if store.calls > 4 {
		t.Errorf("%d statements for 2,500 readers", store.calls)
	}
}

// A flood costs neither time nor memory without end: what one link brings is
// counted in one row, and what is too much is left out.
func TestAFloodIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		r := Start(store, quiet)
		one := postgres.Touch{Campaign: 1, Contact: 1}
		var noted int64
		for range 50_000 {
			if r.Note(one, click(1)) {
				noted++
			}
			if noted%1000 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		if n := len(r.readers[one].visits); n > perReader {
			t.Errorf("%d visits of one reader are kept", n)
		}
		for contact := range int64(2 * kept) {
			r.Note(postgres.Touch{Campaign: 2, Contact: contact}, click(1))
			if contact%1000 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		if r.waiting > kept || len(r.readers) > kept {
			t.Errorf("%d visits of %d readers are kept", r.waiting, len(r.readers))
		}
		r.Close()
		if n := store.recorded()[engagement.Person]; n < noted {
			t.Errorf("%d visits are recorded, at least %d were noted", n, noted)
		}
	})
}

func BenchmarkNote(b *testing.B) {
	r := Start(&memory{}, quiet)
	defer r.Close()
	t, v := postgres.Touch{Campaign: 1, Contact: 1}, click(1)
	b.ReportAllocs()
	for b.Loop() {
		r.Note(t, v)
	}
}
