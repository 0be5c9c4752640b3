package delivery

import (
	"context"
	"fmt"
	"strings"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/pacing"
	"github.com/headwaymail/headway/pacing/reply"
)

// Some refusals speak of the sending domain: a quota per DKIM domain, a
// signature that fails. They move an envelope of (sending domain, provider),
// which begins with the first of them; a message of that domain then needs a
// permit of both envelopes, while other domains go on.

// namesDomain reports whether an event is a refusal of its sending domain that
// slows it. A look-up of the domain that failed at their side does not.
func namesDomain(h happening) bool {
	return h.domain != "" && h.Kind == pacing.Refused && h.Meaning.Scope == reply.ScopeSendingDomain &&
		h.Meaning.Class != reply.ClassDNS
}

// heardBy returns the events that an envelope must hear: the source's hears all.
func (m *meeting) heardBy(domain string) []pacing.Event {
	events := make([]pacing.Event, 0, len(m.events))
	for _, h := range m.events {
		switch domain {
		case "":
			events = append(events, h.Event)
		case h.domain:
			h.Probe = h.knock // each envelope knows its own holds
			events = append(events, h.Event)
		}
	}
	if domain == "" {
		return events
	}
	return pacing.ForDomain(events)
}

// domainHeld tells the campaigns of a sending domain that it is held at a
// provider, or not any more.
func (e *Engine) domainHeld(ctx context.Context, domain string, provider postgres.Provider, d pacing.Decision) {
	kind, words := "", ""
	switch d.Kind {
	case pacing.Held:
		kind = "held"
		words = fmt.Sprintf("%s does not take mail from %s for now: %s.", provider.Name, domain, d.Reason)
	case pacing.Released:
		kind = "released"
		words = fmt.Sprintf("%s takes mail from %s again: %s.", provider.Name, domain, d.Reason)
	default:
		return
	}
	for _, c := range e.watch.all() {
		if c.letter == nil || !strings.EqualFold(c.letter.domain, domain) {
			continue
		}
		if err := e.store.AddEvent(ctx, c.ID, postgres.CampaignEvent{At: d.At, Kind: kind, Words: words}, false); err != nil {
			e.log.Warn("a campaign could not be told of a hold", "campaign", c.ID, "error", err)
		}
	}
}
