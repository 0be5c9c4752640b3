package pacing

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/pacing/reply"
)

var t0 = time.Date(2026, 3, 2, 10, 17, 23, 0, time.UTC)

func at(seconds float64) time.Time { return t0.Add(duration(seconds)) }

func refusal(seconds float64, class reply.Class, scope reply.Scope) Event {
	return Event{
		Kind: Refused, At: at(seconds), Launched: at(seconds - 0.2), Lanes: 4, Index: 3, Code: 421,
		Phase: reply.PhaseMail, Reply: "421 4.7.0 [TSS04] try later",
		Meaning: reply.Meaning{Class: class, Scope: scope, Temporary: true},
	}
}

func acceptance(seconds float64, n int) Event {
	return Event{Kind: Accepted, At: at(seconds), Launched: at(seconds - 0.2), Lanes: 4, Count: n}
}

// running returns a state that accepted mail at its own rate for a while.
func running(t *testing.T, seconds float64) State {
	t.Helper()
	s := New(Profile{MaxRate: 50}, t0)
	for x := 0.5; x <= seconds; x += 0.5 {
		s, _ = Step(s, []Event{acceptance(x, int(s.Rate.R/2))}, at(x))
	}
	return s
}

func TestStartDoublesUntilTheCeiling(t *testing.T) {
	t.Parallel()
	s := running(t, 20)
	if s.Rate.R != 50 || s.Rate.Mode != steady {
		t.Errorf("after 20 clean seconds the rate is %.1f (%s), want 50 (steady)", s.Rate.R, s.Rate.Mode)
	}
}

func TestStartDoesNotOutrunTheMail(t *testing.T) {
	t.Parallel()
	s := New(Profile{}, t0)
	for x := 0.5; x <= 60; x += 0.5 {
		s, _ = Step(s, []Event{acceptance(x, 1)}, at(x))
	}
	if s.Rate.R > 8 {
		t.Errorf("two messages a second raised the rate to %.1f", s.Rate.R)
	}
}

func TestWhoseTroubleItIs(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		class reply.Class
		scope reply.Scope
		slows bool
	}{
		{"mailbox", reply.ClassMailbox, reply.ScopeRecipient, false},
		{"greylist", reply.ClassGreylist, reply.ScopeRecipient, false},
		{"recipients", reply.ClassRecipients, reply.ScopeTransaction, false},
		{"dns", reply.ClassDNS, reply.ScopeSendingDomain, false},
		{"content", reply.ClassContent, reply.ScopeCampaign, false},
		{"policy", reply.ClassPolicy, reply.ScopeRecipientDomain, false},
		{"session", reply.ClassSession, reply.ScopeLane, false},
		{"concurrency", reply.ClassConcurrency, reply.ScopeSource, false},
		{"connrate", reply.ClassConnRate, reply.ScopeSource, false},
		{"rate of one sending domain", reply.ClassRate, reply.ScopeSendingDomain, false},
		{"rate", reply.ClassRate, reply.ScopeSource, true},
		{"quota", reply.ClassQuota, reply.ScopeSource, true},
		{"unknown", reply.ClassUnknown, "", true},
		{"blocklist", reply.ClassBlocklist, reply.ScopeSource, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := running(t, 10)
			was := s.Rate.R
			s, _ = Step(s, []Event{refusal(10.6, tt.class, tt.scope)}, at(10.6))
			p := s.Pace(at(10.7), Demand{Waiting: 1000})
			slowed := p.Rate < was || p.Mode == "pause" || p.Mode == "hold"
			if slowed != tt.slows {
				t.Errorf("slowed = %v, want %v (rate %.1f → %.1f, mode %s)", slowed, tt.slows, was, p.Rate, p.Mode)
			}
		})
	}
}

func TestOneBurstIsOneEpisode(t *testing.T) {
	t.Parallel()
	s := running(t, 10)
	var burst []Event
	for i := range 20 {
		burst = append(burst, refusal(10.5+0.01*float64(i), reply.ClassRate, reply.ScopeSource))
	}
	once, _ := Step(s, burst[:1], at(10.8))
	all, _ := Step(s, burst, at(10.8))
	if once.Rate.R != all.Rate.R {
		t.Errorf("20 refusals in flight lowered the rate to %.2f, one to %.2f", all.Rate.R, once.Rate.R)
	}
	if all.held() {
		t.Error("one burst became a hold")
	}
}

func TestTwoRefusalsMeasureTheLimit(t *testing.T) {
	t.Parallel()
	s := running(t, 10)
	s, _ = Step(s, []Event{refusal(10.5, reply.ClassRate, reply.ScopeSource)}, at(10.5))
	// A limiter that refills 7 a second takes 140 in the next 20 s.
	s.Rate.Mode, s.Rate.Rough, s.Rate.R, s.Rate.Lo = steady, false, 8, 8
	s.Rate.Next = momentOf(at(60))
	for x := 11.5; x < 30; x += 0.5 {
		s, _ = Step(s, []Event{acceptance(x, 4)}, at(x))
	}
	total := s.Total
	s.Total += 140 - (total - s.Rate.Empty.Total)
	s, decisions := Step(s, []Event{refusal(30.5, reply.ClassRate, reply.ScopeSource)}, at(30.5))
	var said string
	for _, d := range decisions {
		if d.Kind == Measured {
			said = d.Reason
		}
	}
	if s.Rate.R < 6.5 || s.Rate.R > 7 {
		t.Errorf("rate is %.2f, want just under 7", s.Rate.R)
	}
	if !strings.Contains(said, "[TSS04]") || !strings.Contains(said, "measured 7.0/s") || !strings.Contains(said, "next look") {
		t.Errorf("reason is %q", said)
	}
}

