package simulate

import (
	"encoding/json"
	"math/rand/v2"
	"time"

	"github.com/headwaymail/headway/pacing"
)

// stall is a time in which the sender does nothing: its machine is busy, its
// database hangs, its list has run out. Now and then its node is killed
// instead; what was under way is never heard of then, and the node comes
// back with the state that it saved.
type stall struct {
	from, to time.Duration // whole seconds
	killed   bool
}

// Stalls come every five minutes or so. A pacer must neither take them for a
// limit nor pay for them with refusals when it goes on.
const (
	stallAfter  = 60 * time.Second
	stallSpread = 480 * time.Second
	stallLeast  = 2 * time.Second
	stallMost   = 20 * time.Second
	killedFor   = 5 * time.Second
	killedEvery = 4 // one stall of so many is a restart
)

// stalls draws the stalls of a run.
func stalls(seed uint64, run time.Duration) []stall {
	rng := rand.New(rand.NewPCG(seed, 4))
	whole := func(d time.Duration) time.Duration { return d.Truncate(time.Second) }
	var all []stall
	for at := time.Duration(0); ; {
		at += whole(stallAfter + time.Duration(rng.Float64()*float64(stallSpread)))
		if at >= run {
			return all
		}
		s := stall{from: at, to: at + whole(stallLeast+time.Duration(rng.Float64()*float64(stallMost-stallLeast+time.Second)))}
		if rng.IntN(killedEvery) == 0 {
			s.to, s.killed = at+killedFor, true
		}
		all = append(all, s)
		at = s.to
	}
}

// without takes the stalls out of what could have been accepted.
func without(possible []float64, all []stall) []float64 {
	left := append([]float64(nil), possible...)
	for _, s := range all {
		for second := int(s.from / time.Second); second < min(int(s.to/time.Second), len(left)); second++ {
			left[second] = 0
		}
	}
	return left
}

// planStalls makes the sender stop and go on.
func (s *sender) planStalls(all []stall) {
	for _, one := range all {
		s.at(one.from, func() {
			s.stalledTo = one.to
			if one.killed {
				s.kill()
			}
		})
		s.at(one.to, func() {
			if restarts, ok := s.policy.(interface{ restart() }); ok && one.killed {
				restarts.restart()
			}
			s.pump()
		})
	}
}

// kill breaks all lanes. Nothing that is under way will be heard of.
func (s *sender) kill() {
	s.killedAt = s.now
	for len(s.lanes) > 0 {
		s.close(s.lanes[0])
	}
}

// restart is what a new process has: the state that was saved.
func (e *envelope) restart() {
	saved, err := json.Marshal(e.state)
	if err != nil {
		panic(err) // a state is plain numbers and words
	}
	var back pacing.State
	if err := json.Unmarshal(saved, &back); err != nil {
		panic(err) // written a moment ago
	}
	e.state = back
}
