// Package health says whether the mail to a domain or provider goes well, by two
// shares that receivers themselves look at.
//
//  1. [Thresholds] are the lines from which a share is to be watched and from
//     which something must be done: for hard bounces the industry's 1 and 2 %, for
//     complaints Gmail's 0.1 and 0.3 %; an installation may draw others;
//  2. [Thresholds.Bounces] and [Thresholds.Complaints] judge figures, or say that
//     there are too few to judge;
//  3. [Worst] is what a row of a report is sorted and coloured by.
//
// It stands at the end of a newsletter's journey, in the reports. It counts
// nothing, pauses nothing and slows nothing: see pacing, listhygiene/bounce and
// internal/delivery for that.
package health

import "fmt"

// Level says how well mail goes.
type Level int

// The levels, the best first.
const (
	Unclear Level = iota // too few results to say
	Healthy
	Watch
	Act
)

// String names the level as it stands in files and in the style sheet.
func (l Level) String() string { return [...]string{"unclear", "healthy", "watch", "act"}[l] }

// MarshalText writes the level as String does.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (l *Level) UnmarshalText(text []byte) error {
	for level := range Act + 1 {
		if level.String() == string(text) {
			*l = level
			return nil
		}
	}
	return fmt.Errorf("%q is not a level of health", text)
}

// Words names the level.
func (l Level) Words() string {
	return [...]string{"Too little to say", "Healthy", "Watch", "Act"}[l]
}

const (
	// leastTried is the number of results from which a share of bounces says
	// something: 1 of 10 is bad luck.
	leastTried = 50
	// leastComplaints is the same for complaints, which are rare: one person alone
	// makes 0.3 % of 300.
	leastComplaints = 2
)

// Thresholds are shares in percent: from the first on a figure is watched, from
// the second on something must be done.
type Thresholds struct {
	BounceWatch, BounceAct       float64 // hard bounces, of what was accepted or bounced hard
	ComplaintWatch, ComplaintAct float64 // complaints, of what was accepted
}

// Default returns the lines that receivers publish. Complaints: Gmail's "Email
// sender guidelines", below 0.1 % and never 0.3 %.
func Default() Thresholds {
	return Thresholds{BounceWatch: 1, BounceAct: 2, ComplaintWatch: 0.1, ComplaintAct: 0.3}
}

// Check returns an error that says which line cannot be.
func (t Thresholds) Check() error {
	for _, pair := range []struct {
		name       string
		watch, act float64
	}{{"bounce", t.BounceWatch, t.BounceAct}, {"complaint", t.ComplaintWatch, t.ComplaintAct}} {
		if !(pair.watch > 0 && pair.watch < pair.act && pair.act <= 100) {
			return fmt.Errorf("%s_watch and %s_act: %g and %g are no lines; they are percentages above 0, the first below the second",
				pair.name, pair.name, pair.watch, pair.act)
		}
	}
	return nil
}

// Bounces judges hard bounces among what was accepted or bounced hard.
func (t Thresholds) Bounces(hard, delivered int64) Level {
	if hard+delivered < leastTried {
		return Unclear
	}
	share := 100 * float64(hard) / float64(hard+delivered)
	switch {
	case share > t.BounceAct:
		return Act
	case share >= t.BounceWatch:
		return Watch
	}
	return Healthy
}

// Complaints judges complaints among what was accepted.
func (t Thresholds) Complaints(complained, delivered int64) Level {
	if delivered < leastTried {
		return Unclear
	}
	share := 100 * float64(complained) / float64(delivered)
	switch {
	case complained < leastComplaints || share < t.ComplaintWatch:
		return Healthy
	case share >= t.ComplaintAct:
		return Act
	}
	return Watch
}

// Worst returns the level that needs attention most.
func Worst(levels ...Level) Level {
	worst := Unclear
	for _, l := range levels {
		worst = max(worst, l)
	}
	return worst
}
