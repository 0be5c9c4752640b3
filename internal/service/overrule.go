package service

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/pacing"
)

// Verb is what an operator does to a provider's pace.
type Verb string

// The verbs.
const (
	Hold    Verb = "hold"    // send nothing until a time
	Release Verb = "release" // end a hold or a pause now
	Cap     Verb = "cap"     // never send faster than a rate
	Reset   Verb = "reset"   // forget everything that was learned
)

// Overrule is a decision by hand about a provider's pace.
type Overrule struct {
	Verb      Verb
	Until     time.Time // of a hold
	PerSecond float64   // of a cap, in messages per second; 0 lifts it
	Note      string    // why, for those who come later; may be empty
	Source    int64     // the only source that is meant; 0 means all
}

// BadOverrule is a decision that cannot be carried out as it was given.
type BadOverrule struct {
	Field string // until, per_second, note, source or verb
	Words string // what was wrong and what to do
}

// Error says what was wrong and what to do.
func (b *BadOverrule) Error() string { return b.Words }

const (
	// longestHold is the longest hold by hand. Mail does not live longer than
	// that, and who must never get mail is suppressed.
	longestHold = 30 * 24 * time.Hour
	// longestNote fits, with its author, where the pacer keeps notes.
	longestNote = 140
	// slowestCap is the slowest pace there is: 30 messages an hour.
	slowestCap = 1.0 / 120
	// fastestCap is more than one machine can send.
	fastestCap = 10_000
)

// check returns a [*BadOverrule] that names the first mistake.
func (o Overrule) check(at time.Time) error {
	switch o.Verb {
	case Hold:
		switch {
		case o.Until.IsZero():
			return &BadOverrule{"until", "a hold needs an end: how long it lasts, or the time at which it is over"}
		case !o.Until.After(at):
			return &BadOverrule{"until", fmt.Sprintf("%s has passed; a hold ends later than now", o.Until.UTC().Format(time.RFC3339))}
		case o.Until.Sub(at) > longestHold:
			return &BadOverrule{"until", "a hold lasts 30 days at most; to stop for good, cancel the campaigns or suppress the domains"}
		}
	case Cap:
		if r := o.PerSecond; !(r == 0 || r >= slowestCap && r <= fastestCap) {
			return &BadOverrule{"per_second", "a cap is from 30 messages an hour to 10,000 a second, or 0 to lift it; to send nothing, hold the provider"}
		}
	case Release, Reset:
	default:
		return &BadOverrule{"verb", fmt.Sprintf("%q is not hold, release, cap or reset", o.Verb)}
	}
	if n := utf8.RuneCountInString(o.Note); n > longestNote {
		return &BadOverrule{"note", fmt.Sprintf("the note has %d characters; it may have %d", n, longestNote)}
	}
	if strings.ContainsFunc(o.Note, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }) {
		return &BadOverrule{"note", "the note is one line of text, without control characters"}
	}
	return nil
}

// apply makes the decision. The note says who made it.
func (o Overrule) apply(state pacing.State, by Actor, at time.Time) (pacing.State, []pacing.Decision) {
	note := "by " + by.String()
	if o.Note != "" {
		note = o.Note + "; " + note
	}
	switch o.Verb {
	case Hold:
		return pacing.Hold(state, o.Until, note, at)
	case Release:
		state, decisions := pacing.Release(state, note, at)
		// Before its own, the pacer tells of the message that usually ends a
		// hold; there was none.
		return state, decisions[len(decisions)-1:]
	case Cap:
		return pacing.Cap(state, o.PerSecond, note, at)
	default: // check lets no fifth verb through
		return pacing.Reset(state, note, at)
	}
}

// Overrule carries out a decision by hand at all sources of a provider, or at
// the one that it names, whether or not mail was ever sent there. It returns
// what follows, in words. When it returns, the decision is stored and all nodes
// have been told: each stops within the second of messages in flight.
func (s *Service) Overrule(ctx context.Context, provider int64, o Overrule, by Actor) (Preview, error) {
	preview, err := s.Preview(ctx, provider, o)
	if err != nil {
		return preview, err
	}
	known, err := s.Store.Provider(ctx, provider)
	if err != nil {
		return preview, err
	}
	sources, err := s.sourcesFor(ctx, o)
	if err != nil {
		return preview, err
	}
	at := now()
	for _, source := range sources {
		if err := s.overruleAt(ctx, source, known, o, by, at); err != nil {
			return preview, err
		}
	}
	detail := map[string]any{"source": o.Source}
	switch o.Verb {
	case Hold:
		detail["until"] = o.Until.UTC()
	case Cap:
		detail["per_second"] = o.PerSecond
	}
	return preview, s.audit(ctx, by, at, "provider."+string(o.Verb), "provider "+known.Key, o.Note, detail)
}

func (s *Service) overruleAt(ctx context.Context, source postgres.Source, p postgres.Provider, o Overrule, by Actor, at time.Time) error {
	first, err := json.Marshal(pacing.New(s.Profile(p.Key), at))
	if err != nil {
		return fmt.Errorf("pace of %s: %w", p.Name, err)
	}
	const anyVersion = 0 // no row has it: the state is always handed over
	_, err = s.Store.EditPace(ctx, source.ID, p.ID, anyVersion, first, at,
		func(stored []byte) ([]byte, []postgres.PaceEvent, string, error) {
			var state pacing.State
			if err := json.Unmarshal(stored, &state); err != nil {
				return nil, nil, "", err
			}
			state, decisions := o.apply(state, by, at)
			changed, err := json.Marshal(state)
			return changed, paceEvents(decisions), fmt.Sprintf("pace %d %d", source.ID, p.ID), err
		})
	return err
}

func paceEvents(decisions []pacing.Decision) []postgres.PaceEvent {
	events := make([]postgres.PaceEvent, len(decisions))
	for i, d := range decisions {
		events[i] = postgres.PaceEvent{At: d.At, Kind: string(d.Kind), Was: d.Was, Now: d.Now, Reason: d.Reason, Reply: d.Reply}
		if !d.Until.IsZero() {
			events[i].Until = &d.Until
		}
	}
	return events
}

const noSource = "no node has ever sent from here, so that there is no pace to decide about; " +
	"start `headway serve` with sending.source set, then try again"

// sourcesFor returns the sources that a decision is about.
func (s *Service) sourcesFor(ctx context.Context, o Overrule) ([]postgres.Source, error) {
	sources, err := s.Store.Sources(ctx)
	if err != nil {
		return nil, err
	}
	if o.Source == 0 {
		if len(sources) == 0 {
			return nil, &BadOverrule{"source", noSource}
		}
		return sources, nil
	}
	for _, source := range sources {
		if source.ID == o.Source {
			return []postgres.Source{source}, nil
		}
	}
	return nil, &BadOverrule{"source", fmt.Sprintf("there is no source %d; leave it out to mean all", o.Source)}
}
