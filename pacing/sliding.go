package pacing

import "math"

// sliding is a limit on any span of a fixed length: so many messages in any
// ten minutes. Running evenly at quota/length never meets it.
//
// It is learned in two ways: a block ended one length after the run's first
// message; or two blocks have a volume in common: whatever the runs before
// them looked like, the last so many seconds held the same number of
// messages. The second way also unmasks penalty boxes, whose end says nothing
// about the limit that was crossed.
type sliding struct {
	Width float64 `json:"width,omitzero"` // seconds; 0: none known
	Cap   float64 `json:"cap,omitzero"`   // messages per second
	Rest  float64 `json:"rest,omitzero"`  // seconds between growths
	Grow  moment  `json:"grow,omitzero"`  // last considered growing
	Step  float64 `json:"step,omitzero"`
	Skip  int     `json:"skip,omitzero"`
	Gap   int     `json:"gap,omitzero"`
	Grown bool    `json:"grown,omitempty"`
	From  float64 `json:"from,omitzero"`  // the rate at which the block came that taught it
	Wrong int     `json:"wrong,omitzero"` // limits believed in that were none
	Maybe float64 `json:"maybe,omitzero"` // a width that fitted a block too short to be sure
	Short float64 `json:"short,omitzero"` // a shorter width that fits as well, to be tried
	Long  float64 `json:"long,omitzero"`  // while it is tried: the width to go back to

	// Accepted before the last block and the one before it, by width.
	Volumes [len(spans)]float64 `json:"volumes,omitzero"`
	Before  [len(spans)]float64 `json:"before,omitzero"`
}

// spans are the lengths over which receivers are known to count.
var spans = [...]float64{5, 10, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200}

const (
	slidingShare = 0.97
	slideClear   = 0.2  // of a width must a block have lasted to be no coincidence; else the next must fit too
	volumeShare  = 0.96 // crossing costs a block, so stay clearer below
	alike        = 0.05 // two volumes that differ by less agree
	shortAfter   = 2    // clean lengths after which a shorter width that fits as well is tried
)

// trusting says whether another sliding limit may be believed in: two wrong
// ones show that blocks here have other reasons.
func (s *sliding) trusting() bool { return s.Wrong < 2 }

// learnSliding looks for the sliding window that explains why the block ended.
func (t *turn) learnSliding() bool {
	h := &t.Hold
	for _, width := range clocks {
		end := h.Run.plus(width)
		late := t.now.since(end)
		if end <= h.Refused.plus(0.5) || late < -1 || late > 0.05*width+6 || h.Since.since(h.Run) >= width {
			continue
		}
		count := t.History.between(h.Since.plus(-width), t.now.plus(-1))
		if count < 4 {
			return false
		}
		if t.now.since(h.Since) < slideClear*width && t.Sliding.Maybe != width {
			t.Sliding.Maybe = width
			return false
		}
		t.slide(width, slidingShare*count/width, 1.1*width)
		return true
	}
	return false
}

// countVolumes notes what the run had behind it when the block began. It must
// be called while the past is still known by the second.
func (t *turn) countVolumes() {
	s, h := &t.Sliding, &t.Hold
	if h.Counted {
		return
	}
	h.Counted = true
	s.Before = s.Volumes
	for i, span := range spans {
		s.Volumes[i] = t.History.between(h.Since.plus(t.Latency.Message-span), t.now.plus(-1))
	}
}

// learnVolume compares what the last two blocks had behind them. The width
// whose counts agree best is the one that the receiver counts over.
func (t *turn) learnVolume() bool {
	s, h := &t.Sliding, &t.Hold
	best, agree, width, count, short := alike, 0, 0.0, 0.0, 0.0
	for i, span := range spans {
		now, was := s.Volumes[i], s.Before[i]
		if was < 8 || now < 8 {
			continue
		}
		off := math.Abs(now-was) / max(now, was)
		if off < alike {
			agree++
		}
		// Of two lengths that both held the whole run, nothing says which it
		// is: the longer one is safe, and the shorter is tried later.
		whole := span > h.Since.since(h.Run) && now <= 1.02*count
		switch {
		case off < alike && whole:
			best, short, width, count = off, width, span, min(now, was)
		case off < best:
			best, short, width, count = off, 0, span, min(now, was)
		}
	}
	if width == 0 || agree > 2 {
		return false // no agreement, or two runs so alike that many widths agree
	}
	t.slide(width, volumeShare*count/width, max(1.1*width, h.rest()))
	s.Short = short
	return true
}

