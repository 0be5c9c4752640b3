package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
)

// Each reader's mail falls due at the same time of their own day: not before it,
// and at once where it has passed.
func TestReadersGetItInTheirOwnZones(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t)
	ids := w.join("Readers", "tokyo@a.test", "york@a.test", "warsaw@a.test", "nonsense@a.test", "nothing@a.test", "kiribati@a.test")
	for i, zone := range []string{"Asia/Tokyo", " america/new_york ", "Europe/Warsaw", "Middle-earth", "", "Pacific/Kiritimati"} {
		w.exec(`update contacts set fields = jsonb_build_object('tz', $2::text) where id = $1`, ids[i], zone)
	}
	w.exec(`update contacts set fields = '{}' where id = $1`, ids[4])
	own := campaign.ReaderTime{Field: "tz", At: "2026-11-24 09:00", Zone: "Europe/Warsaw"}
	at := func(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, time.UTC) }
	now := at(23, 22) // in Kiritimati it is noon
	id := w.draft("Readers")
	w.must(w.InTx(ctx, func(tx pgx.Tx) error { return w.SetReaderTimeTx(ctx, tx, id, own) }))

	zones, err := w.ReaderZones(ctx, id, own)
	w.must(err)
	want := []ReaderZone{{"Pacific/Kiritimati", at(23, 19), 1, 0}, {"Asia/Tokyo", at(24, 0), 1, 0}, {"", at(24, 8), 2, 1},
		{"Europe/Warsaw", at(24, 8), 1, 0}, {"America/New_York", at(24, 14), 1, 0}}
	if diff := cmp.Diff(want, zones, cmp.Comparer(func(x, y time.Time) bool { return x.Equal(y) })); diff != "" {
		t.Error(diff)
	}

	w.now = now
	w.exec(`update list_members set since = $1`, now.Add(-time.Hour))
	w.change(id, campaign.Launch)
	w.must(w.OpenLedger(ctx, id, now))
	w.fill(id, 4)
	due := make(map[string]time.Time)
	rows, err := w.pool.Query(ctx, `select c.address, d.due_at from deliveries d join contacts c on c.id = d.contact_id where d.campaign_id = $1`, id)
	w.must(err)
	var (
		address string
		when    time.Time
	)
	_, err = pgx.ForEachRow(rows, []any{&address, &when}, func() error {
		due[address] = when.UTC()
		return nil
	})
	w.must(err)
	wantDue := map[string]time.Time{"tokyo@a.test": at(24, 0), "york@a.test": at(24, 14), "warsaw@a.test": at(24, 8), "nonsense@a.test": at(24, 8),
		"nothing@a.test": at(24, 8), "kiribati@a.test": now}
	if diff := cmp.Diff(wantDue, due); diff != "" {
		t.Error(diff)
	}
	c, err := w.Campaign(ctx, id)
	w.must(err)
	if diff := cmp.Diff([]campaign.Later{{Due: at(24, 0), N: 1}, {Due: at(24, 8), N: 3}, {Due: at(24, 14), N: 1}}, c.Audience.Later); diff != "" {
		t.Error(diff)
	}
	w.balanced()
}
