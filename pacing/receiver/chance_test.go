package receiver

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/headwaymail/headway/pacing/reply"
)

// offer knocks evenly at a rate for a time and returns how many were accepted
// and refused.
func offer(r *Receiver, from time.Time, perSecond float64, d time.Duration) (passed, refused int) {
	gap := time.Duration(float64(time.Second) / perSecond)
	for now := from; now.Before(from.Add(d)); now = now.Add(gap) {
		if knock(r, now, source, "a@b.test").Accepted() {
			passed++
		} else {
			refused++
		}
	}
	return passed, refused
}

func TestSheddingTakesItsRateWhateverIsOffered(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ offered, want float64 }{{5, 5}, {20, 10}, {100, 10}} {
		r := New(Spec{Limits: []Limit{{Shed: &Shed{Rate: 10, Over: 30 * time.Second}}}}, 1, start)
		offer(r, start, test.offered, time.Minute) // until the average is settled
		passed, _ := offer(r, after(time.Minute), test.offered, 4*time.Minute)
		if got := float64(passed) / 240; math.Abs(got-test.want) > 0.05*test.want {
			t.Errorf("offered %v/s: took %.2f/s, want %v/s", test.offered, got, test.want)
		}
	}
}

func TestNoiseRefusesItsShare(t *testing.T) {
	t.Parallel()
	r := New(Spec{Noise: []Noise{{Share: 0.03, Answer: &Refusal{Phase: reply.PhaseRcpt, Code: 450}}}}, 1, start)
	_, refused := offer(r, start, 100, 300*time.Second)
	if refused < 800 || refused > 1000 {
		t.Errorf("refused %d of 30,000, want about 900", refused)
	}
}

func TestTrustGrowsWithCleanUseAndShrinksWithRefusals(t *testing.T) {
	t.Parallel()
	r := New(Spec{Limits: []Limit{{
		Bucket: &Bucket{Rate: 0.5, BurstTime: 5 * time.Second},
		Trust:  &Trust{Every: 10 * time.Minute, Grow: 1.3, Max: 1},
	}}}, 1, start)
	now := start
	period := func(perSecond float64) float64 {
		offer(r, now, perSecond, 10*time.Minute)
		now = now.Add(10 * time.Minute)
		knock(r, now, source, "a@b.test")
		return r.Limit(now)
	}
	for _, step := range []struct {
		what      string
		perSecond float64
		want      float64
	}{
		{"clean and used", 0.4, 0.65},
		{"clean but idle", 0.1, 0.65},
		{"clean and used", 0.6, 0.845},
		{"clean and used", 0.8, 1},
		{"at its maximum", 0.9, 1},
		{"hammered", 5, 0.5},
		{"hammered at the bottom", 5, 0.5},
	} {
		if got := period(step.perSecond); math.Abs(got-step.want) > 1e-9 {
			t.Fatalf("%s (%v/s): the limit is %v/s, want %v/s", step.what, step.perSecond, got, step.want)
		}
	}
}

func TestTrustGrowsByMessages(t *testing.T) {
	t.Parallel()
	r := New(Spec{Limits: []Limit{{Sliding: &Sliding{Count: 10, Over: time.Second}, Trust: &Trust{Messages: 100, Grow: 2, Max: 100}}}}, 1, start)
	if passed, refused := offer(r, start, 5, 21*time.Second); passed != 105 || refused != 0 {
		t.Fatalf("%d passed, %d refused", passed, refused)
	}
	if got := r.Limit(after(time.Minute)); got != 20 {
		t.Errorf("the limit is %v/s, want 20/s", got)
	}
}

func TestLatencyHasItsMean(t *testing.T) {
	t.Parallel()
	r := New(Spec{Latency: Latency{Message: 400 * time.Millisecond, Jitter: 0.3}}, 1, start)
	_, id := r.Connect(start, source, 0)
	var sum, longest time.Duration
	const n = 20_000
	for range n {
		a := send(r, start, id, "a@b.test")
		sum += a.Delay
		longest = max(longest, a.Delay)
	}
	if mean := sum / n; mean < 390*time.Millisecond || mean > 410*time.Millisecond {
		t.Errorf("mean %s, want 400ms", mean)
	}
	if longest < 800*time.Millisecond {
		t.Errorf("longest of %d is %s: that is no log-normal tail", n, longest)
	}
}

