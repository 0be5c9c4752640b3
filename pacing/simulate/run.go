package simulate

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/headwaymail/headway/pacing/receiver"
	"github.com/headwaymail/headway/pacing/reply"
)

// Options say how a run is played. The zero value is a text run of seed 0
// with fresh feedback.
type Options struct {
	Seed   uint64
	Opaque bool          // the server's words are hidden
	Age    time.Duration // how old feedback is when the policy hears it
	Stalls bool          // the sender stops at random moments, or is killed and comes back

	// Classify reads replies; defaults to the rules of package reply with no
	// provider known.
	Classify func(reply.Reply) reply.Meaning
}

// Result is what one run gave.
type Result struct {
	Tally
	Possible []float64 // what could have been accepted, by second

	Goodput   float64       // accepted ÷ possible, 1 = all
	Deferrals float64       // avoidable refusals per 1,000 attempts
	Converged time.Duration // until the limit was found; negative: never, or not asked
	Noticed   time.Duration // until a risen limit was found again; likewise
}

// Run plays a policy against a scenario.
func Run(s Scenario, policy NewPolicy, o Options) Result {
	spec := s.Spec
	spec.Opaque = spec.Opaque || o.Opaque
	if o.Classify == nil {
		o.Classify = remembered(func(r reply.Reply) reply.Meaning { return reply.Classify("", r) })
	}
	tally := newTally(s.Run)
	w := &world{}
	sim := &sender{
		world: w, policy: policy(rand.New(rand.NewPCG(o.Seed, 2))), receiver: receiver.New(spec, o.Seed+1, Start),
		classify: o.Classify, rng: rand.New(rand.NewPCG(o.Seed, 3)), hosts: s.Hosts.Count, delay: o.Age,
		source: netip.AddrFrom4([4]byte{127, 0, 0, 1}), names: needsNames(&spec), wakeAt: never, tally: tally,
	}
	w.at(0, sim.pump)
	for second := range int(s.Run / time.Second) {
		w.at(time.Duration(second)*time.Second, func() {
			tally.Limit = append(tally.Limit, sim.receiver.Limit(Start.Add(w.now)))
		})
	}
	var stops []stall
	if o.Stalls {
		stops = stalls(o.Seed, s.Run)
		sim.planStalls(stops)
	}
	w.run(s.Run)
	return judge(s, tally, without(possible(s), stops))
}

// needsNames says whether a receiver tells recipients apart.
func needsNames(s *receiver.Spec) bool {
	if s.Greylist != nil {
		return true
	}
	for _, l := range s.Limits {
		if l.Per == receiver.PerRecipient {
			return true
		}
	}
	m := &s.Mailboxes
	return m.Unknown+m.Disabled+m.Refused+m.OverQuota+m.Full+m.Busy > 0
}

// remembered keeps meanings: rude policies hear the same words a million times.
func remembered(classify func(reply.Reply) reply.Meaning) func(reply.Reply) reply.Meaning {
	type key struct {
		phase reply.Phase
		code  int
		text  string
	}
	known := map[key]reply.Meaning{}
	return func(r reply.Reply) reply.Meaning {
		k := key{r.Phase, r.Code, ""}
		if len(r.Lines) == 1 {
			k.text = r.Lines[0]
		} else if len(r.Lines) > 1 {
			return classify(r)
		}
		m, ok := known[k]
		if !ok {
			m = classify(r)
			if len(known) < 10_000 {
				known[k] = m
			}
		}
		return m
	}
}

var (
	possibleMu    sync.Mutex
	possibleKnown = map[string][]float64{}
)

// possible is ideal, worked out once per built-in scenario.
func possible(s Scenario) []float64 {
	possibleMu.Lock()
	defer possibleMu.Unlock()
	key := s.Name + s.Run.String() + s.Title
	if p, ok := possibleKnown[key]; ok {
		return p
	}
	p := ideal(s)
	possibleKnown[key] = p
	return p
}

func judge(s Scenario, t *Tally, possible []float64) Result {
	r := Result{Tally: *t, Possible: possible, Converged: -1, Noticed: -1}
	all := 0.0
	for _, x := range r.Possible {
		all += x
	}
	if all > 0 {
		r.Goodput = float64(t.Accepted) / all
	}
	r.Deferrals = 1000 * float64(t.Avoidable) / float64(max(t.Attempts, 1))
	if s.Converges {
		r.Converged = found(t.Took, r.Possible, 0)
	}
	if s.Rises > 0 {
		r.Noticed = found(t.Took, r.Possible, int(s.Rises/time.Second))
	}
	return r
}

// found returns how long after a second the sender was at the limit: 90 % of
// the possible over a minute, and then 80 % over five.
func found(took []uint16, possible []float64, from int) time.Duration {
	const minute, after = 60, 300
	got, could := sums(took), sums(possible)
	for i := from; i+minute+after < len(took); i += 5 {
		first := got[i+minute]-got[i] >= 0.9*(could[i+minute]-could[i])
		then := got[i+minute+after]-got[i+minute] >= 0.8*(could[i+minute+after]-could[i+minute])
		if first && then {
			return time.Duration(i-from) * time.Second
		}
	}
	return -1
}

func sums[T uint16 | float64](xs []T) []float64 {
	out := make([]float64, len(xs)+1)
	for i, x := range xs {
		out[i+1] = out[i] + float64(x)
	}
	return out
}
