package pacing

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headwaymail/headway/pacing/reply"
)

// server is a tiny receiver that tests play against: it takes messages while
// take says so, and is asked four times a second.
type server struct {
	take  func(at time.Time) bool
	class reply.Class
}

// play runs a state against a server and returns it with what was taken and
// refused.
func (v server) play(s State, from time.Time, seconds float64) (out State, taken, refused int) {
	class := v.class
	if class == "" {
		class = reply.ClassRate
	}
	for x := 0.0; x < seconds; x += 0.25 {
		now := from.Add(duration(x))
		var block Block
		s, block = Take(s, 100, now, 250*time.Millisecond)
		var events []Event
		for i := range block.N {
			at := block.Slot(i)
			if at.Before(now) {
				at = now
			}
			e := Event{Kind: Accepted, At: at.Add(200 * time.Millisecond), Launched: at, Probe: block.Probe, Lanes: 3, Index: 1}
			if v.take(at) {
				taken++
			} else {
				refused++
				e.Kind, e.Meaning, e.Code = Refused, reply.Meaning{Class: class, Scope: reply.ScopeSource}, 451
				e.Phase, e.Reply = reply.PhaseMail, "451 no"
			}
			events = append(events, e)
		}
		s, _ = Step(s, events, now.Add(450*time.Millisecond))
	}
	return s, taken, refused
}

// bucketServer is a token bucket.
func bucketServer(rate, size float64) server {
	level, last := size, time.Time{}
	return server{take: func(at time.Time) bool {
		if !last.IsZero() {
			level = min(size, level+rate*at.Sub(last).Seconds())
		}
		last = at
		if level < 1 {
			return false
		}
		level--
		return true
	}}
}

func TestFindsABucket(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{0.3, 2, 11, 37} {
		s, taken, refused := bucketServer(rate, 3*rate+5).play(New(Profile{MaxRate: 50}, t0), t0, 1800)
		if good := float64(taken) / (1800*rate + 3*rate + 5); good < 0.93 {
			t.Errorf("bucket of %.1f/s: took %.0f %% of what it could", rate, 100*good)
		}
		if refused > 12+taken/200 {
			t.Errorf("bucket of %.1f/s: %d of %d refused", rate, refused, taken)
		}
		if s.Rate.Lo > 1.1*rate {
			t.Errorf("bucket of %.1f/s: believes in %.2f/s", rate, s.Rate.Lo)
		}
	}
}

func TestLearnsAClockWindow(t *testing.T) {
	t.Parallel()
	var minute int64
	count := 0
	v := server{take: func(at time.Time) bool {
		if m := at.Unix() / 60; m != minute {
			minute, count = m, 0
		}
		count++
		return count <= 150
	}}
	s, _, _ := v.play(New(Profile{MaxRate: 50}, t0), t0, 600)
	found := false
	for _, w := range s.Windows.All {
		found = found || w.Width == 60 && w.Confirmed && w.Quota > 140 && w.Quota < 170
	}
	if !found {
		t.Fatalf("150 a minute is not known: %+v", s.Windows.All)
	}
	_, taken, refused := v.play(s, t0.Add(600*time.Second), 1800)
	if taken < 4200 || refused > 30 {
		t.Errorf("the next half hour: %d taken of 4,500, %d refused", taken, refused)
	}
}

func TestNeverAboveAConfirmedWindow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		quota := float64(rapid.IntRange(30, 3000).Draw(t, "quota"))
		width := rapid.SampledFrom([]float64{60, 600, 3600}).Draw(t, "width")
		start := momentOf(t0)
		s := New(Profile{MaxRate: 50}, t0)
		s.Budget.Left = -5 // no growing
		w := window{Width: width, Quota: quota, Confirmed: true}
		w.ID = w.id(start)
		s.Windows.All[0] = w
		taken := map[int64]int{}
		v := server{take: func(at time.Time) bool {
			taken[at.Unix()/int64(width)]++
			return true
		}}
		v.play(s, t0, min(3*width, 400))
		for id, n := range taken {
			// One window's grants may be on their way when it closes.
			if float64(n) > quota+2+quota/width*2 {
				t.Fatalf("window %d took %d, more than %.0f", id, n, quota)
			}
		}
	})
}

