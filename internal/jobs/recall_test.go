package jobs

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/headwaymail/headway/internal/delivery"
	"github.com/headwaymail/headway/internal/postgres/storetest"
)

// A lane that was asked for just before the database's clock was set back stands
// in the way of others like it, and would for an hour, until it is recalled.
func TestLanePutOffByAClockRuns(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	store := storetest.Open(t, 8)
	lane := delivery.Lane{Node: 1, Source: 1, Provider: 7}
	asks, err := NewQueue(store, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := asks.AskForLanes(ctx, []delivery.Lane{lane}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Pool().Exec(ctx, `update river.river_job set scheduled_at = now() + interval '1 hour'`); err != nil {
		t.Fatal(err)
	}
	bag := &mailbag{due: make(map[delivery.Lane][]time.Time), running: make(map[delivery.Lane]int)}
	bag.put(lane)
	queue, err := Start(ctx, store, Work{Node: 1, Lanes: bag}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := queue.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	if n, err := store.RecallJobs(ctx); err != nil || n != 1 {
		t.Fatalf("%d jobs recalled, %v; want 1", n, err)
	}
	for deadline := time.Now().Add(time.Minute); len(bag.waiting()) > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the lane does not run")
		}
		if err := queue.AskForLanes(ctx, bag.waiting()); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := store.RecallJobs(ctx); err != nil || n != 0 {
		t.Errorf("%d jobs recalled when none was put off, %v", n, err)
	}
}
