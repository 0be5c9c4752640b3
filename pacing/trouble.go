package pacing

import (
	"math"

	"github.com/headwaymail/headway/pacing/reply"
)

// trouble tells a server's own trouble from a limit that uses its words.
//
// "451 temporary failure" for one message among many that pass is about their
// disk or one of their hosts: the message is tried again, the rate is not
// touched. Two things make it ours all the same: when nothing passes any more,
// they are down, which is a hold; and when they refuse a share that no server
// in trouble survives for long, "busy" means us. The share is judged by a
// sequential test like that of noise.go, with the shares of sick servers.
type trouble struct {
	Evidence float64 `json:"evidence,omitzero"` // log-likelihood that it is about our rate
	Row      int     `json:"row,omitzero"`      // refusals since a message passed
}

// down says whether nothing passes any more.
func (s trouble) down() bool { return s.Row >= troubleRow }

const (
	sickShare    = 0.12 // a server in trouble may refuse as much of everything
	limitShare   = 0.40 // a limiter that we overrun refuses as much
	troubleAlarm = 4    // log-likelihood
	troubleRow   = 5    // refusals in a row after which nothing passes
)

func (s *trouble) accepted(n float64) {
	s.Row = 0
	s.Evidence = max(0, s.Evidence+n*math.Log((1-limitShare)/(1-sickShare)))
}

// refused takes in one refusal and says whether it is more than trouble.
func (s *trouble) refused() bool {
	s.Row++
	s.Evidence += math.Log(limitShare / sickShare)
	if s.Evidence < troubleAlarm && !s.down() {
		return false
	}
	s.Evidence = 0
	return true
}

// theirTrouble says whether a refused message is the server's own trouble and
// no news about us. A look above the known rate ends at it all the same:
// nothing is lost by looking again later.
func (t *turn) theirTrouble(e Event) bool {
	switch e.Meaning.Class {
	case reply.ClassOutage, reply.ClassNetwork:
	default:
		return false
	}
	if !t.has(Trouble) || e.Kind != Refused || e.Meaning.Hint.Seconds() >= longHint || t.Trouble.refused() {
		return false
	}
	t.Budget.spend(1)
	if r := &t.Rate; r.Mode == climbing && !r.Rough {
		t.cruiseAt(r.Lo)
		t.planClimb()
		t.say(Slower, r.R, r.R, e, "said "+e.words()+" while a higher rate was tried: back to "+pace(r.R)+" for now")
	}
	return true
}
