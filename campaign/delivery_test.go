package campaign

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headwaymail/headway/pacing/reply"
)

// finals is what final states may still become, and why: nothing but a late
// outcome, a bounce that came by mail, or a person who retries.
var finals = map[DeliveryState]map[DeliveryState]string{
	Delivered:         {Bounced: "a bounce by mail"},
	Bounced:           {Delivered: "a late outcome", Queued: "retried"},
	Expired:           {Delivered: "a late outcome", Bounced: "a late outcome", Queued: "retried"},
	Suppressed:        {Delivered: "a late outcome"},
	DeliveryCancelled: {Delivered: "a late outcome", Bounced: "a late outcome", Queued: "retried"},
	InDoubt:           {Delivered: "a late outcome", Bounced: "a late outcome", Queued: "retried"},
}

func TestDeliveryTransitions(t *testing.T) {
	t.Parallel()
	for _, from := range DeliveryStates {
		for _, to := range DeliveryStates {
			want := !from.Final()
			if from.Final() {
				_, want = finals[from][to]
			}
			if got := from.May(to); got != want {
				t.Errorf("%s may become %s: %v; want %v", from, to, got, want)
			}
		}
	}
	if Queued.May("lost") || DeliveryState("lost").May(Queued) {
		t.Error("a state that does not exist can be reached or left")
	}
}

func TestDeliveryWords(t *testing.T) {
	t.Parallel()
	var words []string
	for _, s := range DeliveryStates {
		words = append(words, s.Words())
	}
	want := []string{"Queued", "Deferred", "Delivered", "Bounced", "Expired", "Suppressed", "Cancelled", "In doubt"}
	if diff := cmp.Diff(want, words); diff != "" {
		t.Error(diff)
	}
}

// drawSettings draws terms that [Settings.Check] accepts.
func drawSettings(t *rapid.T) Settings {
	duration := func(name string, most time.Duration) Duration {
		return Duration(rapid.Int64Range(int64(time.Second), int64(most)).Draw(t, name))
	}
	s := DefaultSettings()
	s.Lifetime = duration("lifetime", 100*time.Hour)
	s.Retry.Steps = nil
	for range rapid.IntRange(0, 6).Draw(t, "steps") {
		s.Retry.Steps = append(s.Retry.Steps, duration("step", 5*time.Hour))
	}
	s.Retry.Throttled = duration("throttled", time.Hour)
	s.Retry.Greylisted = duration("greylisted", time.Hour)
	s.Retry.Mailbox = duration("mailbox", time.Hour)
	s.Retry.Spread = rapid.Float64Range(0, 0.9).Draw(t, "spread")
	s.OnDoubt = rapid.SampledFrom([]Doubt{DoubtResend, DoubtHold}).Draw(t, "on doubt")
	if err := s.Check(); err != nil {
		t.Fatalf("settings were drawn that cannot be used: %v", err)
	}
	return s
}

var classes = []reply.Class{reply.ClassNone, reply.ClassConcurrency, reply.ClassRate, reply.ClassQuota, reply.ClassGreylist,
	reply.ClassMailbox, reply.ClassOutage, reply.ClassNetwork, reply.ClassContent, reply.ClassUnknown}

func drawAttempt(t *rapid.T, now time.Time) Attempt {
	a := Attempt{
		Number:   rapid.IntRange(1, 40).Draw(t, "number"),
		First:    now.Add(-time.Duration(rapid.Int64Range(0, int64(120*time.Hour)).Draw(t, "age"))),
		Accepted: rapid.IntRange(0, 5).Draw(t, "accepted") == 0,
		Doubted:  rapid.Bool().Draw(t, "doubted"),
		Meaning: reply.Meaning{Class: rapid.SampledFrom(classes).Draw(t, "class"),
			Temporary: rapid.IntRange(0, 3).Draw(t, "temporary") > 0},
	}
	if !a.Accepted {
		a.InDoubt = rapid.IntRange(0, 3).Draw(t, "in doubt") == 0
	}
	if rapid.IntRange(0, 2).Draw(t, "hinted") == 0 {
		a.Meaning.Hint = time.Duration(rapid.Int64Range(int64(time.Second), int64(48*time.Hour)).Draw(t, "hint"))
	}
	return a
}

// Whatever came of an attempt, the delivery becomes what the transition table
// allows, is due within its lifetime, and never before the server's own time.
func TestDecide(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		s, a := drawSettings(t), drawAttempt(t, now)
		got := s.Decide(a, now, rapid.Float64Range(0, 0.999999).Draw(t, "random"))
		end := a.First.Add(s.Lifetime.Std())
		for _, from := range []DeliveryState{Queued, Deferred} {
			if !from.May(got.State) {
				t.Fatalf("%s may not become %s", from, got.State)
			}
		}
		if got.State.Final() != got.Due.IsZero() {
			t.Fatalf("%s is due at %v", got.State, got.Due)
		}
		switch {
		case a.Accepted:
			if got.State != Delivered {
				t.Fatalf("accepted, and %s", got.State)
			}
		case a.InDoubt && s.OnDoubt == DoubtHold:
			if got.State != InDoubt {
				t.Fatalf("in doubt and held, and %s", got.State)
			}
		case !a.InDoubt && !a.Meaning.Temporary:
			if got.State != Bounced {
				t.Fatalf("refused for good, and %s", got.State)
			}
		case !now.Before(end):
			want := Expired
			if a.InDoubt || a.Doubted {
				want = InDoubt
			}
			if got.State != want {
				t.Fatalf("past its lifetime, and %s; want %s", got.State, want)
			}
		default:
			if got.State != Deferred || got.Due.Before(now) || got.Due.After(end) {
				t.Fatalf("%s, due at %s; want deferred, between %s and %s", got.State, got.Due, now, end)
			}
			if hint := min(a.Meaning.Hint, hintLongest); hint > 0 && got.Due.Before(now.Add(hint)) && !got.Due.Equal(end) {
				t.Fatalf("due after %s; the server asked for %s", got.Due.Sub(now), hint)
			}
		}
	})
}

