package postgres

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Nobody who paused is launched or claimed while it lasts; then they are again,
// though nobody did anything.
func TestPause(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	w.empty()
	ids := w.join("Readers", "ana+news@a.test", "ana@a.test", "ben@a.test")
	provider := w.at("a.test")
	before := w.launch("Readers")
	until := w.now.AddDate(0, 0, 30)
	last, err := w.LastSuppression(ctx)
	w.must(err)
	key, canonical, err := w.Pause(ctx, Pausing{Campaign: before, Contact: ids[0], At: w.now, Until: until})
	w.must(err)
	if key != "ana+news@a.test" || canonical != "ana@a.test" {
		t.Errorf("the keys are %s and %s", key, canonical)
	}
	if told, err := w.SuppressionsSince(ctx, last); err != nil || len(told) != 1 {
		t.Errorf("other nodes hear %v, %v", told, err)
	}
	during := w.launch("Readers")
	for name, id := range map[string]int64{"launched before": before, "launched meanwhile": during} {
		if got := addresses(w.claim(id, provider, 1, 9)); len(got) != 1 || got[0] != "ben@a.test" {
			t.Errorf("%s: %v were claimed", name, got)
		}
	}
	if n := one[int](w, `select count(*) from deliveries where campaign_id = $1`, during); n != 1 {
		t.Errorf("%d were launched", n)
	}
	if class := one[string](w, `select class from deliveries where campaign_id = $1 and contact_id = $2 and state = 'suppressed'`, before, ids[0]); class != "paused" {
		t.Errorf("suppressed as %s", class)
	}
	reach, err := w.Reach(ctx, ids[1], w.now)
	w.must(err)
	if reach.Own || reach.Left || !reach.Paused.Equal(until) {
		t.Errorf("the other spelling: %+v", reach)
	}
	w.now = until
	provider = w.at("a.test") // what was known of the domain is too old by now
	if got := w.claim(w.launch("Readers"), provider, 1, 9); len(got) != 3 {
		t.Errorf("when it is over, %v were claimed", addresses(got))
	}
	w.balanced()
}

func TestPauseOfNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, _, err := w.Pause(context.Background(), Pausing{Contact: 99, At: w.now, Until: w.now.Add(time.Hour)}); !errors.Is(err, pgx.ErrNoRows) {
		t.Errorf("got %v", err)
	}
	if _, err := w.Reach(context.Background(), 99, w.now); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
}
