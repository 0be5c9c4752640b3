package service

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/pacing"
)

// Preview says in words what a decision by hand leads to.
type Preview struct {
	Provider postgres.Provider
	Waiting  int64    // messages that wait for the provider now
	Ending   int64    // of these: that reach the end of their lifetime during a hold
	Words    []string // one sentence or two for each thing that follows
	Nothing  bool     // the decision would change nothing
}

// Text returns the words as one paragraph.
func (p Preview) Text() string { return strings.Join(p.Words, " ") }

func (p *Preview) say(format string, args ...any) {
	p.Words = append(p.Words, fmt.Sprintf(format, args...))
}

// Preview says what a decision would lead to, and changes nothing. It returns
// the same errors as [Service.Overrule].
func (s *Service) Preview(ctx context.Context, provider int64, o Overrule) (Preview, error) {
	at := now()
	if err := o.check(at); err != nil {
		return Preview{}, err
	}
	known, err := s.Provider(ctx, provider)
	if err != nil {
		return Preview{}, err
	}
	states, err := s.statesFor(ctx, known, o, at)
	if err != nil {
		return Preview{}, err
	}
	p := Preview{Provider: known.Provider, Waiting: known.Waiting}
	switch p.Waiting {
	case 0:
		p.say("No message waits for %s now.", known.Name)
	case 1:
		p.say("1 message waits for %s.", known.Name)
	default:
		p.say("%s messages wait for %s.", campaign.WordsForCount(p.Waiting), known.Name)
	}
	was, will := together(states, at), together(applied(states, o, at), at)
	switch o.Verb {
	case Hold:
		if p.Ending, err = s.endingBefore(ctx, provider, o.Until); err != nil {
			return Preview{}, err
		}
		p.hold(o, was, at)
	case Release:
		p.release(was, will, at)
	case Cap:
		p.cap(o, was, will)
	case Reset:
		p.reset(was, will)
	}
	if len(states) > 1 {
		p.say("This holds for each of the %d addresses that mail is sent from.", len(states))
	}
	return p, nil
}

// statesFor returns the state at each source that a decision is about. Where
// nothing was sent yet, it is the one to begin with.
func (s *Service) statesFor(ctx context.Context, known ProviderStanding, o Overrule, at time.Time) ([]pacing.State, error) {
	sources, err := s.sourcesFor(ctx, o)
	if err != nil {
		return nil, err
	}
	stored, err := s.Store.PacesOf(ctx, known.ID)
	if err != nil {
		return nil, err
	}
	bySource := make(map[int64][]byte, len(stored))
	for _, p := range stored {
		bySource[p.Source] = p.State
	}
	states := make([]pacing.State, len(sources))
	for i, source := range sources {
		state, ok := bySource[source.ID]
		if !ok {
			states[i] = pacing.New(s.Profile(known.Key), at)
			continue
		}
		if err := json.Unmarshal(state, &states[i]); err != nil {
			return nil, fmt.Errorf("stored pace of %s: %w", known.Name, err)
		}
	}
	return states, nil
}

func applied(states []pacing.State, o Overrule, at time.Time) []pacing.State {
	after := make([]pacing.State, len(states))
	for i, state := range states {
		after[i], _ = o.apply(state, Actor{}, at)
	}
	return after
}

// prospect is what the states of a provider's sources allow together.
type prospect struct {
	Rate    float64   // messages per second
	Held    time.Time // the latest end of a hold; zero when there is none
	Paused  time.Time // the same of a pause
	Manual  bool      // a hold was made by hand
	Cause   string    // of a hold
	Cap     float64   // by hand, the lowest; 0 none
	Learned []string
}

func together(states []pacing.State, at time.Time) prospect {
	var p prospect
	for _, s := range states {
		pace := s.Pace(at, pacing.Demand{Waiting: plenty})
		p.Rate += pace.Rate
		p.Learned = append(p.Learned, s.Learned()...)
		switch pace.Mode {
		case "hold", "knock":
			if pace.HoldUntil.After(p.Held) {
				p.Held, p.Manual, p.Cause = pace.HoldUntil, pace.Manual, s.Hold.Cause
			}
		case "pause":
			if pace.HoldUntil.After(p.Paused) {
				p.Paused = pace.HoldUntil
			}
		}
		if c := s.Hand.Cap; c > 0 && (p.Cap == 0 || c < p.Cap) {
			p.Cap = c
		}
	}
	return p
}