func TestTwoBlocksUnmaskAPenaltyBox(t *testing.T) {
	t.Parallel()
	// 60 in any 20 s, else nothing for two minutes, and knocking starts it anew.
	var past []time.Time
	var until time.Time
	blocks := 0
	v := server{take: func(at time.Time) bool {
		if at.Before(until) {
			until = at.Add(2 * time.Minute)
			return false
		}
		for len(past) > 0 && at.Sub(past[0]) > 20*time.Second {
			past = past[1:]
		}
		if len(past) >= 60 {
			until = at.Add(2 * time.Minute)
			past = nil
			blocks++
			return false
		}
		past = append(past, at)
		return true
	}}
	s, taken, _ := v.play(New(Profile{MaxRate: 50}, t0), t0, 4*3600)
	if blocks > 5 || float64(taken) < 0.75*3*4*3600 {
		t.Errorf("%d blocks, %.0f %% of the possible, sliding %+v", blocks, 100*float64(taken)/(3*4*3600), s.Sliding)
	}
}

func TestNoiseDoesNotSlow(t *testing.T) {
	t.Parallel()
	n := 0
	v := server{take: func(time.Time) bool { n++; return n%130 != 0 }}
	s, _, _ := v.play(New(Profile{MaxRate: 20}, t0), t0, 1200)
	if s.Rate.R < 15 {
		t.Errorf("one stray refusal in 130 slowed the provider to %.1f of 20/s (floor %.4f)", s.Rate.R, s.Noise.Floor)
	}
}

func TestABadHostIsAvoided(t *testing.T) {
	t.Parallel()
	s := running(t, 10)
	for i := range 4 {
		x := 11 + float64(i)
		s, _ = Step(s, []Event{
			{Kind: Opened, At: at(x), Host: "mx1.test", Lanes: 3},
			{Kind: OpenRefused, At: at(x + 0.1), Host: "mx2.test", Lanes: 3, Meaning: reply.Meaning{Class: reply.ClassOutage, Scope: reply.ScopeHost}},
		}, at(x+0.2))
	}
	p := s.Pace(at(16), Demand{Waiting: 100})
	if len(p.Avoid) != 1 || p.Avoid[0] != "mx2.test" {
		t.Errorf("avoided hosts: %v, want mx2.test", p.Avoid)
	}
	if p.Mode == "hold" || p.Mode == "pause" {
		t.Errorf("one bad host put the provider on %s", p.Mode)
	}
	if later := s.Pace(at(16+3700), Demand{Waiting: 100}); len(later.Avoid) != 0 {
		t.Error("a host is avoided for ever")
	}
}

func TestLaneCapFollowsRefusals(t *testing.T) {
	t.Parallel()
	s := running(t, 20)
	crowded := Event{Kind: OpenRefused, At: at(21), Launched: at(20.9), Lanes: 6, Reply: "421 too many connections",
		Meaning: reply.Meaning{Class: reply.ClassConcurrency, Scope: reply.ScopeSource}}
	rate := s.Rate.R
	s, decisions := Step(s, []Event{crowded}, at(21))
	if p := s.Pace(at(22), Demand{Waiting: 1000}); p.Lanes != 6 || p.Rate < rate {
		t.Errorf("lanes %d, rate %.1f; want 6 lanes and the rate untouched (%.1f)", p.Lanes, p.Rate, rate)
	}
	if len(decisions) == 0 || decisions[0].Kind != Laned {
		t.Errorf("decisions: %+v", decisions)
	}
	if p := s.Pace(at(22+laneGap), Demand{Waiting: 1000}); p.Lanes != 7 {
		t.Errorf("a minute later %d lanes, want one more", p.Lanes)
	}
	s, _ = Step(s, []Event{{Kind: Opened, At: at(90), Lanes: 7}}, at(90))
	if s.Lanes.Cap != 7 {
		t.Errorf("one more worked, cap is %d", s.Lanes.Cap)
	}
}

