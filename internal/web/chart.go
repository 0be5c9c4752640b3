package web

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/pacing"
)

// chart is the rate over time as steps, in a box of chartWide by chartHigh.
type chart struct {
	Line  string // path of the rate
	Area  string // path of what lies below it
	Holds []span // when nothing was sent
	Marks []mark // where we were slowed
	Top   string // the rate at the upper edge
	Half  string
	From  string // the time at the left edge
	Upto  string
	Label string // the chart in a sentence, for who cannot see it
}

// Empty reports whether there is nothing to draw.
func (c chart) Empty() bool { return c.Line == "" }

// span is a part of the time, from X, W wide.
type span struct{ X, W string }

// mark is a moment at X.
type mark struct{ X, Words string }

const (
	chartWide = 1000.0
	chartHigh = 200.0
)

// newChart draws the changes of a rate, which come newest first, up to now.
func newChart(events []postgres.PaceEvent, now time.Time) chart {
	steps := slices.Clone(events)
	slices.Reverse(steps)
	steps = slices.DeleteFunc(steps, func(e postgres.PaceEvent) bool {
		return e.Kind == string(pacing.Laned) || math.IsNaN(e.Was+e.Now) || math.IsInf(e.Was+e.Now, 0)
	})
	if len(steps) == 0 {
		return chart{}
	}
	top := 0.0
	for _, e := range steps {
		top = max(top, e.Was, e.Now)
	}
	top = roundUp(top)
	from := steps[0].At
	whole := max(now.Sub(from).Seconds(), 1)
	x := func(t time.Time) float64 { return min(max(t.Sub(from).Seconds()/whole, 0), 1) * chartWide }
	y := func(perSecond float64) float64 { return chartHigh * (1 - max(perSecond, 0)/top) }

	c := chart{Top: rate(top), Half: rate(top / 2), From: moment(from, now), Upto: moment(now, now)}
	var line strings.Builder
	line.WriteString("M0 " + coordinate(y(steps[0].Now)))
	held := -1.0
	slowed := 0
	for _, e := range steps {
		at := coordinate(x(e.At))
		line.WriteString("H" + at + "V" + coordinate(y(e.Now)))
		switch kind := pacing.DecisionKind(e.Kind); {
		case kind == pacing.Held && held < 0:
			held = x(e.At)
		case kind == pacing.Released && held >= 0:
			c.Holds = append(c.Holds, span{coordinate(held), coordinate(x(e.At) - held)})
			held = -1
		case (kind == pacing.Slower || kind == pacing.Measured) && e.Now < e.Was:
			c.Marks = append(c.Marks, mark{at, moment(e.At, now) + ": " + rate(e.Was) + " → " + rate(e.Now)})
			slowed++
		}
	}
	if held >= 0 {
		c.Holds = append(c.Holds, span{coordinate(held), coordinate(chartWide - held)})
	}
	line.WriteString("H" + coordinate(chartWide))
	c.Line = line.String()
	c.Area = c.Line + "V" + coordinate(chartHigh) + "H0Z"
	c.Label = "Rate since " + c.From + " UTC, up to " + c.Top + "; slowed " + plural(int64(slowed), "time", "times") +
		", held " + plural(int64(len(c.Holds)), "time", "times") + ", now " + rate(steps[len(steps)-1].Now) + "."
	return c
}

// roundUp returns the next 1, 2 or 5 times a power of ten.
func roundUp(v float64) float64 {
	if v <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 2, 5} {
		if v <= step*power {
			return step * power
		}
	}
	return 10 * power
}

func coordinate(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
