package receiver

import (
	"strings"
	"time"
)

// GreyKey says what a greylist remembers.
type GreyKey string

// The keys of greylists.
const (
	GreyTriple    GreyKey = "triple"    // source, MAIL FROM and recipient; the default
	GreyRecipient GreyKey = "recipient" // source and recipient, whatever MAIL FROM
	GreySource    GreyKey = "source"    // source alone: one retry opens the door for all
)

// Greylist puts off the first contact: a try is refused until Delay has passed
// since the first, and accepted from then on. It speaks at RCPT.
type Greylist struct {
	By     GreyKey       `yaml:"by"`
	Delay  time.Duration `yaml:"delay"`  // > 0
	Window time.Duration `yaml:"window"` // a first try older than this is forgotten; default 4h
	Answer *Refusal      `yaml:"answer"` // default: 451 4.7.1 greylisted, with the seconds
}

// greyWindow is postgrey's and RFC 6647's usual time within which a retry must come.
const greyWindow = 4 * time.Hour

// greylist is a [Greylist] at work.
type greylist struct {
	spec   Greylist
	answer *words
	seen   map[greyEntry]*contact
}

type greyEntry struct {
	source tallyKey
	from   string
}

type contact struct {
	first time.Time
	known bool
}

func newGreylist(spec *Greylist, opaque bool) *greylist {
	g := &greylist{spec: *spec, seen: map[greyEntry]*contact{}}
	g.spec.By = orElse(spec.By, GreyTriple)
	g.spec.Window = orElse(spec.Window, greyWindow)
	g.answer = spec.Answer.ready(Refusal{Code: 451, Enhanced: "4.7.1",
		Text: "Greylisted, please try again in {seconds} seconds"}, opaque)
	return g
}

// knows reports whether a contact may pass, and if not, after how long it may.
func (g *greylist) knows(now time.Time, who subject) (bool, time.Duration) {
	key := greyEntry{source: tallyKey{source: who.source}}
	if g.spec.By != GreySource {
		key.source.text = who.recipient
	}
	if g.spec.By == GreyTriple {
		key.from = strings.ToLower(who.from)
	}
	c := g.seen[key]
	switch {
	case c == nil || (!c.known && now.Sub(c.first) > g.spec.Window):
		g.seen[key] = &contact{first: now}
		return false, g.spec.Delay
	case c.known:
		return true, 0
	case now.Sub(c.first) < g.spec.Delay:
		return false, g.spec.Delay - now.Sub(c.first)
	}
	c.known = true
	return true, 0
}