func TestClosedLaneMayStillBeCounted(t *testing.T) {
	t.Parallel()
	s := running(t, 20)
	refused := func(x float64, open int) Event {
		return Event{Kind: OpenRefused, At: at(x), Launched: at(x - 0.01), Lanes: open, Reply: "421 too many connections",
			Meaning: reply.Meaning{Class: reply.ClassConcurrency, Scope: reply.ScopeSource}}
	}
	accepted := func(x float64, open int) Event {
		return Event{Kind: Accepted, At: at(x), Launched: at(x - 0.4), Lanes: open}
	}
	s, _ = Step(s, []Event{refused(21, 5)}, at(21)) // a cap of 5 is known
	s, _ = Step(s, []Event{accepted(30, 5)}, at(30))
	s, decisions := Step(s, []Event{refused(30.1, 4)}, at(30.1)) // one was closed, and another opened at once
	if s.Lanes.Cap != 5 {
		t.Errorf("a cap of %d was learned from a lane that was just closed", s.Lanes.Cap)
	}
	if p := s.Pace(at(30.1), Demand{Waiting: 1000}); p.OpenAfter.Before(at(31)) {
		t.Errorf("the next opening is at %s", p.OpenAfter)
	}
	if len(decisions) != 1 || decisions[0].Reason == "" {
		t.Errorf("decisions: %+v", decisions)
	}
	s, _ = Step(s, []Event{refused(31.2, 4)}, at(31.2)) // it was not the lane that was closed
	if s.Lanes.Cap != 4 {
		t.Errorf("refused again with 4 lanes, and the cap is %d", s.Lanes.Cap)
	}
}

func TestLanesNeverExceedWhatCanBeFed(t *testing.T) {
	t.Parallel()
	s := running(t, 20)
	for _, waiting := range []int{0, 1, 2} {
		if p := s.Pace(at(21), Demand{Waiting: waiting}); p.Lanes > waiting {
			t.Errorf("%d waiting, %d lanes wanted", waiting, p.Lanes)
		}
	}
}

func TestOpeningsSlowDownAndRecover(t *testing.T) {
	t.Parallel()
	var o opening
	for range 5 {
		o.refused(0)
	}
	if o.Gap < 2 || o.Gap > openingGapLongest {
		t.Errorf("after five refusals the gap is %.1f s", o.Gap)
	}
	for range 1000 {
		o.worked()
	}
	if o.Gap != 0 {
		t.Errorf("after a thousand good openings the gap is still %.2f s", o.Gap)
	}
}

func TestMessagesPerLane(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		class reply.Class
		at    []int // indexes at which lanes were cut
		want  int
	}{
		{"said so", reply.ClassSession, []int{21}, 20},
		{"never said, same place", reply.ClassUnknown, []int{31, 31}, 30},
		{"cut without a word, twice at the same one", reply.ClassNetwork, []int{21, 21}, 20},
		{"never said, anywhere", reply.ClassUnknown, []int{12, 40, 27}, 100},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := running(t, 60)
			x := 60.0
			for _, index := range tt.at {
				x += 20
				e := refusal(x, tt.class, reply.ScopeLane)
				e.Index, e.Severed = index, true
				s, _ = Step(s, []Event{acceptance(x-5, 50), e}, at(x))
			}
			if p := s.Pace(at(x+30), Demand{}); p.PerLane != tt.want {
				t.Errorf("%d messages per lane, want %d", p.PerLane, tt.want)
			}
		})
	}
}

