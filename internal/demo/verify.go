package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/sandbox"
)

// leaveWithin is how long after an acknowledged unsubscribe a transaction may
// still begin: a lane never has more than a second of mail in hand.
const leaveWithin = time.Second

// Finding is one thing that was verified.
type Finding struct {
	Good  bool
	Words string
	Cases []string // what is wrong, the first few
}

// Verify compares the ledger with what the simulated receivers hold, recipient
// by recipient.
func (d *Demo) Verify(ctx context.Context) ([]Finding, error) {
	c, err := d.Node.Database.Store.Campaign(ctx, d.Campaign)
	if err != nil {
		return nil, err
	}
	ledger, err := d.ledger(ctx)
	if err != nil {
		return nil, err
	}
	checked, err := d.Node.Database.Store.Check(ctx)
	if err != nil {
		return nil, err
	}
	received := d.received()
	return []Finding{
		finalStates(ledger),
		addsUp(c.Counters, len(ledger), len(checked.Differences)),
		sameRecipients(ledger, received),
		signatures(received),
		leftAlone(d.Sandbox.Received(), d.Sandbox.Unsubscribes()),
	}, nil
}

// ledger returns the state of every recipient of the newsletter, by address.
func (d *Demo) ledger(ctx context.Context) (map[string]campaign.DeliveryState, error) {
	const page = 5000
	states := make(map[string]campaign.DeliveryState)
	for after := int64(0); ; {
		recipients, err := d.Node.Database.Store.Recipients(ctx, d.Campaign, "", after, page)
		if err != nil {
			return nil, err
		}
		for _, r := range recipients {
			states[strings.ToLower(r.Address)] = r.State
			after = r.Contact
		}
		if len(recipients) < page {
			return states, nil
		}
	}
}

// received returns the newsletter's messages that receivers hold, by recipient.
func (d *Demo) received() map[string][]sandbox.Message {
	byRecipient := make(map[string][]sandbox.Message)
	for _, m := range d.Sandbox.Received() {
		if claims, ok := d.claims(m); ok && claims == d.Campaign {
			key := strings.ToLower(m.Recipient)
			byRecipient[key] = append(byRecipient[key], m)
		}
	}
	return byRecipient
}

// claims returns the campaign that a message belongs to, by the signed token of
// its Message-ID.
func (d *Demo) claims(m sandbox.Message) (int64, bool) {
	text, _, found := strings.Cut(strings.TrimPrefix(m.MessageID, "<"), "@")
	if !found {
		return 0, false
	}
	return d.Node.MessageCampaign(text)
}

func finalStates(ledger map[string]campaign.DeliveryState) Finding {
	f := Finding{Words: fmt.Sprintf("all %d recipients are in a final state", len(ledger))}
	for address, state := range ledger {
		if !state.Final() {
			f.Cases = append(f.Cases, fmt.Sprintf("%s is %s", address, state))
		}
	}
	return f.judge()
}

func addsUp(c campaign.Counters, rows, differences int) Finding {
	f := Finding{Words: "the totals add up: every counter says what the ledger holds"}
	if !c.AddsUp() || int(c.Targeted) != rows {
		f.Cases = append(f.Cases, fmt.Sprintf("the counters say %+v, the ledger has %d rows", c, rows))
	}
	if differences > 0 {
		f.Cases = append(f.Cases, fmt.Sprintf("%d counters differ from the ledger; see headway check", differences))
	}
	return f.judge()
}

func sameRecipients(ledger map[string]campaign.DeliveryState, received map[string][]sandbox.Message) Finding {
	delivered, repeats, doubted := 0, 0, 0
	f := Finding{}
	for address, state := range ledger {
		copies := received[address]
		switch {
		case state == campaign.InDoubt:
			doubted++
		case state == campaign.Delivered && len(copies) == 0:
			f.Cases = append(f.Cases, address+" is delivered in the ledger, and no receiver has it")
		case state != campaign.Delivered && len(copies) > 0:
			f.Cases = append(f.Cases, fmt.Sprintf("%s is %s in the ledger, and a receiver has the message", address, state))
		case state == campaign.Delivered:
			delivered++
		}
		for _, again := range copies[min(1, len(copies)):] {
			repeats++
			if again.MessageID != copies[0].MessageID {
				f.Cases = append(f.Cases, address+" got two messages with different Message-IDs")
			}
		}
	}
	for address := range received {
		if _, known := ledger[address]; !known {
			f.Cases = append(f.Cases, address+" got a message and is not in the ledger")
		}
	}
	f.Words = fmt.Sprintf("receivers hold exactly the %d messages that the ledger calls delivered, recipient by recipient", delivered)
	if repeats > 0 {
		f.Words += fmt.Sprintf(" (%d arrived twice, with the same Message-ID, after a connection was lost)", repeats)
	}
	if doubted > 0 {
		f.Words += fmt.Sprintf("; %d more are in doubt, and said to be", doubted)
	}
	return f.judge()
}

func signatures(received map[string][]sandbox.Message) Finding {
	good := 0
	f := Finding{}
	for address, copies := range received {
		for _, m := range copies {
			if m.DKIM.Result == sandbox.DKIMPass && m.DKIM.Aligned && len(m.DKIM.Missing) == 0 {
				good++
				continue
			}
			f.Cases = append(f.Cases, fmt.Sprintf("%s: DKIM %s %s; not covered: %v", address, m.DKIM.Result, m.DKIM.Error, m.DKIM.Missing))
		}
	}
	f.Words = fmt.Sprintf("receivers verified the DKIM signature of all %d messages", good)
	return f.judge()
}

// leftAlone looks for mail that began after its reader had left.
func leftAlone(received []sandbox.Message, left []sandbox.Unsubscribe) Finding {
	acked := make(map[string]time.Time)
	f := Finding{}
	for _, u := range left {
		if u.Acked() {
			acked[strings.ToLower(u.Recipient)] = u.AckedAt
		} else {
			f.Cases = append(f.Cases, fmt.Sprintf("%s asked to leave and was not heard: %d %s", u.Recipient, u.Status, u.Error))
		}
	}
	for _, m := range received {
		at, gone := acked[strings.ToLower(m.Recipient)]
		if gone && m.MailAt.After(at.Add(leaveWithin)) {
			f.Cases = append(f.Cases, fmt.Sprintf("%s got mail %s after leaving", m.Recipient, m.MailAt.Sub(at).Round(time.Millisecond)))
		}
	}
	f.Words = fmt.Sprintf("%d readers left by one click, and none of them got mail afterwards", len(acked))
	return f.judge()
}

const mostCases = 10

func (f Finding) judge() Finding {
	f.Good = len(f.Cases) == 0
	if n := len(f.Cases); n > mostCases {
		f.Cases = append(f.Cases[:mostCases], fmt.Sprintf("and %d more", n-mostCases))
	}
	return f
}

// NotFinal returns recipients that are not final, with their last reply.
func (d *Demo) NotFinal(ctx context.Context, limit int) ([]string, error) {
	var names []string
	for _, state := range []campaign.DeliveryState{campaign.Queued, campaign.Deferred} {
		recipients, err := d.Node.Database.Store.Recipients(ctx, d.Campaign, state, 0, limit)
		if err != nil {
			return nil, err
		}
		for _, r := range recipients {
			names = append(names, fmt.Sprintf("%s is %s after %d attempts at %s: %s", r.Address, r.State, r.Attempts, r.Provider, r.Reply))
		}
	}
	return names[:min(len(names), limit)], nil
}
