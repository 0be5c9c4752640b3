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

// Unproven contacts go out in slices, and yet nobody gets it before the time of
// their own zone: those whose time comes first are tried first.
func TestSlicesKeepToReadersZones(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t)
	w.file("Readers", "a.test", "", 1000)
	w.exec(`update contacts set fields = jsonb_build_object('tz', case when id % 4 = 0 then 'Asia/Tokyo' else 'America/New_York' end)`)
	tokyo, york := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC)
	w.now = tokyo.Add(-2 * time.Hour)
	id := w.draft("Readers")
	w.must(w.InTx(ctx, func(tx pgx.Tx) error {
		return w.SetReaderTimeTx(ctx, tx, id, campaign.ReaderTime{Field: "tz", At: "2026-11-24 09:00", Zone: "Europe/Warsaw"})
	}))
	w.exec(`update list_members set since = $1`, w.now.Add(-time.Hour))
	w.change(id, campaign.Launch)
	w.must(w.OpenLedger(ctx, id, w.now))
	w.fill(id, 300)

	due := func(zone string, from, upto time.Time) int64 {
		return one[int64](w, `select count(*) from deliveries d join contacts c on c.id = d.contact_id
		                       where d.campaign_id = $1 and c.fields ->> 'tz' = $2 and d.due_at >= $3 and d.due_at <= $4`, id, zone, from, upto)
	}
	if n, early := due("Asia/Tokyo", tokyo, tokyo), due("Asia/Tokyo", w.now, tokyo.Add(-time.Second)); n != 200 || early != 0 {
		t.Errorf("the first slice has %d readers at nine in Tokyo and %d before", n, early)
	}
	w.step()
	if n := w.settleSlices(id, "a.test", 0); n != 0 {
		t.Errorf("%d readers are due two hours early", n)
	}

	w.now = tokyo.Add(time.Minute)
	if n := w.settleSlices(id, "a.test", 0); n != 200 {
		t.Errorf("%d readers of the first slice are due at nine in Tokyo", n)
	}
	w.step() // 50 more at once, the rest where it is still night
	if late, own, early := due("Asia/Tokyo", w.now, w.now), due("America/New_York", york, york), due("America/New_York", w.now, york.Add(-time.Second)); late != 50 || own != 750 || early != 0 {
		t.Errorf("the second slice has %d late in Tokyo, %d at nine and %d before in New York", late, own, early)
	}
	if opened := one[time.Time](w, `select max(opened_at) from probation_slices where campaign_id = $1`, id); !opened.Equal(york) {
		t.Errorf("the slice is waited for from %s on, not from %s", opened, york)
	}
	w.now = york
	if n := w.settleSlices(id, "a.test", 0); n != 800 {
		t.Errorf("%d readers of the second slice are due in the end", n)
	}
	w.step()
	if state := one[string](w, `select state from probation_sources where campaign_id = $1`, id); state != "passed" {
		t.Errorf("the file is %s", state)
	}
}