func TestGreylistingIsToldFromALimit(t *testing.T) {
	t.Parallel()
	grey := Event{Kind: Refused, First: true, Phase: reply.PhaseRcpt, Code: 451,
		Meaning: reply.Meaning{Class: reply.ClassGreylist, Scope: reply.ScopeRecipient, Hint: 4 * time.Minute}}
	s := New(Profile{}, t0)
	grey.At, grey.Launched = at(1), at(0.9)
	s, _ = Step(s, []Event{grey}, at(1))
	p := s.Pace(at(2), Demand{Waiting: 10})
	if !p.Greylists || p.RetryAfter < 4*time.Minute {
		t.Fatalf("greylists %v, retry after %s", p.Greylists, p.RetryAfter)
	}
	if _, block := TakeFirst(s, 3, at(2), time.Second); block.N == 0 {
		t.Error("no permits for first attempts")
	}
	// Retries that waited as long as was asked are refused as well: the delay is
	// longer than was said. Other recipients are not slowed for it.
	before := p.Rate
	for i := range 12 {
		e := grey
		e.First, e.Age, e.At = false, 10*time.Minute, at(700+10*float64(i))
		e.Launched = e.At.Add(-100 * time.Millisecond)
		s, _ = Step(s, []Event{e}, e.At)
	}
	p = s.Pace(at(830), Demand{Waiting: 10})
	if !p.Greylists || p.Rate < before || p.RetryAfter <= 10*time.Minute {
		t.Errorf("greylists %v, rate %.2f after %.2f, retry after %s", p.Greylists, p.Rate, before, p.RetryAfter)
	}
}

func TestSendingDomainHasItsOwnEnvelope(t *testing.T) {
	t.Parallel()
	domain := NewDomain(Profile{MaxRate: 50}, t0)
	source := running(t, 10)
	named := refusal(10.5, reply.ClassQuota, reply.ScopeSendingDomain)
	events := []Event{named, refusal(10.6, reply.ClassMailbox, reply.ScopeRecipient)}
	after, _ := Step(source, events, at(10.7))
	if after.Pace(at(10.8), Demand{}).Mode == "pause" {
		t.Error("a domain's quota slowed the whole source")
	}
	domain, _ = Step(domain, ForDomain(events), at(10.7))
	if p := domain.Pace(at(10.8), Demand{}); p.Mode != "pause" && p.Rate >= 50 {
		t.Errorf("the domain's envelope did not hear it: %s at %.1f/s", p.Mode, p.Rate)
	}
}

func TestWarmUp(t *testing.T) {
	t.Parallel()
	day := func(s State, n int, sent float64, refused int) State {
		from := t0.Add(time.Duration(n) * 24 * time.Hour)
		for h := range 12 {
			now := from.Add(time.Duration(h) * time.Hour)
			var events []Event
			if sent > 0 {
				events = append(events, Event{Kind: Accepted, At: now, Launched: now, Count: int(sent / 12)})
			}
			for range refused / 12 {
				events = append(events, Event{Kind: Refused, At: now, Launched: now.Add(-time.Hour),
					Meaning: reply.Meaning{Class: reply.ClassRate, Scope: reply.ScopeSource}})
			}
			s, _ = Step(s, events, now)
		}
		return s
	}
	tests := []struct {
		name    string
		sent    float64
		refused int
		want    int // step of the ladder on the third day
	}{
		{"clean days", 48, 0, 3},
		{"hardly used", 12, 0, 1},
		{"throttled a lot", 48, 12, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := New(Profile{WarmUp: true}, t0)
			s = day(s, 0, tt.sent, tt.refused)
			s = day(s, 1, tt.sent, tt.refused)
			s, _ = Step(s, nil, t0.Add(48*time.Hour))
			if s.Warmup.Day != tt.want {
				t.Errorf("day %d of the ladder, want %d", s.Warmup.Day, tt.want)
			}
		})
	}
	t.Run("the cap holds", func(t *testing.T) {
		t.Parallel()
		s := New(Profile{WarmUp: true}, t0)
		_, taken, _ := server{take: func(time.Time) bool { return true }}.play(s, t0, 4*3600)
		if taken > warmFirst {
			t.Errorf("%d sent on the first day, more than %d", taken, warmFirst)
		}
	})
}

