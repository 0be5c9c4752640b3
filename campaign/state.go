package campaign

import (
	"errors"
	"fmt"
	"strings"
)

// State is where a campaign stands.
type State string

// The states of a campaign. Finishing is not one of them: it is what pages say
// of a sending campaign whose remaining deliveries are all deferred.
const (
	Draft     State = "draft"
	Scheduled State = "scheduled"
	Sending   State = "sending"
	Paused    State = "paused"
	Finished  State = "finished"
	Cancelled State = "cancelled"
)

// Verb is what a person, or the end of the work, does to a campaign.
type Verb string

// The verbs. Finish is Headway's own; all others are a person's.
const (
	Schedule    Verb = "schedule"
	Unschedule  Verb = "unschedule"
	Launch      Verb = "launch"
	Pause       Verb = "pause"
	Resume      Verb = "resume"
	Cancel      Verb = "cancel"
	Finish      Verb = "finish"
	RetryFailed Verb = "retry" // queue chosen final deliveries again
)

// transitions is the whole life of a campaign: from → verb → to.
var transitions = map[State]map[Verb]State{
	Draft:     {Schedule: Scheduled, Launch: Sending, Cancel: Cancelled},
	Scheduled: {Schedule: Scheduled, Unschedule: Draft, Launch: Sending, Cancel: Cancelled},
	Sending:   {Pause: Paused, Cancel: Cancelled, Finish: Finished},
	Paused:    {Resume: Sending, Cancel: Cancelled},
	Finished:  {RetryFailed: Sending},
}

// ErrTransition is the cause of every error of [State.After].
var ErrTransition = errors.New("not possible in this state")

// refusal is an [ErrTransition] in words for people.
type refusal struct{ words string }

func (r refusal) Error() string { return r.words }
func (r refusal) Unwrap() error { return ErrTransition }

// After returns the state that verb leads to. Its error wraps [ErrTransition]
// and says what is possible instead.
func (s State) After(verb Verb) (State, error) {
	if to, ok := transitions[s][verb]; ok {
		return to, nil
	}
	possible := s.Verbs()
	if len(possible) == 0 {
		return s, refusal{fmt.Sprintf("cannot %s: the campaign is %s, which is final", verb, s)}
	}
	words := make([]string, len(possible))
	for i, v := range possible {
		words[i] = string(v)
	}
	return s, refusal{fmt.Sprintf("cannot %s: the campaign is %s; possible: %s", verb, s, strings.Join(words, ", "))}
}

// Verbs returns what a person can do in this state, in a fixed order.
func (s State) Verbs() []Verb {
	var verbs []Verb
	for _, v := range []Verb{Schedule, Unschedule, Launch, Pause, Resume, Cancel, RetryFailed} {
		if _, ok := transitions[s][v]; ok {
			verbs = append(verbs, v)
		}
	}
	return verbs
}

// Final reports whether no more mail goes out in this state.
func (s State) Final() bool { return s == Finished || s == Cancelled }

// Words names the state for people. A sending campaign with nothing queued but
// something deferred is finishing.
func (s State) Words(c Counters) string {
	switch s {
	case Draft:
		return "Draft"
	case Scheduled:
		return "Scheduled"
	case Sending:
		if c.Queued == 0 && c.Deferred > 0 {
			return fmt.Sprintf("Finishing (%d deferred)", c.Deferred)
		}
		return "Sending"
	case Paused:
		return "Paused"
	case Finished:
		return "Finished"
	case Cancelled:
		return "Cancelled"
	}
	return string(s)
}