// A wait stays within its spread, and a wait that the server named is never
// shortened.
func TestDelay(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		s, a := drawSettings(t), drawAttempt(t, now)
		got := s.Delay(a, rapid.Float64Range(0, 0.999999).Draw(t, "random"))
		if hint := min(a.Meaning.Hint, hintLongest); hint > 0 {
			most := hint + hintMargin + time.Duration(float64(hint)*s.Retry.Spread)
			if got < hint || got > most {
				t.Fatalf("waits %s for a hint of %s; want at most %s", got, hint, most)
			}
			return
		}
		base := float64(s.base(a))
		least, most := time.Duration(base*(1-s.Retry.Spread)), time.Duration(base*(1+s.Retry.Spread))
		if got < least-1 || got > most+1 || got <= 0 {
			t.Fatalf("waits %s; want between %s and %s", got, least, most)
		}
	})
}

func TestRetrySchedule(t *testing.T) {
	t.Parallel()
	s := DefaultSettings()
	s.Retry.Spread = 0
	tests := []struct {
		name  string
		class reply.Class
		waits []time.Duration // after the first, second, … attempt
	}{
		{"outage", reply.ClassOutage, []time.Duration{5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 40 * time.Minute, time.Hour, time.Hour}},
		{"throttled", reply.ClassRate, []time.Duration{time.Minute, time.Minute}},
		{"too many lanes", reply.ClassConcurrency, []time.Duration{time.Minute}},
		{"greylisted", reply.ClassGreylist, []time.Duration{305 * time.Second, 305 * time.Second}},
		{"mailbox full", reply.ClassMailbox, []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 4 * time.Hour}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []time.Duration
			for i := range tt.waits {
				got = append(got, s.Delay(Attempt{Number: i + 1, Meaning: reply.Meaning{Class: tt.class, Temporary: true}}, 0.5))
			}
			if diff := cmp.Diff(tt.waits, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if got := s.Delay(Attempt{Number: 3, InDoubt: true}, 0.5); got != doubtWait {
		t.Errorf("in doubt, waits %s; want %s", got, doubtWait)
	}
	stepless := s
	stepless.Retry.Steps = nil
	if got := stepless.Delay(Attempt{Number: 1, Meaning: reply.Meaning{Class: reply.ClassOutage}}, 0.5); got != time.Hour {
		t.Errorf("without steps, waits %s; want an hour", got)
	}
}

// Tried again and again as told, a delivery that nobody takes ends, at the end
// of its lifetime and with a last try there.
func TestDeliveryEndsWithItsLifetime(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		s := DefaultSettings()
		s.Lifetime = Duration(rapid.Int64Range(int64(time.Minute), int64(48*time.Hour)).Draw(t, "lifetime"))
		class := rapid.SampledFrom(classes[1:]).Draw(t, "class")
		now := start
		for number := 1; number < 10_000; number++ {
			d := s.Decide(Attempt{Number: number, First: start, Meaning: reply.Meaning{Class: class, Temporary: true}}, now, 0.3)
			if d.State == Expired {
				if want := start.Add(s.Lifetime.Std()); !now.Equal(want) {
					t.Fatalf("expired after %s; its lifetime is %s", now.Sub(start), s.Lifetime.Std())
				}
				return
			}
			if !d.Due.After(now) {
				t.Fatalf("tried again without a wait, at %s", now)
			}
			now = d.Due
		}
		t.Fatal("never ended")
	})
}

func TestSettings(t *testing.T) {
	t.Parallel()
	if err := DefaultSettings().Check(); err != nil {
		t.Error(err)
	}
	s, err := ParseSettings([]byte(`{"lifetime": "2h", "retry": {"throttled": "5s"}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultSettings()
	want.Lifetime, want.Retry.Throttled = Duration(2*time.Hour), Duration(5*time.Second)
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
	if _, err := ParseSettings([]byte(`{"lifetime": "two hours"}`)); err == nil {
		t.Error("a lifetime in words was taken")
	}
	for name, spoil := range map[string]func(*Settings){
		"lifetime": func(s *Settings) { s.Lifetime = 0 },
		"spread":   func(s *Settings) { s.Retry.Spread = 1 },
		"on_doubt": func(s *Settings) { s.OnDoubt = "forget" },
		"steps[1]": func(s *Settings) { s.Retry.Steps = []Duration{1, 0} },
	} {
		s := DefaultSettings()
		spoil(&s)
		if err := s.Check(); err == nil {
			t.Errorf("%s was spoiled and not noticed", name)
		}
	}
}
