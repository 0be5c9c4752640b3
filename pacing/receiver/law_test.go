package receiver

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// arrivals draws ascending times at which messages arrive, in bursts and lulls.
func arrivals(t *rapid.T) []time.Time {
	var out []time.Time
	now := start
	for _, gap := range rapid.SliceOfN(rapid.IntRange(0, 3000), 1, 300).Draw(t, "gaps") {
		if gap > 1000 {
			gap = 0 // two of three arrive together with the one before
		}
		now = now.Add(time.Duration(gap) * time.Millisecond)
		out = append(out, now)
	}
	return out
}

// acceptedOf returns the times at which a receiver accepted a message.
func acceptedOf(r *Receiver, times []time.Time) []time.Time {
	var out []time.Time
	for _, now := range times {
		if knock(r, now, source, "a@b.test").Reply.Code == 250 {
			out = append(out, now)
		}
	}
	return out
}

func TestBucketNeverGivesMoreThanBurstAndRate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := Bucket{
			Rate:      Rate(rapid.Float64Range(0.1, 20).Draw(t, "rate")),
			Burst:     rapid.Float64Range(1, 30).Draw(t, "burst"),
			BurstTime: time.Duration(rapid.IntRange(0, 3000).Draw(t, "burst time")) * time.Millisecond,
		}
		limit := Limit{Bucket: &b, CountRefused: rapid.Bool().Draw(t, "count refused")}
		got := acceptedOf(New(Spec{Limits: []Limit{limit}}, 1, start), arrivals(t))
		capacity := max(b.Burst, float64(b.Rate)*b.BurstTime.Seconds())
		for i := range got {
			for j := i; j < len(got); j++ {
				if n, most := float64(j-i+1), capacity+float64(b.Rate)*got[j].Sub(got[i]).Seconds(); n > most+1e-6 {
					t.Fatalf("%v accepted within %s, at most %.3f are due", n, got[j].Sub(got[i]), most)
				}
			}
		}
	})
}

// A bucket whose rate changes gives no more than its burst and the integral of
// its rate, here taken in steps of 50 ms from the written description.
func TestChangingBucketGivesTheIntegralOfItsRate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		low := Rate(rapid.Float64Range(0, 5).Draw(t, "low"))
		high := Rate(rapid.Float64Range(5, 20).Draw(t, "high"))
		turn := time.Duration(rapid.IntRange(1, 15).Draw(t, "turn")) * time.Second
		limit := Limit{
			Bucket:   &Bucket{Rate: high, Burst: 3},
			Schedule: []Step{{After: turn, Rate: low}, {After: 2 * turn, Rate: high}},
			Squeezes: []Squeeze{{Every: time.Minute, At: 30 * time.Second, For: 7 * time.Second, Rate: 1}},
		}
		rateAt := func(at time.Time) float64 {
			r := high
			if d := at.Sub(start); d >= turn && d < 2*turn {
				r = low
			}
			if s := at.Second(); s >= 30 && s < 37 {
				r = min(r, 1)
			}
			return float64(r)
		}
		// Knock so often that nothing is left lying.
		r := New(Spec{Limits: []Limit{limit}}, 1, start)
		const step = 50 * time.Millisecond
		due, got := 3.0, 0.0
		for now := start; now.Before(after(45 * time.Second)); now = now.Add(step) {
			if knock(r, now, source, "a@b.test").Accepted() {
				got++
			}
			if got > due+1e-6 {
				t.Fatalf("%s: %v accepted, only %.2f were due", now.Sub(start), got, due)
			}
			due += rateAt(now) * step.Seconds()
		}
		if got < due-3-1-1e-6 {
			t.Fatalf("%v accepted, %.2f were due", got, due)
		}
	})
}

func TestClockWindowsNeverExceedTheirCount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		every := rapid.SampledFrom([]time.Duration{time.Second, 15 * time.Second, time.Minute}).Draw(t, "every")
		count := rapid.IntRange(1, 20).Draw(t, "count")
		per := map[time.Time]int{}
		for _, at := range acceptedOf(New(Spec{Limits: []Limit{{Clock: &Clock{Count: count, Every: every}}}}, 1, start), arrivals(t)) {
			window := at.Truncate(every)
			if per[window]++; per[window] > count {
				t.Fatalf("%d accepted in the window from %s", per[window], window)
			}
		}
	})
}

func TestSlidingWindowsNeverExceedTheirCount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := Sliding{
			Count: rapid.IntRange(1, 20).Draw(t, "count"),
			Over:  time.Duration(rapid.IntRange(1, 60_000).Draw(t, "over")) * time.Millisecond,
		}
		got := acceptedOf(New(Spec{Limits: []Limit{{Sliding: &w}}}, 1, start), arrivals(t))
		for i := range got {
			if j := i + w.Count; j < len(got) && got[j].Sub(got[i]) < w.Over {
				t.Fatalf("%d accepted within %s", w.Count+1, got[j].Sub(got[i]))
			}
		}
	})
}

