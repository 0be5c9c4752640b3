// Package probation tries unproven addresses on the real campaign, a small slice
// of each import file at first.
//
// It stands in the place of calls to mail hosts that other systems make to
// "verify" an address, and works in the middle of a campaign:
//
//  1. at launch, contacts of whom nothing is known and who came with a file that
//     brings no proof of consent are set apart, file by file;
//  2. a slice of each file is sent, of the size that [SliceSize] gives;
//  3. what came of it is counted ([Tally]) and judged ([Tally.Judge]): the next
//     slice opens, opens with a warning, or the file is stopped;
//  4. the file's report shows the sums: its true quality.
//
// A bad file stops alone; the campaign goes on. It sends and counts nothing
// itself: see internal/delivery and internal/postgres.
package probation

import (
	"fmt"
	"time"
)

const (
	firstSlice  = 200
	secondSlice = 1000

	// Shares of a slice that are published practice: 2 % and 5 % of hard
	// bounces; complaints at the lines that Gmail draws, 0.1 % and 0.3 %.
	warnBounces, stopBounces       = 0.02, 0.05
	warnComplaints, stopComplaints = 0.001, 0.003

	// leastSample is the number of results from which a share says something,
	// and leastBad how many bad ones there must be: 1 of 10 is bad luck.
	leastSample, leastBad = 50, 5
	// leastComplaints is the same for complaints, which are rare.
	leastComplaints = 2

	// patience is how long a slice waits for deferred mail, as at receivers
	// that greylist, before the rest decides.
	patience = time.Hour
)

// SliceSize returns the number of recipients of a file's n-th slice, counted
// from 1: 200, 1,000, then doubling.
func SliceSize(n int) int {
	if n <= 1 {
		return firstSlice
	}
	return secondSlice << min(n-2, 20)
}

// Tally is what came of a slice, or of all slices of a file.
type Tally struct {
	Size       int64     // recipients
	Waiting    int64     // of them: not tried yet
	Deferred   int64     // tried, to be tried again
	Delivered  int64     // accepted
	Bounced    int64     // hard: the address itself was refused
	Complained int64     // reported the message as spam
	Opened     time.Time // when the slice was opened
}

// Add returns the sum of two tallies, opened with the later.
func (t Tally) Add(u Tally) Tally {
	t.Size += u.Size
	t.Waiting += u.Waiting
	t.Deferred += u.Deferred
	t.Delivered += u.Delivered
	t.Bounced += u.Bounced
	t.Complained += u.Complained
	if u.Opened.After(t.Opened) {
		t.Opened = u.Opened
	}
	return t
}

// Course says how a file goes on.
type Course string

// The courses.
const (
	Wait Course = "wait" // the slice is still on its way
	Next Course = "next" // it went well
	Warn Course = "warn" // it went on the edge; the next one opens
	Stop Course = "stop" // it went badly: nothing more of this file
)

// Judge says how a file goes on after its last slice so far, and why. A slice
// that is plainly bad is stopped before all of it was tried.
func (t Tally) Judge(now time.Time) (Course, string) {
	tried := t.Delivered + t.Bounced
	share := func(n, of int64) float64 { return float64(n) / float64(max(of, 1)) }
	bounces, complaints := share(t.Bounced, max(tried, t.Size/2)), share(t.Complained, t.Delivered)
	enough := tried >= leastSample && t.Bounced >= leastBad
	switch {
	case enough && bounces > stopBounces:
		return Stop, fmt.Sprintf("%.1f %% bounced hard; more than %.0f %% stops the file", 100*share(t.Bounced, tried), 100*stopBounces)
	case t.Complained >= leastComplaints && complaints >= stopComplaints:
		return Stop, fmt.Sprintf("%.2f %% complained; %.1f %% stops the file", 100*complaints, 100*stopComplaints)
	case t.Waiting > 0, t.Deferred*10 > t.Size && now.Sub(t.Opened) < patience:
		return Wait, ""
	case tried >= leastSample && share(t.Bounced, tried) > warnBounces:
		return Warn, fmt.Sprintf("%.1f %% bounced hard; less than %.0f %% is healthy", 100*share(t.Bounced, tried), 100*warnBounces)
	case t.Complained > 0 && complaints > warnComplaints:
		return Warn, fmt.Sprintf("%.2f %% complained; less than %.1f %% is healthy", 100*complaints, 100*warnComplaints)
	}
	return Next, ""
}