func TestSilenceMakesCareful(t *testing.T) {
	t.Parallel()
	s := running(t, 120)
	s.Rate.Mode, s.Rate.Lo, s.Rate.R = steady, 40, 40
	tests := []struct {
		silence time.Duration
		least   float64
		most    float64
	}{
		{5 * time.Minute, 40, 43}, // a climb may be due
		{2 * time.Hour, 40, 40},
		{48 * time.Hour, 27, 29},
		{20 * 24 * time.Hour, 11, 13},
		{60 * 24 * time.Hour, 4, 4},
	}
	for _, tt := range tests {
		t.Run(tt.silence.String(), func(t *testing.T) {
			t.Parallel()
			late, _ := Step(s, nil, at(120).Add(tt.silence))
			if late.Rate.R < tt.least || late.Rate.R > tt.most {
				t.Errorf("starts at %.1f, want %.0f to %.0f", late.Rate.R, tt.least, tt.most)
			}
		})
	}
}

func TestOperator(t *testing.T) {
	t.Parallel()
	s := running(t, 60)
	held, decisions := Hold(s, at(3600), "the postmaster asked", at(61))
	if p := held.Pace(at(62), Demand{Waiting: 5}); p.Mode != "hold" || !p.Manual || !p.HoldUntil.Equal(at(3600)) {
		t.Errorf("held: %+v", p)
	}
	if len(decisions) != 1 || decisions[0].Kind != Held {
		t.Errorf("decisions: %+v", decisions)
	}
	if _, block := Take(held, 5, at(1800), time.Second); block.N != 0 {
		t.Error("a hold by hand let a message through")
	}
	back, _ := Release(held, "", at(100))
	if p := back.Pace(at(101), Demand{Waiting: 5}); p.Mode == "hold" || p.Rate <= 0 {
		t.Errorf("released: %+v", p)
	}
	capped, _ := Cap(s, 2, "", at(61))
	if p := capped.Pace(at(62), Demand{}); p.Rate != 2 {
		t.Errorf("capped at 2, runs at %.1f", p.Rate)
	}
	fresh, _ := Reset(capped, "", at(61))
	if p := fresh.Pace(at(62), Demand{}); p.Rate != 4 {
		t.Errorf("reset, runs at %.1f", p.Rate)
	}
}

func TestKnocksMoveToRoundTimes(t *testing.T) {
	t.Parallel()
	now := momentOf(time.Date(2026, 3, 2, 10, 51, 0, 0, time.UTC))
	if b := roundest(now, 600); b.Time().Format("15:04:05") != "11:00:00" {
		t.Errorf("a knock in ten minutes moves to %s, want 11:00:00", b.Time())
	}
	if b := roundest(now.plus(20), 5); b != 0 {
		t.Errorf("there is no round time near 10:51:25, found %s", b.Time())
	}
}

func TestLearnedIsSaidInWords(t *testing.T) {
	t.Parallel()
	s := New(Profile{}, t0)
	if known := s.Learned(); len(known) != 0 {
		t.Errorf("a new state claims to know %q", known)
	}
	s.Windows.All[0] = window{Width: 3600, Quota: 1200, Confirmed: true}
	s.PerLane.Cap = 20
	s.Hand = hand{Cap: 3, Note: "as agreed"}
	want := []string{"1200 messages per hour by the clock", "20 messages per lane", "capped by hand at 3.0/s (as agreed)"}
	if diff := cmp.Diff(want, s.Learned()); diff != "" {
		t.Error(diff)
	}
}

func BenchmarkRound(b *testing.B) {
	// What a broker does twice a second: one block of permits, one batch of outcomes.
	s := New(Profile{MaxRate: 50}, t0)
	now := t0
	events := make([]Event, 0, 32)
	for b.Loop() {
		now = now.Add(500 * time.Millisecond)
		var block Block
		s, block = Take(s, 25, now, 750*time.Millisecond)
		events = events[:0]
		for i := range block.N {
			events = append(events, Event{Kind: Accepted, At: now, Launched: block.Slot(i)})
		}
		s, _ = Step(s, events, now)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/25, "ns/message")
}
