package pacing

import (
	"encoding/json"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestHistoryCountsAnyInterval(t *testing.T) {
	t.Parallel()
	var h history
	start := momentOf(t0)
	for second := range 7200 {
		h.add(start.plus(float64(second)+0.5), 3)
	}
	end := start.plus(7200)
	tests := []struct {
		name      string
		ago, for_ float64
		want      float64
		within    float64
	}{
		{"the last ten seconds", 10, 10, 30, 0},
		{"half a minute", 45, 30, 90, 3},
		{"ten minutes", 900, 600, 1800, 0.1},
		{"an hour and a half", 5400, 5400, 16200, 200},
		{"the future", -10, 100, 0, 0},
		{"before anything", 80000, 1000, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			from := end.plus(-tt.ago)
			if got := h.between(from, from.plus(tt.for_)); math.Abs(got-tt.want) > tt.within {
				t.Errorf("counted %.1f, want %.1f ± %.1f", got, tt.want, tt.within)
			}
		})
	}
}

func TestHistorySurvivesJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var h history
		at := momentOf(t0)
		for range rapid.IntRange(0, 200).Draw(t, "adds") {
			at = at.plus(rapid.Float64Range(-5, 4000).Draw(t, "pass"))
			h.add(at, float64(rapid.IntRange(1, 1000).Draw(t, "n")))
		}
		data, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		var back history
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		if back != h {
			t.Fatal("changed on its way through JSON")
		}
	})
}

func FuzzHistoryJSON(f *testing.F) {
	var h history
	h.add(momentOf(t0), 7)
	data, _ := json.Marshal(h)
	f.Add(data)
	f.Add([]byte(`"AAAA"`))
	f.Add([]byte(`"//////////////8B"`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var h history
		if json.Unmarshal(data, &h) == nil {
			h.add(momentOf(t0), 1)
			h.between(momentOf(t0).plus(-100), momentOf(t0))
		}
	})
}
