package node

import (
	"slices"
	"testing"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
)

func TestStill(t *testing.T) {
	t.Parallel()
	start := time.Now()
	l := &life{node: 1}
	seen := make(map[int64]sighting)
	look := func(after time.Duration, beats map[int64]int64) []int64 {
		var nodes []postgres.Node
		for id, beat := range beats {
			nodes = append(nodes, postgres.Node{ID: id, Beat: beat})
		}
		dead := l.still(seen, nodes, start.Add(after))
		slices.Sort(dead)
		return dead
	}
	steps := []struct {
		name  string
		after time.Duration
		beats map[int64]int64
		want  []int64
	}{
		{"first seen, however old", 0, map[int64]int64{1: 5, 2: 100, 3: 7}, nil},
		{"just not dead", deadAfter - 1, map[int64]int64{1: 5, 2: 100, 3: 8}, nil},
		{"dead; we never are, to ourselves", deadAfter, map[int64]int64{1: 5, 2: 100, 3: 8}, []int64{2}},
		{"still there: burying it did not succeed", deadAfter + time.Second, map[int64]int64{1: 5, 2: 100, 3: 8}, []int64{2}},
		{"gone, and the other is silent for a while", 2*deadAfter - 2, map[int64]int64{1: 5, 3: 8}, nil},
		{"the other is dead, too", 2*deadAfter - 1, map[int64]int64{1: 5, 3: 8}, []int64{3}},
	}
	for _, step := range steps {
		if got := look(step.after, step.beats); !slices.Equal(got, step.want) {
			t.Errorf("%s: %v are dead; want %v", step.name, got, step.want)
		}
	}
	if _, known := seen[2]; known {
		t.Error("a node that is gone is still kept in mind")
	}
	clear(seen) // the database was away
	if got := look(time.Hour, map[int64]int64{3: 8}); got != nil {
		t.Errorf("after the database was away %v are dead at once", got)
	}
}

func TestSettleLease(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	earlier := now.Add(-47 * time.Hour)
	hold := campaign.DefaultSettings()
	hold.OnDoubt = campaign.DoubtHold
	short := campaign.DefaultSettings()
	short.Lifetime = campaign.Duration(time.Hour)
	tests := []struct {
		name     string
		held     postgres.Held
		settings campaign.Settings
		want     campaign.DeliveryState
	}{
		{"the first of its claim", postgres.Held{State: "queued", InDoubt: true}, campaign.DefaultSettings(), campaign.Deferred},
		{"held by the campaign's choice", postgres.Held{State: "queued", InDoubt: true}, hold, campaign.InDoubt},
		{"past its lifetime", postgres.Held{State: "deferred", InDoubt: true, FirstAttempt: &earlier}, short, campaign.InDoubt},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := settleHeld(tt.held, tt.settings, now, 0.5)
			if o.To != tt.want || o.Number != tt.held.Attempts+1 || !o.InDoubt {
				t.Errorf("becomes %s after attempt %d, in doubt: %v; want %s", o.To, o.Number, o.InDoubt, tt.want)
			}
			if !o.From.May(o.To) {
				t.Errorf("%s may not become %s", o.From, o.To)
			}
		})
	}
}
