package pacing

import "github.com/headwaymail/headway/pacing/reply"

// Some servers go away for seconds now and then and say nothing of it: they
// are restarted, a filter behind them hangs. It looks like a block for too
// much mail, but three things tell it from one: mail was taken at an even
// rate for minutes right before; the old rate is taken again right after; and
// the runs between two such blocks differ in volume, where a quota would
// have stopped them at the same count. After the second such experience the
// provider comes back at once at its old rate, and is knocked at soon.
type flap struct {
	Seen int     `json:"seen,omitzero"` // such blocks in a row
	From float64 `json:"from,omitzero"` // accepted ever when the run began
	Run  float64 `json:"run,omitzero"`  // accepted in the run before this
}

const (
	flapKnown = 2   // such blocks make it known
	flapMost  = 4   // … and so many are remembered: runs may have a volume in common by chance
	flapRun   = 240 // seconds that a run must have lasted
	flapEven  = 1.1 // the last minute may be so much above the best of those before
	flapApart = 0.1 // two runs that differ by more have no volume in common
)

// flapped judges, as a hold begins, whether the server just went away.
func (t *turn) flapped() {
	f, h := &t.Hold.Flap, &t.Hold
	run, before := t.Total-f.From, f.Run
	f.Run = run
	if !t.has(Flaps) || h.Run == 0 || h.Since.since(h.Run) < flapRun || !quiet(h.Class) {
		f.Seen = 0
		return
	}
	best := 0.0
	for ago := 60.0; ago < flapRun; ago += 30 {
		best = max(best, t.minute(h.Since, ago))
	}
	switch {
	case t.minute(h.Since, 0) > flapEven*best:
		f.Seen = 0
	case max(run, before)-min(run, before) < flapApart*max(run, before):
		f.Seen = max(f.Seen-1, 0) // it may be chance
	default:
		f.Seen = min(f.Seen+1, flapMost)
	}
}

// flaps says whether the hold is one of those that end by themselves.
func (h *hold) flaps() bool { return h.Flap.Seen >= flapKnown }

// quiet says whether a class leaves open why nothing passes.
func quiet(c reply.Class) bool {
	return c == reply.ClassUnknown || c == reply.ClassNone || c == reply.ClassRate
}

// minute is what was accepted in the minute that ended so many seconds before a moment.
func (t *turn) minute(at moment, ago float64) float64 {
	return t.History.between(at.plus(-ago-60), at.plus(-ago))
}

// backAtOnce returns to the rate from before.
func (t *turn) backAtOnce(before float64) string {
	r := &t.Rate
	t.Hold.Cost = 0
	r.Hi, r.Empty, r.Gap = 0, emptied{}, shortGap
	t.cruiseAt(below * before)
	t.planClimb()
	return "it goes away for moments whatever the rate is: back at " + pace(r.R)
}
