package simulate

import (
	"bytes"
	"encoding/xml"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/pacing"
)

// named returns one built-in scenario.
func named(t *testing.T, name string) Scenario {
	t.Helper()
	all, err := Named(name)
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}

func TestSameSeedSameRun(t *testing.T) {
	t.Parallel()
	s := named(t, "R17")
	s.Run, s.Title = 10*time.Minute, "noise, short"
	a := Run(s, Envelope().New, Options{Seed: 7})
	b := Run(s, Envelope().New, Options{Seed: 7})
	if diff := cmp.Diff(a.Took, b.Took); diff != "" {
		t.Error("two runs of one seed differ:", diff)
	}
	c := Run(s, Envelope().New, Options{Seed: 8})
	if cmp.Equal(a.Took, c.Took) {
		t.Error("two seeds gave the same run")
	}
}

func TestColdStarts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name          string
		good, refused float64 // least goodput in percent, most refusals per 1,000
	}{
		{"C1", 92, 20},
		{"C2", 92, 20},
		{"C3", 80, 21},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := Run(named(t, tt.name), Envelope().New, Options{})
			if 100*r.Goodput < tt.good || r.Deferrals > tt.refused {
				t.Errorf("%.1f %% with %.1f per 1,000; want at least %.0f %% and at most %.0f", 100*r.Goodput, r.Deferrals, tt.good, tt.refused)
			}
		})
	}
}

func TestShortRuns(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		run  time.Duration
		good float64 // percent
	}{
		{"R03", 10 * time.Minute, 95},
		{"R04", time.Hour, 90},
		{"R06", 4 * time.Hour, 80},
		{"R16", 10 * time.Minute, 90},
		{"R19", 3 * time.Hour, 80},
		{"R21", time.Hour, 85},
	}
	for _, tt := range tests {
		for _, opaque := range []bool{false, true} {
			name := tt.name + " text"
			if opaque {
				name = tt.name + " opaque"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := named(t, tt.name)
				s.Run, s.Title = tt.run, "short"
				r := Run(s, Envelope().New, Options{Opaque: opaque})
				if 100*r.Goodput < tt.good || r.Deferrals > 25 {
					t.Errorf("%.1f %% with %.1f per 1,000; want at least %.0f %%", 100*r.Goodput, r.Deferrals, tt.good)
				}
			})
		}
	}
}

func TestNobodySendsFasterThanTheSenderCan(t *testing.T) {
	t.Parallel()
	s := named(t, "R01")
	s.Run, s.Title = 2*time.Minute, "open, short"
	for _, c := range append(Rivals(), Envelope()) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			r := Run(s, c.New, Options{})
			if r.Accepted == 0 || float64(r.Accepted) > 1.02*hardRate*120 {
				t.Errorf("%d accepted in two minutes", r.Accepted)
			}
		})
	}
}

func TestWhatWasPossible(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		want   float64
		within float64 // share
	}{
		{"R01", 50 * 3600, 0.01},
		{"R02", 12.5 * 7200, 0.01},
		{"R03", 10*7200 + 50, 0.01},
		{"R05", 120 * 163, 0.01},
		{"R07", 20000, 0.001},
		{"R09", 8 * 4 * 3600, 0.015},
		{"R10", 10*4800 + 2*2400, 0.01},
		{"R11", 20 * (7200 - 900), 0.01},
		{"R12", 20 * (7200 - 300), 0.01},
		{"R16", 20 * 7200, 0.02},
		{"R23", 10 * 7200 * 0.995, 0.01},
		{"R24", 6*1800 + 3*(14400-4200), 0.02},
		{"N4", 12 * 6 * 3600, 0.01},
		{"C3", 120 * 6, 0.01},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sum := 0.0
			for _, x := range ideal(named(t, tt.name)) {
				sum += x
			}
			if math.Abs(sum-tt.want) > tt.within*tt.want {
				t.Errorf("%.0f possible, want %.0f", sum, tt.want)
			}
		})
	}
}

func TestFeedbackHalfASecondOld(t *testing.T) {
	t.Parallel()
	s := named(t, "R03")
	s.Run, s.Title = 10*time.Minute, "short"
	r := Run(s, Envelope().New, Options{Age: 500 * time.Millisecond})
	if r.Goodput < 0.93 || r.Deferrals > 20 {
		t.Errorf("%.1f %% with %.1f per 1,000", 100*r.Goodput, r.Deferrals)
	}
}

func TestPlotIsWellFormed(t *testing.T) {
	t.Parallel()
	s := named(t, "C3")
	var b bytes.Buffer
	if err := Plot(&b, "a <title> & more", Run(s, Envelope().New, Options{})); err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(&b)
	curves := 0
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "polyline" {
			curves++
		}
	}
	if curves != 3 {
		t.Errorf("%d curves, want offered, limit and accepted", curves)
	}
}

func TestEveryDecisionHasAReason(t *testing.T) {
	t.Parallel()
	s := named(t, "N6")
	s.Run, s.Title = 20*time.Minute, "short"
	n := 0
	c := EnvelopeWith("told", pacing.Profile{}, func(_ time.Duration, d pacing.Decision) {
		n++
		if strings.TrimSpace(d.Reason) == "" || d.Kind == "" || d.At.IsZero() {
			t.Errorf("decision without a reason: %+v", d)
		}
	})
	Run(s, c.New, Options{})
	if n < 5 {
		t.Errorf("only %d decisions", n)
	}
}
