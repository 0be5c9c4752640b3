package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/postgres/pgtest"
	"github.com/headwaymail/headway/pacing"
)

// active is the number of providers that mail flows to.
const active = 50

// BenchmarkRound measures what one round at 50 active providers costs Postgres:
// as one transaction of all, and as it was before, one for each provider with
// the whole state.
//
//	go test ./internal/delivery -run '^$' -bench Round -benchtime 200x
func BenchmarkRound(b *testing.B) {
	b.Run("together", func(b *testing.B) {
		w := newBenchWorld(b)
		var br *broker
		for _, id := range w.providers {
			other, g := lonely(w.store, 1, w.source, postgres.Provider{ID: id, Name: "p"}, 20)
			if br == nil {
				br = other
			}
			br.gates[id] = g
			g.enter(0)
		}
		w.measure(b, func(now time.Time) error {
			for _, g := range br.gates {
				for i := range 8 {
					g.report(happening{Event: acceptance(now, i), domain: "sender.test"})
				}
				g.own.permits.empty()
			}
			br.now = func() time.Time { return now }
			return br.round(context.Background(), true)
		})
	})
	b.Run("apart", func(b *testing.B) {
		w := newBenchWorld(b)
		states, known := make(map[int64]pacing.State), make(map[int64]int64)
		w.measure(b, func(now time.Time) error {
			for _, id := range w.providers {
				if err := w.alone(id, states, known, now); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func acceptance(now time.Time, i int) pacing.Event {
	at := now.Add(-time.Duration(i) * 50 * time.Millisecond)
	return pacing.Event{Kind: pacing.Accepted, At: at, Launched: at.Add(-40 * time.Millisecond), Lanes: 2}
}

// benchWorld is a database with providers, and one backend that does all.
type benchWorld struct {
	store     *postgres.Store
	source    int64
	providers []int64
}

func newBenchWorld(b *testing.B) *benchWorld {
	b.Helper()
	ctx := context.Background()
	store, err := postgres.Open(ctx, pgtest.Database(b, postgres.Migrate, postgres.MigrationsFingerprint()), 1)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(store.Close)
	w := &benchWorld{store: store}
	if w.source, err = store.EnsureSource(ctx, "127.0.0.1", "mail.sender.test"); err != nil {
		b.Fatal(err)
	}
	for n := range active {
		var id int64
		key := fmt.Sprintf("p%d.test", n)
		if err := store.Pool().QueryRow(ctx, `insert into providers (key, name) values ($1, $1) returning id`, key).Scan(&id); err != nil {
			b.Fatal(err)
		}
		w.providers = append(w.providers, id)
	}
	return w
}

// alone is a round of one provider as it was before there was a broker.
func (w *benchWorld) alone(id int64, states map[int64]pacing.State, known map[int64]int64, now time.Time) error {
	first, err := json.Marshal(pacing.New(pacing.Profile{Start: 20}, now))
	if err != nil {
		return err
	}
	state := states[id]
	known[id], err = w.store.EditPace(context.Background(), w.source, id, known[id], first, now,
		func(stored []byte) ([]byte, []postgres.PaceEvent, string, error) {
			if stored != nil {
				if err := json.Unmarshal(stored, &state); err != nil {
					return nil, nil, "", err
				}
			}
			var events []pacing.Event
			for i := range 8 {
				events = append(events, acceptance(now, i))
			}
			var decisions []pacing.Decision
			state, decisions = pacing.Step(state, events, now)
			state, _ = pacing.Take(state, 100, now, horizon)
			changed, err := json.Marshal(state)
			return changed, paceEvents("", decisions), "", err
		})
	states[id] = state
	return err
}

// measure makes one round after the other, 400 ms apart by their own clock, and
// reports what each cost: time, WAL, and processor time of the backend.
func (w *benchWorld) measure(b *testing.B, round func(now time.Time) error) {
	now := time.Now()
	for range 100 { // until rates are found and what is learned changes seldom
		if err := round(now); err != nil {
			b.Fatal(err)
		}
		now = now.Add(roundEvery)
	}
	var learned float64
	if err := w.store.Pool().QueryRow(context.Background(), `select avg(version) from paces`).Scan(&learned); err != nil {
		b.Fatal(err)
	}
	wal, cpu := w.wal(b), w.cpu(b)
	b.ResetTimer()
	for range b.N {
		if err := round(now); err != nil {
			b.Fatal(err)
		}
		now = now.Add(roundEvery)
	}
	b.StopTimer()
	var written float64
	if err := w.store.Pool().QueryRow(context.Background(), `select avg(version) from paces`).Scan(&written); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(100*(written-learned)/float64(b.N), "%written")
	b.ReportMetric(float64(w.wal(b)-wal)/float64(b.N)/active, "WAL-B/provider")
	b.ReportMetric(float64(w.cpu(b)-cpu)/float64(time.Microsecond)/float64(b.N)/active, "backend-µs/provider")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/active, "µs/provider")
}

func (w *benchWorld) wal(b *testing.B) (bytes int64) {
	b.Helper()
	err := w.store.Pool().QueryRow(context.Background(), `select (pg_current_wal_insert_lsn() - '0/0')::bigint`).Scan(&bytes)
	if err != nil {
		b.Fatal(err)
	}
	return bytes
}

// cpu returns the processor time of the only backend, where the system tells.
func (w *benchWorld) cpu(b *testing.B) time.Duration {
	b.Helper()
	var pid int
	if err := w.store.Pool().QueryRow(context.Background(), `select pg_backend_pid()`).Scan(&pid); err != nil {
		b.Fatal(err)
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", pid))
	if err != nil {
		return 0
	}
	ns, _ := strconv.ParseInt(strings.Fields(string(stat))[0], 10, 64)
	return time.Duration(ns)
}
