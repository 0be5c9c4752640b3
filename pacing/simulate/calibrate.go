package simulate

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/headwaymail/headway/pacing"
	"github.com/headwaymail/headway/pacing/estimate"
	"github.com/headwaymail/headway/pacing/receiver"
	"github.com/headwaymail/headway/pacing/reply"
)

// backlog is the controller with a finite number of messages: it asks for no
// permits when nothing is due.
type backlog struct {
	*envelope
	total, fresh   int // messages; of them never tried
	accepted       int
	putOff         int // refusals for the recipient's sake
	attempts       int
	waits          []time.Duration // the last wait of a recipient's first, second, … attempt
	due            dues
	ended          time.Duration // when the last one was accepted; 0: not yet
	byTime, bySent []ask
	every          time.Duration
}

// dues mirrors what the sender keeps for later.
type dues []time.Duration

func (d dues) Len() int           { return len(d) }
func (d dues) Less(i, j int) bool { return d[i] < d[j] }
func (d dues) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *dues) Push(x any)        { *d = append(*d, x.(time.Duration)) }
func (d *dues) Pop() any {
	old := *d
	last := old[len(old)-1]
	*d = old[:len(old)-1]
	return last
}

// Permit hands out permits as long as there is something to send.
func (b *backlog) Permit(now time.Duration) (Permit, time.Duration, bool) {
	if b.ended > 0 {
		return Permit{}, never, false
	}
	due := len(b.due) > 0 && b.due[0] <= now
	held := b.state.Pace(Start.Add(now), pacing.Demand{Waiting: 1}).Mode
	knocks := len(b.due) > 0 && (held == "hold" || held == "knock")
	if b.fresh == 0 && !due && !knocks {
		if len(b.due) == 0 {
			return Permit{}, now + time.Second, false
		}
		return Permit{}, b.due[0], false
	}
	if b.fresh == 0 && b.state.Recipients.Greylists {
		var block pacing.Block
		if b.state, block = pacing.Take(b.state, 1, Start.Add(now), 0); block.N == 0 {
			return Permit{}, min(now+time.Second, b.state.NextPermit().Sub(Start)), false
		}
		b.sends(Permit{Probe: block.Probe}, due)
		return Permit{Probe: block.Probe}, 0, true
	}
	permit, again, ok := b.envelope.Permit(now)
	if ok {
		permit.Fresh = permit.Fresh && b.fresh > 0
		b.sends(permit, due)
	}
	return permit, again, ok
}

// sends does in the mirror what the sender does with a permit.
func (b *backlog) sends(p Permit, due bool) {
	b.attempts++
	if !p.Fresh && len(b.due) > 0 && (p.Probe || due) {
		heap.Pop(&b.due)
		return
	}
	b.fresh--
}

// Report hears outcomes; it asks for the end at every twentieth of the messages.
func (b *backlog) Report(now time.Duration, o Outcome) {
	b.envelope.Report(now, o)
	if o.Kind != pacing.Accepted {
		return
	}
	b.accepted++
	if b.accepted*20/b.total > (b.accepted-1)*20/b.total && b.accepted < b.total {
		b.bySent = append(b.bySent, b.ask(now))
	}
	if b.accepted == b.total {
		b.ended = now
	}
}

// Retry plans a retry as the controller does.
func (b *backlog) Retry(now time.Duration, o Outcome) time.Duration {
	wait := b.envelope.Retry(now, o)
	heap.Push(&b.due, now+wait)
	if o.Phase == reply.PhaseRcpt || o.Meaning.Class == reply.ClassMailbox {
		b.putOff++
		for len(b.waits) < o.Attempts {
			b.waits = append(b.waits, wait)
		}
		b.waits[o.Attempts-1] = wait
	}
	return wait
}

// Wake asks for the end at even times.
func (b *backlog) Wake(now time.Duration) time.Duration {
	if b.ended > 0 {
		return never
	}
	if now >= time.Duration(len(b.byTime))*b.every {
		b.byTime = append(b.byTime, b.ask(now))
	}
	return b.envelope.Wake(now)
}

// ask asks for the end.
func (b *backlog) ask(now time.Duration) ask {
	at := Start.Add(now)
	w := estimate.Work{Since: Start, Ready: int64(b.fresh), Outlook: b.state.Outlook(at), Accepted: b.state.Accepted,
		PutOff: float64(b.putOff) / float64(max(b.attempts, 1)), Retry: b.waits}
	w.Ready += int64(b.total - b.accepted - b.fresh - len(b.due)) // in flight
	w.Later = waves(b.due, now)
	a := ask{at: now, sent: float64(b.accepted) / float64(b.total), end: estimate.For(w, at), naive: -1}
	lately := min(300, now.Seconds())
	if rate := b.state.Accepted(at.Add(-time.Duration(lately*float64(time.Second))), at) / max(lately, 1); rate > 0 {
		a.naive = time.Duration(math.Min(float64(b.total-b.accepted)/rate, 1e9) * float64(time.Second))
	}
	return a
}

// waves groups what is due later by steps of ten seconds.
func waves(due dues, now time.Duration) []estimate.Wave {
	const width = 10 * time.Second
	counts := map[time.Duration]int64{}
	for _, d := range due {
		counts[max(d, now)/width*width+width]++
	}
	var all []estimate.Wave
	for d, n := range counts {
		all = append(all, estimate.Wave{Due: Start.Add(d), N: n})
	}
	slices.SortFunc(all, func(a, b estimate.Wave) int { return a.Due.Compare(b.Due) })
	return all
}

// playBacklog plays one receiver with a finite backlog.
func playBacklog(s Scenario, total int, seed uint64) *backlog {
	classify := remembered(func(r reply.Reply) reply.Meaning { return reply.Classify("", r) })
	e := EnvelopeWith("Envelope", pacing.Profile{}, nil).New(rand.New(rand.NewPCG(seed, 2))).(*envelope)
	b := &backlog{envelope: e, total: total, fresh: total, every: s.Run / lookTimes}
	w := &world{}
	limit := runMost * s.Run
	sim := &sender{
		world: w, policy: b, receiver: receiver.New(s.Spec, seed+1, Start),
		classify: classify, rng: rand.New(rand.NewPCG(seed, 3)), hosts: s.Hosts.Count,
		source: netip.AddrFrom4([4]byte{127, 0, 0, 1}), names: needsNames(&s.Spec), wakeAt: never, tally: newTally(limit),
	}
	w.at(0, sim.pump)
	w.run(limit)
	return b
}
