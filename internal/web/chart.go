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
	Marks []mark // each change of pace
	// Numbers name the newest marks, as in the list of changes.
	Numbers []label
	Top     string // the rate at the upper edge
	Half    string
	From    string // the time at the left edge
	Upto    string
	Label   string // the chart in a sentence, for who cannot see it
}

// Empty reports whether there is nothing to draw.
func (c chart) Empty() bool { return c.Line == "" }

// span is a part of the time, from X, W wide.
type span struct{ X, W string }

// mark is a line at X, from From down.
type mark struct{ X, From, Kind, Words string }

// label stands below the chart, at X percent of its width, in one of a few
// rows, so that neighbours do not cover each other.
type label struct {
	X, Y   string
	Number int
	Kind   string
}

const (
	chartWide = 1000.0
	chartHigh = 200.0
)

// newChart draws the changes of a rate, which come newest first, up to now, and
// marks those that are told in lines, newest first too.
func newChart(events []postgres.PaceEvent, lines []feedLine, now time.Time) chart {
	steps := slices.Clone(events)
	slices.Reverse(steps)
	steps = slices.DeleteFunc(steps, func(e postgres.PaceEvent) bool {
		return e.Kind == string(pacing.Laned) || partial(e) || math.IsNaN(e.Was+e.Now) || math.IsInf(e.Was+e.Now, 0)
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
			slowed++
		}
	}
	if held >= 0 {
		c.Holds = append(c.Holds, span{coordinate(held), coordinate(chartWide - held)})
	}
	c.mark(lines, x, now)
	line.WriteString("H" + coordinate(chartWide))
	c.Line = line.String()
	c.Area = c.Line + "V" + coordinate(chartHigh) + "H0Z"
	c.Label = "Rate since " + c.From + " UTC, up to " + c.Top + "; slowed " + plural(int64(slowed), "time", "times") +
		", held " + plural(int64(len(c.Holds)), "time", "times") + ", now " + rate(steps[len(steps)-1].Now) + "."
	return c
}

// markKinds are the classes of marks by the tone of what is told.
var markKinds = map[string]string{"bad": "slowed", "good": "faster", "hand": "hand"}

const (
	// numberRows is how many rows numbers may take, numberWide how much of the
	// chart's width one needs on a phone, in percent.
	numberRows = 4
	numberWide = 5.0
	numberHigh = 14 // pixels
)

// mark draws a line for each change, and numbers those that have one.
func (c *chart) mark(lines []feedLine, x func(time.Time) float64, now time.Time) {
	var taken [numberRows]float64 // how far each row is covered, in percent
	for i := range taken {
		taken[i] = math.Inf(-1)
	}
	for _, line := range slices.Backward(lines) {
		kind, ok := markKinds[line.Tone]
		if !ok {
			continue
		}
		from := "0"
		if kind == "faster" {
			from = coordinate(0.9 * chartHigh) // a tick: the curve itself shows that it rises
		}
		c.Marks = append(c.Marks, mark{coordinate(x(line.At)), from, kind, moment(line.At, now) + ": " + line.Words})
		if line.Number == 0 {
			continue
		}
		percent := x(line.At) / chartWide * 100
		for row := range taken {
			if percent >= taken[row] {
				taken[row] = percent + numberWide
				c.Numbers = append(c.Numbers, label{coordinate(percent), strconv.Itoa((row + 1) * numberHigh), line.Number, kind})
				break
			}
		}
	}
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
