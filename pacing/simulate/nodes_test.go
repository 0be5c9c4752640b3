package simulate

import (
	"testing"
	"time"

	"github.com/headwaymail/headway/pacing"
)

func TestSharingIsFree(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]time.Duration{"R03": 40 * time.Minute, "R06": 150 * time.Minute, "R09": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := scenario(t, name)
			s.Run = run
			one := Run(s, Envelope().New, Options{Seed: 3})
			two := Run(s, Nodes(2).New, Options{Seed: 3})
			t.Logf("one node %.1f %% / %.1f, two %.1f %% / %.1f", 100*one.Goodput, one.Deferrals, 100*two.Goodput, two.Deferrals)
			if two.Goodput < 0.97*one.Goodput {
				t.Errorf("goodput %.3f, one node has %.3f", two.Goodput, one.Goodput)
			}
			if two.Deferrals > 1.5*one.Deferrals+1 {
				t.Errorf("%.2f refusals per 1,000, one node has %.2f", two.Deferrals, one.Deferrals)
			}
		})
	}
}

func TestAKilledNodeKeepsHoldsAndWindows(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		at   time.Duration // 10:17:23 plus this
	}{
		{"in a hold", 31 * time.Minute},
		{"in the middle of a window", 75 * time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := scenario(t, "R06")
			s.Run = 150 * time.Minute
			const down = 5 * time.Second
			var restored pacing.State
			got := Run(s, Killed(tt.at, down, func(back pacing.State) { restored = back }).New, Options{Seed: 1})
			whole := Run(s, Envelope().New, Options{Seed: 1})
			if lost := whole.Goodput - got.Goodput; lost > 0.01 {
				t.Errorf("lost %.2f points of goodput", 100*lost)
			}
			p := restored.Pace(Start.Add(tt.at+down), pacing.Demand{Waiting: 1000})
			if p.Mode == "hold" {
				for second := int((tt.at + down) / time.Second); second < int(p.HoldUntil.Sub(Start)/time.Second); second++ {
					if got.Offered[second] > 0 {
						t.Errorf("knocked at second %d, before %s", second, p.HoldUntil)
					}
				}
			}
			accepted := 0.0
			for second := range int(tt.at / time.Second) {
				accepted += float64(got.Took[second])
			}
			if off := (accepted - restored.Total) / 1200; off > 0.01 || off < -0.01 {
				t.Errorf("the restored state misses %.1f %% of a window", 100*off)
			}
			t.Logf("%s: mode %s, goodput %.4f, unkilled %.4f", tt.name, p.Mode, got.Goodput, whole.Goodput)
		})
	}
}

func scenario(t *testing.T, name string) Scenario {
	t.Helper()
	found, err := Named(name)
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %v, %d found", name, err, len(found))
	}
	found[0].Title += " cut short" // the possible is worked out by name and run
	return found[0]
}
