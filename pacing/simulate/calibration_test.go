package simulate

import (
	"strings"
	"testing"
)

// TestCalibration asks for the end at receivers whose limits differ in kind:
// lanes, a bucket, a clock window, a sliding window.
func TestCalibration(t *testing.T) {
	t.Parallel()
	scenarios, err := Named("R02", "R04", "R06", "R19")
	if err != nil {
		t.Fatal(err)
	}
	found := Calibrate(scenarios, 1, 2)
	for _, c := range found {
		if c.Took == 0 {
			t.Errorf("%s: %d messages were not sent in %d times its run", c.Name, c.Messages, runMost)
			continue
		}
		if sent, time := c.BySent.Median(), c.ByTime.Median(); sent > errorMost || time > errorMost {
			t.Errorf("%s: the end was foreseen with an error of %.1f %% by messages and %.1f %% by time", c.Name, 100*sent, 100*time)
		}
		if n := len(c.BySent.Errors); n != 15 {
			t.Errorf("%s: asked %d times by messages, want at every twentieth from the quarter on", c.Name, n)
		}
	}
	var table strings.Builder
	good, err := WriteCalibration(&table, found)
	if err != nil || !good {
		t.Errorf("the table says %t, %v:\n%s", good, err, table.String())
	}
}

func TestCalibrationSaysWhenItIsBad(t *testing.T) {
	t.Parallel()
	bad := Answers{Errors: []float64{0.1, 0.2, 0.9}}
	for _, tt := range []struct {
		name string
		c    Calibration
	}{
		{"errors too large", Calibration{Name: "X", Took: 1, BySent: bad, ByTime: bad}},
		{"never ended", Calibration{Name: "X"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var table strings.Builder
			if good, _ := WriteCalibration(&table, []Calibration{tt.c}); good {
				t.Errorf("called good:\n%s", table.String())
			}
		})
	}
}