func (p *Preview) hold(o Overrule, was prospect, at time.Time) {
	until := untilWords(o.Until, at)
	p.say("Held until %s; nothing is sent there until then, and then one message asks whether the way is free.", until)
	if !was.Held.IsZero() {
		whose := "The provider's own hold"
		if was.Manual {
			whose = "The hold by hand"
		}
		p.say("%s until %s is replaced.", whose, untilWords(was.Held, at))
	}
	switch p.Ending {
	case 0:
		if p.Waiting > 0 {
			p.say("No message reaches the end of its lifetime before that.")
		}
	case 1:
		p.say("1 message reaches the end of its lifetime before that.")
	default:
		p.say("%s messages reach the end of their lifetime before that.", campaign.WordsForCount(p.Ending))
	}
}

func (p *Preview) release(was, will prospect, at time.Time) {
	switch {
	case !was.Held.IsZero() && was.Manual:
		p.say("It is held by hand until %s (%s).", untilWords(was.Held, at), was.Cause)
	case !was.Held.IsZero():
		p.say("It asked for a hold, which is looked at next at %s: “%s”.", untilWords(was.Held, at), was.Cause)
	case !was.Paused.IsZero():
		p.say("It pauses until %s.", untilWords(was.Paused, at))
	default:
		p.say("It is not held: nothing changes.")
		p.Nothing = true
		return
	}
	p.say("Released, sending begins again at once, at %s.", rateWords(will.Rate))
	if !was.Manual {
		p.say("If it still refuses, it is held again.")
	}
	p.needs(will.Rate)
}

func (p *Preview) cap(o Overrule, was, will prospect) {
	switch {
	case o.PerSecond == 0 && was.Cap == 0:
		p.say("There is no cap: nothing changes.")
		p.Nothing = true
	case o.PerSecond == 0:
		p.say("The cap of %s is lifted: the pace, now %s, may go to %s at once and looks for more from there.",
			rateWords(was.Cap), rateWords(was.Rate), rateWords(will.Rate))
	case !was.Held.IsZero():
		p.say("It is held now; after that nothing goes faster than %s.", rateWords(o.PerSecond))
	case will.Rate < was.Rate:
		p.say("Never faster than %s from now on; the pace is %s now.", rateWords(o.PerSecond), rateWords(was.Rate))
		p.needs(will.Rate)
	case was.Cap > 0 && o.PerSecond > was.Cap:
		p.say("The cap rises from %s to %s; the pace, now %s, may go to %s.",
			rateWords(was.Cap), rateWords(o.PerSecond), rateWords(was.Rate), rateWords(will.Rate))
	default:
		p.say("Never faster than %s; the pace is %s now, so that nothing changes until it has climbed there.",
			rateWords(o.PerSecond), rateWords(was.Rate))
	}
}

func (p *Preview) reset(was, will prospect) {
	if len(was.Learned) > 0 {
		p.say("Forgotten: %s.", strings.Join(was.Learned, "; "))
	} else {
		p.say("Nothing firm was learned yet; the pace of %s is forgotten.", rateWords(was.Rate))
	}
	if !was.Held.IsZero() {
		p.say("The hold ends, too.")
	}
	p.say("It starts again at %s, as for a provider that was never mailed, and finds its limits anew, which costs some refusals.",
		rateWords(will.Rate))
}

// needs says how long what waits takes at a rate.
func (p *Preview) needs(perSecond float64) {
	if p.Waiting == 0 || perSecond <= 0 {
		return
	}
	wait := time.Duration(float64(p.Waiting) / perSecond * float64(time.Second)).Round(time.Second)
	if wait < time.Minute {
		p.say("At that pace what waits takes less than a minute.")
		return
	}
	p.say("At that pace what waits takes %s at least.", campaign.WordsForWait(wait))
}

// endingBefore counts the mail at a provider that ends until a time if nothing
// is sent there.
func (s *Service) endingBefore(ctx context.Context, provider int64, until time.Time) (int64, error) {
	live, err := s.Store.LiveCampaigns(ctx)
	if err != nil {
		return 0, err
	}
	var all int64
	for _, c := range live {
		stop := c.Settings.StopBy
		n, err := s.Store.Ending(ctx, c.ID, provider, c.Settings.Window.Hours().Before(until, c.Settings.Lifetime.Std()), !stop.IsZero() && stop.Before(until))
		if err != nil {
			return 0, err
		}
		all += n
	}
	return all, nil
}
