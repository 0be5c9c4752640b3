package estimate

import (
	"math"
	"slices"
	"time"
)

const (
	// enough is how many accepted messages, over how many seconds, say
	// anything about a pace that is not known yet.
	enough    = 30
	enoughFor = 10

	// The past is read in slices of a minute, or longer where a minute brings
	// fewer than sliceLeast messages: a slice must not be a matter of chance.
	sliceWidth = 60
	sliceLeast = 25
	slicesMost = 180

	// levelSlices are the newest slices whose middle is the pace of today: an
	// interruption shorter than half of them does not move it.
	levelSlices = 13

	// alike is by how much a slice of the same pace may differ from it.
	alike = 0.3

	// patternFor is how many slices in a row may be different before they are
	// taken for other times and not for an interruption, if fewer than these
	// were like now.
	patternFor = 30

	lookMost   = 24 * 3600 // seconds: what the pacer remembers
	rangeLeast = 0.06      // no range is narrower on either side, as a share of the time left
)

// seen is what the past says about the pace, in messages per second.
type seen struct {
	rate      float64 // the likely one
	low, high float64 // the slowest and the fastest to reckon with
	known     bool
	past      float64 // seconds that it was read from
}

// look reads the pace from the past.
//
// The middle of the last slices is the pace of today. From there it goes back
// as long as slices are like it. Others in between are interruptions: one
// alone may never come again and is left out; two or more are how this
// provider is, and count. A past that was altogether different is over.
func (w Work) look(now time.Time) seen {
	end := now
	if w.Outlook.Held && w.Outlook.HeldSince.After(w.Since) {
		end = w.Outlook.HeldSince // the hold itself is on the course
	}
	most := math.Min(end.Sub(w.Since).Seconds(), lookMost)
	all := w.Accepted(after(end, -most), end)
	if most < enoughFor || all < enough {
		return seen{}
	}
	width := math.Max(sliceWidth, math.Min(sliceLeast*most/all, most/4))
	past := w.slices(end, width, math.Min(most, slicesMost*width))
	if len(past) < 3 {
		rate := w.recent(end, most)
		return seen{rate: rate, low: 0.8 * rate, high: 1.3 * rate, known: true}
	}
	s := judge(past)
	s.past = float64(len(past)) * width
	return s
}

// recent is the pace of a young campaign: of the newer half, since the start
// is slower than what follows.
func (w Work) recent(end time.Time, most float64) float64 {
	half := math.Max(most/2, math.Min(most, enoughFor))
	return w.Accepted(after(end, -half), end) / half
}

// slices are the paces of equal spans before a moment, newest first.
func (w Work) slices(end time.Time, width, most float64) []float64 {
	var paces []float64
	for back := width; back <= most; back += width {
		paces = append(paces, w.Accepted(after(end, -back), after(end, width-back))/width)
	}
	return paces
}

// judge finds the pace that slices show, newest first. Newer ones count more,
// evenly down to nothing: the pacer learns, and interruptions grow shorter.
func judge(past []float64) seen {
	level := middle(past[:min(len(past), levelSlices)])
	var like, pause, open weighted
	gaps := 0
	for i, x := range past {
		if open.slices > max(like.slices, patternFor) {
			break // too long for an interruption: those were other times
		}
		weight := 1 - float64(i)/float64(len(past))
		if math.Abs(x-level) > alike*level {
			open.add(x, weight)
			continue
		}
		if open.weight > 0 && like.weight > 0 {
			pause, gaps = pause.plus(open), gaps+1
		}
		open = weighted{}
		like.add(x, weight)
	}
	if like.weight == 0 {
		return seen{rate: level, low: 0.7 * level, high: 1.3 * level, known: true}
	}
	alone, with := like.mean(), like.plus(pause).mean()
	s := seen{rate: alone, low: min(alone, with), high: max(alone, with), known: true}
	if gaps >= 2 {
		s.rate = with
	}
	var newest weighted
	for _, x := range past[:min(len(past), levelSlices)] {
		newest.add(x, 1)
	}
	s.low, s.high = min(s.low, newest.mean()), max(s.high, newest.mean())
	return s
}

// weighted is a sum to take a mean of.
type weighted struct {
	sum, weight float64
	slices      int
}

func (w *weighted) add(x, weight float64) {
	w.sum, w.weight, w.slices = w.sum+x*weight, w.weight+weight, w.slices+1
}

func (w weighted) plus(o weighted) weighted {
	return weighted{w.sum + o.sum, w.weight + o.weight, w.slices + o.slices}
}

func (w weighted) mean() float64 { return w.sum / w.weight }

func middle(xs []float64) float64 {
	sorted := slices.Sorted(slices.Values(xs))
	return sorted[len(sorted)/2]
}