func TestEachAnswerTakesItsTime(t *testing.T) {
	t.Parallel()
	spec := Spec{
		Latency:  Latency{Connect: 1, Reply: 2, Message: 3},
		Crowding: &Crowding{From: 2, Exponent: 2},
		Mailboxes: Mailboxes{Named: map[string]Mailbox{
			"bad@b.test": MailboxUnknown}},
	}
	r := New(spec, 1, start)
	greeting, id := r.Connect(start, source, 0)
	r.Connect(start, source, 0)
	times := func() []time.Duration {
		return []time.Duration{
			r.Mail(start, id, "").Delay, r.Rcpt(start, id, "a@b.test").Delay, r.Rcpt(start, id, "bad@b.test").Delay,
			r.Data(start, id).Delay, r.Dot(start, id, 1).Delay,
		}
	}
	if greeting.Delay != 1 {
		t.Errorf("greeting after %d, want 1", greeting.Delay)
	}
	check := func(what string, want ...time.Duration) {
		t.Helper()
		for i, got := range times() {
			if got != want[i] {
				t.Errorf("%s: answer %d after %d, want %d", what, i+1, got, want[i])
			}
		}
	}
	check("two lanes", 2, 2, 2, 2, 3)
	r.Connect(start, source, 0)
	r.Connect(start, source, 0)
	check("four lanes", 8, 8, 2, 8, 12)
}

func TestLimitIsTheLowestOfAll(t *testing.T) {
	t.Parallel()
	spec := Spec{
		Limits: []Limit{
			{Bucket: &Bucket{Rate: 12}, Wave: &Wave{Amplitude: 8, Period: 3 * time.Hour}},
			{Clock: &Clock{Count: 7200, Every: 2 * time.Hour}, Schedule: []Step{{After: 4 * time.Hour, Rate: 100}}},
			{Counts: Connections, Bucket: &Bucket{Rate: 0.1}},
		},
		Outages: []Outage{{After: 5 * time.Hour, For: time.Hour}, {Hosts: []int{1}}},
	}
	for at, want := range map[time.Duration]float64{0: 1, 4 * time.Hour: 8, 5 * time.Hour: 0, 6 * time.Hour: 20} {
		if got := New(spec, 1, start).Limit(after(at)); math.Abs(got-want) > 1e-9 {
			t.Errorf("after %s: %v/s, want %v/s", at, got, want)
		}
	}
	if got := New(Spec{}, 1, start).Limit(start); !math.IsInf(got, 1) {
		t.Errorf("without limits: %v, want +Inf", got)
	}
}

func BenchmarkMessage(b *testing.B) {
	r := New(Spec{
		Latency: Latency{Message: time.Millisecond, Jitter: 0.3},
		Limits:  []Limit{{Bucket: &Bucket{Rate: 10, Burst: 50}}, {Sliding: &Sliding{Count: 450, Over: 15 * time.Minute}}},
	}, 1, start)
	_, id := r.Connect(start, source, 0)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		now := after(time.Duration(i) * 100 * time.Millisecond)
		if send(r, now, id, "a@b.test").Close {
			_, id = r.Connect(now, source, 0)
		}
	}
}

func TestFlapsComeAsOftenAsDescribed(t *testing.T) {
	t.Parallel()
	o := newOutage(&Outage{After: 400 * time.Second, For: 20 * time.Second, Every: 320 * time.Second, Jitter: 10 * time.Minute}, false, start, rand.New(rand.NewPCG(1, 1)))
	var begins []time.Duration
	down := 0
	was := false
	for d := time.Duration(0); d < 100*time.Hour; d += time.Second {
		on, _ := o.on(after(d))
		if on {
			down++
		}
		if on && !was {
			begins = append(begins, d)
		}
		was = on
	}
	if begins[0] != 400*time.Second || down != 20*len(begins) {
		t.Errorf("first at %s, %d outages of %d s together", begins[0], len(begins), down)
	}
	shortest, longest := time.Hour, time.Duration(0)
	for i := range begins[1:] {
		gap := begins[i+1] - begins[i]
		shortest, longest = min(shortest, gap), max(longest, gap)
	}
	if shortest < 320*time.Second || shortest > 350*time.Second || longest < 890*time.Second || longest > 921*time.Second {
		t.Errorf("gaps from %s to %s, want 320s to 920s", shortest, longest)
	}
}
