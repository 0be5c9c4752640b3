package pacing

// What was learned loses its worth with time: limits change, reputation
// fades, warm sources grow cold. A provider that was not spoken to for a while
// starts the more carefully the longer the silence was.
const (
	ageBlind = 3              // seconds; a node that runs looks more often than that
	ageFresh = 10 * 60        // seconds; shorter silences change nothing
	ageHours = 6 * 3600       // up to here: start at the known rate
	ageDays  = 3 * 24 * 3600  // up to here: start at 0.7 of it
	ageMonth = 30 * 24 * 3600 // up to here: start at 0.3 of it
	ageRest  = 60             // seconds without a climb after a silence
)

// age takes a silence of so many seconds into account. Holds are absolute
// times and stay as they are.
func (t *turn) age(silence float64) {
	r := &t.Rate
	if silence > ageBlind {
		t.Windows.blind(t.Clock, t.call)
	}
	if silence < ageFresh || t.held() {
		return
	}
	lo := r.Lo
	r.Empty, r.Excess = emptied{}, 0
	t.Episode = episode{}
	t.Comeback = comeback{}
	switch {
	case lo == 0 || silence >= ageMonth:
		t.forget()
		return
	case silence < ageHours:
		t.cruiseAt(lo)
	case silence < ageDays:
		t.cruiseAt(0.7 * lo)
		t.Comeback = comeback{To: lo, Dwell: 5}
	default:
		t.cruiseAt(0.3 * lo)
		t.Comeback = comeback{To: lo, Dwell: 10}
	}
	r.Next = max(r.Next, t.now.plus(ageRest))
	t.decide(Started, lo, r.R, "nothing was sent for "+span(silence)+": starting at "+pace(r.R))
}

// forget keeps only what hardly changes: lanes, messages per lane, the
// greylist's delay, and windows as guesses.
func (t *turn) forget() {
	fresh := newRate(t.Profile.start(), t.now)
	t.Rate, t.Budget = fresh, newBudget(t.now)
	t.Noise, t.Carried, t.Sliding = noise{}, carried{}, sliding{}
	for i := range t.Windows.All {
		t.Windows.All[i].Confirmed = false
	}
	t.Hold.Worked, t.Hold.Cost, t.Hold.Run = 0, 0, 0
	t.decide(Started, 0, t.Rate.R, "nothing was sent for long: starting anew at "+pace(t.Rate.R))
}
