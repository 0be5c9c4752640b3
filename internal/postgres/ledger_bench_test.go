//go:build linux

package postgres

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
)

// BenchmarkLedger says what a message costs Postgres from the launch to its
// outcome: processor time of the connections that work for it, by the clock of
// the kernel. One operation is one message.
func BenchmarkLedger(b *testing.B) {
	const domains, lanes, chunk, together = 200, 4, 40, 28 // as in a campaign whose signatures take all that the processors give
	w := newWorld(b)
	names := make([]string, domains)
	for i := range names {
		names[i] = fmt.Sprintf("d%d.test", i)
	}
	w.crowd("Readers", b.N/domains+1, names...)
	providers := make([]int64, domains)
	for i, name := range names {
		providers[i] = w.at(name)
	}
	w.exec(`analyze`)

	id := w.draft("Readers")
	w.change(id, campaign.Launch)
	w.must(w.OpenLedger(context.Background(), id, w.now))
	begun := w.spent(b)
	w.fill(id, 20_000)
	launched := w.spent(b)

	ledger := one[int32](w, `select ledger_id from campaigns where id = $1`, id)
	var claiming, recording time.Duration
	total := one[int](w, `select count(*) from deliveries`)
	b.ResetTimer()
	for left := total; left > 0; {
		for some := range slices.Chunk(providers, lanes) {
			requests := make([]ClaimRequest, len(some))
			for i, provider := range some {
				requests[i] = ClaimRequest{Ledger: ledger, Campaign: id, Provider: provider, Node: 1, Limit: chunk, Now: w.now}
			}
			before := w.spent(b)
			taken, err := w.Store.Claim(context.Background(), requests)
			w.must(err)
			between := w.spent(b)
			var outcomes []Outcome
			for i, t := range taken {
				for _, d := range t.Deliveries {
					outcomes = append(outcomes, w.accepted(d, some[i]))
				}
			}
			claimed := len(outcomes)
			for len(outcomes) > 0 { // as a commit group of several lanes
				group := outcomes[:min(together, len(outcomes))]
				w.must(w.Record(context.Background(), group))
				outcomes = outcomes[len(group):]
			}
			if left -= claimed; left%2000 < lanes*chunk || left == 0 { // as often as a node does that sends some thousand a second
				w.must(w.Count(context.Background()))
			}
			claiming += between - before
			recording += w.spent(b) - between
		}
	}
	b.ReportMetric(0, "ns/op")
	for unit, spent := range map[string]time.Duration{"launch-µs": launched - begun, "claim-µs": claiming, "record-µs": recording} {
		b.ReportMetric(float64(spent.Microseconds())/float64(total), unit)
	}
}

// spent returns the processor time of all connections to the database.
func (w *world) spent(b *testing.B) time.Duration {
	b.Helper()
	rows, err := w.pool.Query(context.Background(), `select pid from pg_stat_activity where datname = current_database()`)
	w.must(err)
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int32])
	w.must(err)
	var sum time.Duration
	for _, pid := range pids {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", pid))
		if err != nil {
			continue // a connection that ended meanwhile
		}
		var ns int64
		if _, err := fmt.Sscan(string(raw), &ns); err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(ns)
	}
	return sum
}
