package delivery

import (
	"context"
	"fmt"
	"math/bits"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/pacing/reply"
)

const (
	// contentHold is how long a provider that takes a campaign for spam is left
	// alone with it (docs/PACING.md); then one message tries.
	contentHold = 30 * time.Minute
	// knockAgain is when another message may try if nothing was heard of it.
	knockAgain = 2 * time.Minute
	// contentLeast refusals that are contentShare of the last outcomes make a
	// hold: filters also turn against single recipients' copies.
	contentLeast = 3
	contentShare = 0.1
	contentKept  = 50
)

// contentWatch knows, by campaign, how a provider took its last messages.
type contentWatch map[int64]*contentRecord

// contentRecord is the last outcomes, newest in the lowest bit, 1 refused for
// their content.
type contentRecord struct {
	bits  uint64
	known int
	until time.Time // held here until then
}

// note takes in one outcome and reports whether the campaign is to be held.
func (w contentWatch) note(campaign int64, refused bool) bool {
	r := w[campaign]
	if r == nil {
		if !refused {
			return false
		}
		r = &contentRecord{}
		w[campaign] = r
	}
	r.bits <<= 1
	if refused {
		r.bits |= 1
	}
	r.bits &= 1<<contentKept - 1
	r.known = min(r.known+1, contentKept)
	n := bits.OnesCount64(r.bits)
	return refused && n >= contentLeast && float64(n) >= contentShare*float64(r.known)
}

// content watches what a provider says of a campaign's content. It returns true
// when the rest of the claim must wait: the campaign is held.
func (l *lane) content(o postgres.Outcome, accepted bool) bool {
	refused := o.Meaning.Scope == reply.ScopeCampaign &&
		(o.Meaning.Class == reply.ClassContent || o.Meaning.Class == reply.ClassReputation)
	if !accepted && !refused {
		return false
	}
	g, now := l.gate, l.engine.clock.now()
	g.mu.Lock()
	record := g.content[o.Campaign]
	held := g.content.note(o.Campaign, refused)
	knocking := l.knocking
	if held || knocking && refused {
		g.content[o.Campaign] = &contentRecord{until: now.Add(contentHold)}
		g.turns.empty(o.Campaign)
	} else if knocking {
		delete(g.content, o.Campaign)
	} else if record != nil && now.Before(record.until) {
		g.mu.Unlock()
		return true // another lane of this node heard it first
	}
	g.mu.Unlock()
	switch {
	case held || knocking && refused:
		l.engine.holdContent(g, o, now)
		return true
	case knocking:
		l.engine.releaseContent(g, o, now)
	}
	return false
}

// holdContent holds a campaign at a provider, on all nodes.
func (e *Engine) holdContent(g *gate, o postgres.Outcome, now time.Time) {
	until := now.Add(contentHold)
	said := o.Reply.String()
	what := fmt.Sprintf("said %s; the campaign is held here, and one message tries again at %s", said, until.UTC().Format("15:04"))
	hold := postgres.CampaignHold{Campaign: o.Campaign, Provider: g.provider.ID, Since: now, Until: until, Reply: said}
	ctx, cancel := context.WithTimeout(e.alive, writeTimeout)
	defer cancel()
	held, err := e.store.HoldCampaign(ctx, hold, e.source,
		postgres.CampaignEvent{At: now, Kind: "held", Words: fmt.Sprintf("%s takes this newsletter for spam: %s. "+
			"Its mail waits there until %s, then one message tries; everybody else gets theirs.", g.provider.Name, said, until.UTC().Format("15:04 UTC"))},
		postgres.PaceEvent{At: now, Kind: "campaign hold", Reason: fmt.Sprintf("campaign %d only: %s; other campaigns go on", o.Campaign, what),
			Reply: said, Until: &until})
	if err != nil {
		e.log.Warn("a campaign could not be held", "campaign", o.Campaign, "provider", g.provider.Name, "error", err)
	}
	if held {
		e.log.Warn("a provider takes a campaign for spam; it is held there", "campaign", o.Campaign, "provider", g.provider.Name, "until", until)
	}
}

// releaseContent ends the hold: the message that tried was taken.
func (e *Engine) releaseContent(g *gate, o postgres.Outcome, now time.Time) {
	ctx, cancel := context.WithTimeout(e.alive, writeTimeout)
	defer cancel()
	err := e.store.ReleaseCampaign(ctx, o.Campaign, g.provider.ID, e.source,
		postgres.CampaignEvent{At: now, Kind: "released", Words: fmt.Sprintf("%s took a message of this newsletter again: the rest follows.", g.provider.Name)},
		postgres.PaceEvent{At: now, Kind: "campaign release", Reason: fmt.Sprintf("campaign %d: a message passed; the rest follows", o.Campaign)})
	if err != nil {
		e.log.Warn("a campaign could not be released", "campaign", o.Campaign, "provider", g.provider.Name, "error", err)
	}
	e.Wake()
}
