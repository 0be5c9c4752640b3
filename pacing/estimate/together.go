package estimate

import (
	"fmt"
	"slices"
	"time"
)

// Part is one provider's part of a campaign.
type Part struct {
	Name string
	Estimate
}

// Whole is when a campaign will be done: with the last of its providers.
type Whole struct {
	Early  bool `json:"early,omitempty"`  // too little is known; Why says what is missing
	Beyond bool `json:"beyond,omitempty"` // longer than can be foreseen

	Done time.Time `json:"done_at,omitzero"`
	Low  time.Time `json:"low_at,omitzero"`
	High time.Time `json:"high_at,omitzero"`

	// Half, Most and Nearly are when 50, 90 and 99 % of all recipients will
	// be done; zero when they are already.
	Half   time.Time `json:"half_at,omitzero"`
	Most   time.Time `json:"most_at,omitzero"`
	Nearly time.Time `json:"nearly_at,omitzero"`

	// Last is the provider that ends last, LastLeft what is left there after
	// Nearly.
	Last     string `json:"last,omitempty"`
	LastLeft int64  `json:"last_left,omitempty"`

	Left int64  `json:"left"`
	Why  string `json:"why"`
}

// earlyMost is the share of what is left that may be at providers of which
// nothing is known yet: with more, an end of the whole would be a guess.
const earlyMost = 0.1

// Together puts the providers of a campaign together; so many of its messages
// are done already.
func Together(parts []Part, done int64, now time.Time) Whole {
	w := Whole{Done: now, Low: now, High: now}
	var early int64
	var last *Part
	for i := range parts {
		p := &parts[i]
		w.Left += p.Left
		if p.Left == 0 {
			continue
		}
		if p.Early {
			early += p.Left
			continue
		}
		w.Beyond = w.Beyond || p.Beyond
		w.Low, w.High = latest(w.Low, p.Low), latest(w.High, p.High)
		if last == nil || p.Done.After(w.Done) {
			w.Done, last = p.Done, p
		}
	}
	switch {
	case w.Left == 0:
		w.Why = "nothing is left"
		return w
	case last == nil || float64(early) > earlyMost*float64(w.Left):
		return Whole{Early: true, Left: w.Left, Why: whyEarly(parts)}
	}
	w.Last = last.Name
	w.shares(parts, done)
	w.LastLeft = last.Left
	if !w.Nearly.IsZero() {
		w.LastLeft = last.Late(w.Nearly)
	}
	w.Why = capital(last.Why)
	if len(parts) > 1 {
		w.Why = last.Name + " is last: " + last.Why
	}
	if early > 0 {
		w.Why += fmt.Sprintf("; %s to providers of which nothing is known yet", plural(early, "message goes", "messages go"))
	}
	return w
}

// whyEarly names what is missing: the largest part of which nothing is known.
func whyEarly(parts []Part) string {
	var most *Part
	for i := range parts {
		if p := &parts[i]; p.Early && p.Left > 0 && (most == nil || p.Left > most.Left) {
			most = p
		}
	}
	if len(parts) == 1 {
		return capital(most.Why)
	}
	return most.Name + ": " + most.Why
}

// shares finds the times at which parts of the whole are done.
func (w *Whole) shares(parts []Part, done int64) {
	var steps []step
	for _, p := range parts {
		steps = append(steps, p.steps...)
	}
	slices.SortFunc(steps, func(a, b step) int { return a.at.Compare(b.at) })
	all := float64(done + w.Left)
	so := done
	for _, s := range steps {
		was := float64(so)
		so += s.n
		for _, mark := range []struct {
			share float64
			at    *time.Time
		}{{0.5, &w.Half}, {0.9, &w.Most}, {0.99, &w.Nearly}} {
			if was < mark.share*all && float64(so) >= mark.share*all {
				*mark.at = s.at
			}
		}
	}
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