func TestLanesNeverExceedTheirMaximum(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 5).Draw(t, "max")
		r := New(Spec{Lanes: []Lanes{{Max: most}}, Session: Session{Messages: 2}}, 1, start)
		open := map[ConnID]bool{}
		t.Repeat(map[string]func(*rapid.T){
			"open": func(t *rapid.T) {
				a, id := r.Connect(start, source, 0)
				if a.Accepted() != (len(open) < most) {
					t.Fatalf("with %d of %d lanes open: %s", len(open), most, said(a))
				}
				if id != 0 {
					open[id] = true
				}
			},
			"send": func(t *rapid.T) {
				for id := range open {
					if send(r, start, id, "a@b.test").Close {
						delete(open, id)
					}
					return
				}
			},
			"close": func(t *rapid.T) {
				for id := range open {
					r.Close(start, id)
					delete(open, id)
					return
				}
			},
			"": func(t *rapid.T) {
				if r.Open() != len(open) {
					t.Fatalf("%d lanes open, want %d", r.Open(), len(open))
				}
			},
		})
	})
}

func TestNoFirstContactPassesBeforeItsDelay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		delay := time.Duration(rapid.IntRange(1, 20_000).Draw(t, "delay")) * time.Millisecond
		r := New(Spec{Greylist: &Greylist{Delay: delay}}, 1, start)
		first := map[string]time.Time{}
		for i, now := range arrivals(t) {
			who := fmt.Sprintf("r%d@b.test", i%7)
			if _, ok := first[who]; !ok {
				first[who] = now
			}
			due := now.Sub(first[who]) >= delay
			if a := knock(r, now, source, who); a.Accepted() != due {
				t.Fatalf("%s after its first try: %s", now.Sub(first[who]), said(a))
			}
		}
	})
}

// rich describes something of everything, with chance in most parts.
func rich() Spec {
	return Spec{
		Latency:   Latency{Connect: time.Second, Reply: time.Second, Message: time.Second, Jitter: 0.5},
		Crowding:  &Crowding{From: 1},
		Limits:    []Limit{{Shed: &Shed{Rate: 1, Over: 10 * time.Second}}, {Bucket: &Bucket{Rate: 2}, Trust: &Trust{Every: time.Minute, Max: 9}}},
		Greylist:  &Greylist{Delay: time.Second},
		Outages:   []Outage{{After: 10 * time.Second, For: 3 * time.Second, Every: 9 * time.Second, Jitter: 20 * time.Second, Share: 0.5}},
		Noise:     []Noise{{Share: 0.1}},
		Mailboxes: Mailboxes{Unknown: 0.2, Busy: 0.1},
	}
}

func TestTheSameSeedAndCallsGiveTheSameAnswers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		one, two := New(rich(), seed, start), New(rich(), seed, start)
		for i, now := range arrivals(t) {
			who := fmt.Sprintf("r%d@b.test", i%5)
			if diff := cmp.Diff(knock(one, now, source, who), knock(two, now, source, who)); diff != "" {
				t.Fatalf("answer %d differs:\n%s", i, diff)
			}
		}
	})
}

func TestSeedsDiffer(t *testing.T) {
	t.Parallel()
	spec := Mailboxes{Unknown: 0.5}
	same := 0
	for i := range 1000 {
		address := fmt.Sprintf("r%d@b.test", i)
		if spec.State(1, address) == spec.State(2, address) {
			same++
		}
	}
	if same < 400 || same > 600 {
		t.Errorf("two seeds agree on %d of 1000 mailboxes, want about 500", same)
	}
}

// Mailboxes fall into their states in the described shares, within five
// standard deviations.
func TestMailboxSharesHold(t *testing.T) {
	t.Parallel()
	spec := Mailboxes{Unknown: 0.03, Disabled: 0.002, Refused: 0.001, OverQuota: 0.005, Full: 0.01, Busy: 0.2}
	const n = 50_000
	count := map[Mailbox]int{}
	for i := range n {
		count[spec.State(7, fmt.Sprintf("first.last%d@northmail.test", i))]++
	}
	for _, s := range spec.shares() {
		p := float64(s.share)
		if off := math.Abs(float64(count[s.state]) - n*p); off > 5*math.Sqrt(n*p*(1-p)) {
			t.Errorf("%s: %d of %d, want about %.0f", s.state, count[s.state], n, n*p)
		}
	}
	if spec.State(7, "Ana@B.test") != spec.State(7, "ana@b.test") {
		t.Error("the state of a mailbox depends on case")
	}
}