func TestHoldEndsOnlyByItsKnock(t *testing.T) {
	t.Parallel()
	hinted := refusal(10.5, reply.ClassRate, reply.ScopeSource)
	hinted.Meaning.Hint = time.Minute
	held, _ := Step(running(t, 10), []Event{hinted}, at(10.5))
	if !held.held() {
		t.Fatal("a hint of a minute did not hold")
	}
	due := held.Hold.Next.Time().Add(time.Second)
	knocking, block := Take(held, 5, due, time.Second)
	if !block.Probe || block.N != 1 {
		t.Fatalf("block is %+v, want one probe", block)
	}
	tests := []struct {
		name  string
		event Event
		held  bool
	}{
		{"an old message is accepted", Event{Kind: Accepted, Launched: at(10), At: due.Add(time.Second)}, true},
		{"a message without the mark is accepted", Event{Kind: Accepted, Launched: due, At: due.Add(time.Second)}, true},
		{"a stale probe is accepted", Event{Kind: Accepted, Probe: true, Launched: at(10), At: due.Add(time.Second)}, true},
		{"the knock is accepted", Event{Kind: Accepted, Probe: true, Launched: due, At: due.Add(time.Second)}, false},
		{"the knock meets a full mailbox", Event{Kind: Refused, Probe: true, Launched: due, At: due.Add(time.Second), Meaning: reply.Meaning{Class: reply.ClassMailbox, Scope: reply.ScopeRecipient}}, false},
		{"the knock meets a dead network", Event{Kind: Refused, Probe: true, Launched: due, At: due.Add(time.Second), Meaning: reply.Meaning{Class: reply.ClassNetwork, Scope: reply.ScopeHost}}, true},
		{"no lane can be opened for the knock", Event{Kind: OpenRefused, Launched: due, At: due.Add(time.Second), Meaning: reply.Meaning{Class: reply.ClassOutage}}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, _ := Step(knocking, []Event{tt.event}, due.Add(time.Second))
			if s.held() != tt.held {
				t.Errorf("held = %v, want %v", s.held(), tt.held)
			}
		})
	}
	if _, second := Take(knocking, 5, due.Add(time.Second), time.Second); second.N != 0 {
		t.Error("a second taker got the half-open permit too")
	}
	if _, late := Take(knocking, 5, due.Add(3*time.Minute), time.Second); late.N != 1 {
		t.Error("a lost half-open permit was not given out again")
	}
	if back := Return(knocking, block, due.Add(time.Second)); back.Hold.Asked != 0 {
		t.Error("a half-open permit handed back is not free")
	}
}

func TestStepLeavesItsInputAlone(t *testing.T) {
	t.Parallel()
	s := running(t, 10)
	before := s
	events := []Event{refusal(10.9, reply.ClassRate, reply.ScopeSource), acceptance(10.5, 3)}
	Step(s, events, at(11))
	if diff := cmp.Diff(before, s, cmp.AllowUnexported(State{}, history{}, level{})); diff != "" {
		t.Error(diff)
	}
	if events[0].Kind != Refused {
		t.Error("the caller's events were sorted in place")
	}
}

func TestStateSurvivesJSON(t *testing.T) {
	t.Parallel()
	hinted := refusal(60.5, reply.ClassRate, reply.ScopeSource)
	hinted.Meaning.Hint = time.Hour
	hinted.Reply = strings.Repeat("verbose ", 100)
	s, _ := Step(running(t, 60), []Event{hinted}, at(60.5))
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > 4096 {
		t.Errorf("state takes %d bytes, more than 4096", len(data))
	}
	var back State
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, back, cmp.AllowUnexported(State{}, history{}, level{})); diff != "" {
		t.Error(diff)
	}
}

func TestClockSetBack(t *testing.T) {
	t.Parallel()
	s := running(t, 60)
	s, _ = Step(s, nil, at(-3600))
	_, block := Take(s, 10, at(-3590), time.Second)
	if block.N == 0 {
		t.Error("nothing may be sent after the clock was set back by an hour")
	}
}

// An outage in the first seconds tells nothing about a limit: the doubling
// must go on afterwards, or a large provider would crawl for hours.
func TestAnOutageDuringTheStartDoesNotEndIt(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	s := New(Profile{}, now)
	down := reply.Meaning{Class: reply.ClassOutage, Scope: reply.ScopeHost, Temporary: true}
	refuse := func(probe bool) {
		s, _ = Step(s, []Event{{Kind: Refused, At: now, Launched: now, Meaning: down, Code: 421, Probe: probe}}, now)
	}
	for range 3 {
		refuse(false)
		now = now.Add(4 * time.Second)
	}
	for range 200 {
		var b Block
		s, b = Take(s, 1, now, time.Second)
		if b.Probe {
			s, _ = Step(s, []Event{{Kind: Accepted, At: now.Add(time.Second), Launched: now, Probe: true}}, now.Add(time.Second))
			break
		}
		now = now.Add(time.Second)
		s, _ = Step(s, nil, now)
	}
	if p := s.Pace(now, Demand{Waiting: 100}); p.Mode != string(starting) || p.Rate < 4 {
		t.Errorf("after the outage the pace is %q at %.1f/s, want the start to go on at 4/s or more", p.Mode, p.Rate)
	}
}
