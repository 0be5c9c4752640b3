package campaign

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var (
	allStates = []State{Draft, Scheduled, Sending, Paused, Finished, Cancelled}
	allVerbs  = []Verb{Schedule, Unschedule, Launch, Pause, Resume, Cancel, Finish, RetryFailed}
)

func TestStateAfterVerb(t *testing.T) {
	t.Parallel()
	type step struct {
		from State
		verb Verb
	}
	want := map[step]State{
		{Draft, Schedule}: Scheduled, {Draft, Launch}: Sending, {Draft, Cancel}: Cancelled,
		{Scheduled, Schedule}: Scheduled, {Scheduled, Unschedule}: Draft, {Scheduled, Launch}: Sending,
		{Scheduled, Cancel}: Cancelled,
		{Sending, Pause}:    Paused, {Sending, Cancel}: Cancelled, {Sending, Finish}: Finished,
		{Paused, Resume}: Sending, {Paused, Cancel}: Cancelled,
		{Finished, RetryFailed}: Sending,
	}
	for _, from := range allStates {
		for _, verb := range allVerbs {
			to, possible := want[step{from, verb}]
			got, err := from.After(verb)
			switch {
			case possible && (err != nil || got != to):
				t.Errorf("%s after %s is %s, %v; want %s", from, verb, got, err, to)
			case !possible && (!errors.Is(err, ErrTransition) || got != from):
				t.Errorf("%s after %s is %s, %v; want it to stay, with ErrTransition", from, verb, got, err)
			}
		}
	}
}

func TestStateErrorSaysWhatIsPossible(t *testing.T) {
	t.Parallel()
	_, err := Paused.After(Launch)
	if want := "cannot launch: the campaign is paused; possible: resume, cancel"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v; want %s", err, want)
	}
	_, err = Cancelled.After(Resume)
	if err == nil || !strings.Contains(err.Error(), "final") {
		t.Errorf("got %v; want it to say that cancelled is final", err)
	}
}

// Walking at random, a campaign is never anywhere but in a known state, never
// leaves Cancelled, and can do exactly what it says that it can.
func TestStateWalk(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state := Draft
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			verb := rapid.SampledFrom(allVerbs).Draw(t, "verb")
			next, err := state.After(verb)
			offered := false
			for _, v := range state.Verbs() {
				offered = offered || v == verb
			}
			if verb != Finish && offered != (err == nil) {
				t.Fatalf("%s offers %v, and %s gives %v", state, state.Verbs(), verb, err)
			}
			if state == Cancelled && err == nil {
				t.Fatalf("a cancelled campaign became %s", next)
			}
			if state.Final() && next == Paused {
				t.Fatalf("%s became %s", state, next)
			}
			state = next
		}
	})
}

func TestStateWords(t *testing.T) {
	t.Parallel()
	if got := Sending.Words(Counters{Targeted: 9, Queued: 1, Deferred: 8}); got != "Sending" {
		t.Errorf("got %q", got)
	}
	if got := Sending.Words(Counters{Targeted: 9, Delivered: 1, Deferred: 8}); got != "Finishing (8 deferred)" {
		t.Errorf("got %q", got)
	}
	words := make([]string, len(allStates))
	for i, s := range allStates {
		words[i] = s.Words(Counters{})
	}
	if diff := cmp.Diff([]string{"Draft", "Scheduled", "Sending", "Paused", "Finished", "Cancelled"}, words); diff != "" {
		t.Error(diff)
	}
}

// Counters that only ever count whole deliveries add up, whatever happens.
func TestCountersAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var c Counters
		var rows []DeliveryState
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			if len(rows) == 0 || rapid.Bool().Draw(t, "new") {
				rows = append(rows, Queued)
				c = c.Add(Counters{Targeted: 1, Queued: 1})
				continue
			}
			i := rapid.IntRange(0, len(rows)-1).Draw(t, "row")
			to := rapid.SampledFrom(DeliveryStates).Draw(t, "to")
			c.Count(rows[i], -1)
			c.Count(to, 1)
			rows[i] = to
			if !c.AddsUp() {
				t.Fatalf("%+v does not add up", c)
			}
		}
		waiting := int64(0)
		for _, state := range DeliveryStates {
			n := int64(0)
			for _, row := range rows {
				if row == state {
					n++
				}
			}
			if c.Of(state) != n {
				t.Fatalf("%d are %s, counted as %d", n, state, c.Of(state))
			}
			if !state.Final() {
				waiting += n
			}
		}
		if c.Waiting() != waiting || c.Waiting()+c.Final() != int64(len(rows)) {
			t.Fatalf("waiting %d and final %d of %d", c.Waiting(), c.Final(), len(rows))
		}
		c.Count("lost", 1)
		if !c.AddsUp() {
			t.Fatal("a state that does not exist was counted")
		}
		c.AcceptedFirst = c.Delivered + 1
		if c.AddsUp() {
			t.Fatal("more were accepted at first than at all, and it adds up")
		}
	})
}