// slide puts a sliding limit in force.
func (t *turn) slide(width, perSecond, rest float64) {
	s := &t.Sliding
	*s = sliding{Width: width, Cap: perSecond, Rest: rest, Grow: t.now, Step: windowGrowth, Gap: 1,
		From: max(t.Episode.Before, perSecond), Wrong: s.Wrong, Volumes: s.Volumes, Before: s.Before}
	r := &t.Rate
	r.Hi, r.Empty, r.Good = 0, emptied{}, perSecond
	t.Comeback = comeback{}
	t.cruiseAt(perSecond)
	t.planClimb()
}

// runSliding keeps a sliding limit: grows it when it was used and clean. It
// says whether one is in force.
func (t *turn) runSliding() bool {
	s := &t.Sliding
	if s.Width == 0 {
		return false
	}
	t.tryShort()
	if t.now.since(s.Grow) <= s.Rest {
		return true
	}
	s.Grow = t.now
	if s.Grown {
		s.Gap, s.Step = 1, min(growthMost, s.Step*windowStep)
	}
	if s.Skip > 0 {
		s.Skip--
	} else if t.History.between(t.now.plus(-s.Width), t.now) > 0.9*s.Cap*s.Width {
		s.Cap *= 1 + s.Step
		s.Grown = true
	}
	t.cruiseAt(s.Cap)
	return true
}

// tryShort goes over to the shorter of two lengths that explain the blocks
// alike, once the longer has been clean for a while: were it the true one, all
// the time at the longer would be half wasted; were it not, one refusal tells.
func (t *turn) tryShort() {
	s := &t.Sliding
	clean := t.now.since(s.Grow) > shortAfter*max(s.Width, s.Long)
	switch {
	case s.Long > 0 && clean:
		s.Long = 0
	case s.Short > 0 && clean:
		was := s.Cap
		s.Long, s.Width, s.Short = s.Width, s.Short, 0
		s.Cap *= s.Long / s.Width
		s.Grow = t.now
		t.cruiseAt(s.Cap)
		t.decide(Faster, was, s.Cap, "as many messages in "+widthName(s.Width)+" would explain the blocks as well: trying "+pace(s.Cap))
	}
}

// slidingMet says whether a refusal is the sliding limit being met; it is
// then measured anew. Refused far below it, the limit is another one.
func (t *turn) slidingMet(e Event) bool {
	s := &t.Sliding
	if s.Width == 0 {
		return false
	}
	if s.Long > 0 {
		// It was the longer one.
		s.Cap *= s.Width / s.Long
		s.Width, s.Long = s.Long, 0
	}
	count := t.History.between(t.now.plus(-s.Width), t.now)
	if count < 0.8*s.Cap*s.Width {
		s.Width = 0
		return false
	}
	if t.Episode.Strike >= 3 {
		// Running evenly below such a limit, something would have passed by
		// now. It was never the reason: go back to before it was believed.
		s.Width = 0
		s.Wrong++
		t.Episode.Before, t.Episode.Stray = s.From, t.has(Unprovoked)
		return false
	}
	s.Cap = min(slidingShare*count/s.Width, 0.99*s.Cap)
	if s.Grown {
		s.Gap = min(skipMost, 2*s.Gap)
	}
	s.Skip, s.Step, s.Grown, s.Grow = s.Gap, windowGrowth, false, t.now
	was := t.Rate.R
	t.Rate.Empty = emptied{}
	t.cruiseAt(s.Cap)
	t.say(Measured, was, t.Rate.R, e, "said "+e.words()+": "+pace(s.Cap)+" over any "+widthName(s.Width)+" is what fits")
	return t.Episode.Strike < 3
}
