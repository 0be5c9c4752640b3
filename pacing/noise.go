package pacing

import (
	"math"

	"github.com/headwaymail/headway/pacing/reply"
)

// noise tells refusals that have nothing to do with our rate from a limit.
//
// Some servers refuse one message in a hundred or a thousand whatever we do;
// a sender that slows down for each of them slows down for ever. Two tests:
//
//   - a sequential test (CUSUM of the likelihood ratio between the learned
//     floor p0 and a share p1 that a limit would refuse) decides whether a
//     refusal among acceptances is news. While no floor was learned, one
//     refusal is enough;
//   - the decline watch learns the floor by experiment: when the rate was
//     lowered several times for single refusals and they came no less often,
//     they do not depend on it. The rate from before is restored. If that
//     brings a storm, the experiment was wrong, and the next one must run
//     longer.
type noise struct {
	Evidence float64 `json:"evidence,omitzero"` // log-likelihood that a limit refuses
	Floor    float64 `json:"floor,omitzero"`    // learned share of stray refusals; 0: none known
	Seen     float64 `json:"seen,omitzero"`     // messages since the floor was last adjusted
	Stray    float64 `json:"stray,omitzero"`    // stray refusals among them
	Let      float64 `json:"let,omitzero"`      // refusals ever let pass

	// The decline watch.
	Cuts   int     `json:"cuts,omitzero"`   // mild reductions in a row
	From   float64 `json:"from,omitzero"`   // the rate before the first
	Since  float64 `json:"since,omitzero"`  // messages since the last one
	Sum    float64 `json:"sum,omitzero"`    // messages between them, in all
	Trial  float64 `json:"trial,omitzero"`  // messages that the restored rate still has to stand
	Undo   float64 `json:"undo,omitzero"`   // the rate to go back to if it does not
	Failed int     `json:"failed,omitzero"` // experiments that were wrong
}

const (
	alarm     = 5      // log-likelihood; one false alarm in about 150 stray refusals
	leastP0   = 0.0003 // what every server may refuse without a reason
	mostP0    = 0.05
	leastP1   = 0.05
	mildCuts  = 3
	mildShare = 0.95 // all cuts together
)

func (n *noise) shares() (p0, p1 float64) {
	p0 = clamp(n.Floor, leastP0, mostP0)
	return p0, clamp(6*p0, leastP1, 0.3)
}

func (n *noise) accepted(count float64) {
	p0, p1 := n.shares()
	n.Evidence = max(0, n.Evidence+count*math.Log((1-p1)/(1-p0)))
	n.Seen += count
	n.Since += count
	n.Trial = max(0, n.Trial-count)
	n.adjust()
}

// refused takes in one refusal and says whether it must be taken for a limit.
func (n *noise) refused() bool {
	p0, p1 := n.shares()
	n.Evidence += math.Log(p1 / p0)
	n.Seen++
	n.Stray++
	n.adjust()
	if n.Evidence < alarm {
		return false
	}
	n.Evidence = 0
	return true
}

// adjust keeps a learned floor current.
func (n *noise) adjust() {
	if n.Seen < 1500 {
		return
	}
	if n.Floor > 0 {
		n.Floor = 0.5*n.Floor + 0.5*n.Stray/n.Seen
	}
	n.Seen, n.Stray = 0, 0
}

// cut notes a mild reduction of a steady rate and says whether the decline
// is to be undone: to which rate.
func (n *noise) cut(before, after float64) (restore float64) {
	if n.Cuts == 0 || n.Since > max(2500, 5*n.Sum/float64(n.Cuts)) {
		n.Cuts, n.From, n.Since, n.Sum = 1, before, 0, 0
		return 0
	}
	last := n.Since
	n.Cuts++
	n.Sum += last
	n.Since = 0
	mean := n.Sum / float64(n.Cuts-1)
	if n.Cuts < mildCuts+2*n.Failed || after > mildShare*n.From || last > 2.5*mean || mean > 2500 {
		return 0
	}
	n.Floor = 1.2 / max(mean, 10)
	n.Seen, n.Stray, n.Cuts = 0, 0, 0
	n.Trial, n.Undo = 3*mean, after
	return n.From
}

// refute forgets what was concluded: a limit showed itself while a restored
// rate was on trial. It returns the rate to go back to.
func (n *noise) refute() (back float64) {
	n.Failed = min(n.Failed+1, 6)
	back, n.Trial, n.Undo, n.Floor = n.Undo, 0, 0, 0
	return back
}

// stray says whether a refusal is to be let pass as noise. Where the server
// gave a time or spoke of volume or reputation, it meant us.
func (t *turn) stray(e Event) bool {
	if !t.has(Noise) || e.Meaning.Hint > 0 || e.Meaning.Class == reply.ClassQuota || e.Meaning.Class == reply.ClassReputation ||
		holdsAtOnce(e.Meaning.Class) || t.Episode.Clean == 0 {
		return false
	}
	if t.Noise.refused() {
		return false
	}
	t.Noise.Let++
	return true
}
