package simulate

import (
	"math"
	"net/netip"
	"time"

	"github.com/headwaymail/headway/pacing/receiver"
)

// ideal plays a sender that knows everything: it is never refused for long,
// never punished, keeps as many lanes as pay, and takes whatever the limits
// give. It returns what could have been accepted, by second.
//
// Punishments and noise are taken out of the receiver, trust grows as if no
// refusal had ever happened, and lanes, sessions and openings become one
// greatest rate. A greylist costs its delay.
func ideal(s Scenario) []float64 {
	spec := s.Spec
	spec.Limits = append([]receiver.Limit(nil), spec.Limits...)
	most := min(hardRate, laneRate(&spec))
	kept := spec.Limits[:0]
	for _, l := range spec.Limits {
		if l.Counts == receiver.Connections {
			continue // in laneRate
		}
		l.Penalty, l.Escalate, l.CountRefused = nil, nil, false
		if l.Trust != nil {
			trust := *l.Trust
			trust.Clean, trust.Dirty = 1, 1
			l.Trust = &trust
		}
		if l.Shed != nil {
			l.Bucket, l.Shed = &receiver.Bucket{Rate: l.Shed.Rate, Burst: 1, BurstTime: 5 * time.Second}, nil
		}
		kept = append(kept, l)
	}
	spec.Limits = kept
	noise := 1.0
	for _, n := range spec.Noise {
		noise *= 1 - float64(n.Share)
	}
	delay := time.Duration(0)
	if spec.Greylist != nil {
		delay = spec.Greylist.Delay
	}
	spec.Noise, spec.Greylist, spec.Mailboxes, spec.Lanes = nil, nil, receiver.Mailboxes{}, nil
	spec.Session, spec.Crowding = receiver.Session{}, nil
	possible := make([]float64, int(s.Run/time.Second)+2)
	greedy(spec, most, delay, s.Run, func(at time.Duration) {
		possible[int(at/time.Second)] += noise
	})
	return possible
}

// greedy sends at the greatest rate; refused ten times in a row, it asks less
// often, down to ten times a second.
func greedy(spec receiver.Spec, most float64, from, to time.Duration, accepted func(time.Duration)) {
	r := receiver.New(spec, 1, Start)
	source := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	gap := time.Duration(float64(time.Second) / most)
	var id receiver.ConnID
	back, refused := gap, 0
	for now := from; now < to; {
		at := Start.Add(now)
		if id == 0 {
			_, id = r.Connect(at, source, goodHost(&spec))
		}
		var last receiver.Answer
		ok := id != 0
		for phase := 0; ok && phase < 4; phase++ {
			switch phase {
			case 0:
				last = r.Mail(at, id, "news@sender.test")
			case 1:
				last = r.Rcpt(at, id, "someone@provider.test")
			case 2:
				last = r.Data(at, id)
			case 3:
				last = r.Dot(at, id, 20_000)
			}
			ok = last.Accepted()
		}
		if last.Close {
			id = 0
		}
		if ok {
			accepted(now)
			now, back, refused = now+gap, gap, 0
			continue
		}
		now += back
		if refused++; refused > 10 {
			back = min(2*back, 100*time.Millisecond)
		}
	}
}

// goodHost is a host, from 0, that no outage names for ever.
func goodHost(s *receiver.Spec) int {
	for host := 0; ; host++ {
		bad := false
		for _, o := range s.Outages {
			for _, h := range o.Hosts {
				bad = bad || h == host+1 && o.For == 0
			}
		}
		if !bad {
			return host
		}
	}
}

// laneRate is the most that lanes, sessions and openings let through, in
// messages per second.
func laneRate(s *receiver.Spec) float64 {
	lanes := hardLanes
	for _, l := range s.Lanes {
		lanes = min(lanes, l.Max)
	}
	perLane := 1e9
	if s.Session.Messages > 0 {
		perLane = float64(s.Session.Messages)
	}
	message := (3*s.Latency.Reply + s.Latency.Message).Seconds()
	best := 0.0
	for n := 1; n <= lanes; n++ {
		slow := 1.0
		if c := s.Crowding; c != nil && n > c.From {
			exponent := c.Exponent
			if exponent == 0 {
				exponent = 1
			}
			slow = math.Pow(float64(n)/float64(c.From), exponent)
		}
		life := s.Latency.Connect.Seconds() + perLane*message*slow
		if life <= 0 {
			return math.Inf(1)
		}
		best = max(best, float64(n)*perLane/life)
	}
	for _, l := range s.Limits {
		if l.Counts == receiver.Connections && l.Bucket != nil {
			best = min(best, float64(l.Bucket.Rate)*perLane)
		}
		if l.Counts == receiver.Connections && l.Clock != nil {
			best = min(best, float64(l.Clock.Count)/l.Clock.Every.Seconds()*perLane)
		}
		if l.Counts == receiver.Connections && l.Sliding != nil {
			best = min(best, float64(l.Sliding.Count)/l.Sliding.Over.Seconds()*perLane)
		}
	}
	return best
}
