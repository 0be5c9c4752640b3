package service

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
)

// ownMail is a message of Headway's own to one person: a test of the setup, an
// invitation, a way to a new password. It is a delivery like all others, of a
// system campaign, and urgent.
type ownMail struct {
	name     string // of the campaign
	to       string
	subject  string // Liquid, as in every campaign
	text     string
	lifetime time.Duration
	// prepare runs when campaign and contact are known and nothing is on its way.
	prepare func(ctx context.Context, campaign, contact int64) error
}

// sendOwn puts a message of our own on its way and returns its campaign. The
// error is a [*NotReady] when no domain can send yet.
func (s *Service) sendOwn(ctx context.Context, m ownMail) (int64, error) {
	recipient, err := s.parseAddress(m.to)
	if err != nil {
		return 0, err
	}
	from, err := s.ownSender(ctx)
	if err != nil {
		return 0, err
	}
	settings := campaign.DefaultSettings()
	settings.Lifetime = campaign.Duration(m.lifetime)
	id, err := s.create(ctx, postgres.NewCampaign{Name: m.name, System: true, Weight: WeightUrgent, Settings: settings, TimeZone: "UTC",
		Content: campaign.Content{FromName: "Headway", FromAddress: from, Subject: m.subject, Text: m.text, Own: true}})
	if err != nil {
		return 0, err
	}
	contact, err := s.Store.EnsureContact(ctx, postgres.NewContact{Address: recipient.String(), AddressKey: recipient.Key(),
		CanonicalKey: recipient.Canonical(), Domain: recipient.Domain}, now())
	if err != nil {
		return 0, err
	}
	if m.prepare != nil {
		if err := m.prepare(ctx, id, contact); err != nil {
			return 0, err
		}
	}
	return id, s.Store.SendSystem(ctx, id, contact, now())
}

// sendersLooked is how many of the newest campaigns are asked for their sender.
const sendersLooked = 10

// ownSender is who our own mail comes from: the sender of the newest campaign
// whose domain can send, which people there know, or else headway@ such a domain.
func (s *Service) ownSender(ctx context.Context) (string, error) {
	keys, err := s.Store.DKIMKeys(ctx)
	if err != nil {
		return "", err
	}
	signer, err := s.signedBy()
	if err != nil {
		return "", err
	}
	if len(keys) == 0 && signer == "" {
		return "", &NotReady{Missing: []string{"a sending domain with a DKIM key: the page Setup makes one"}}
	}
	var refused error
	ready := func(domain string) bool {
		err := s.Ready(ctx, domain)
		refused = err
		return err == nil
	}
	campaigns, err := s.Store.Campaigns(ctx, sendersLooked)
	if err != nil {
		return "", err
	}
	for _, c := range campaigns {
		domain := c.Content.FromDomain()
		ours := slices.ContainsFunc(keys, func(k postgres.DKIMKey) bool { return k.Domain == domain })
		if domain != "" && (ours || signer != "") && ready(domain) {
			return c.Content.FromAddress, nil
		}
	}
	for _, k := range keys {
		if ready(k.Domain) {
			return "headway@" + k.Domain, nil
		}
	}
	if refused == nil { // relays sign, so no key tells what we write from
		refused = &NotReady{Missing: []string{"a From address: the first campaign that has one tells it"}}
	}
	return "", refused
}

func domainOf(address string) string {
	return strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
}

// setupTestLife ends a test that nobody waits for any more.
const setupTestLife = time.Hour

// SendSetupTest sends a short message to see whether mail arrives, and how.
func (s *Service) SendSetupTest(ctx context.Context, to string, by Actor) error {
	_, err := s.sendOwn(ctx, ownMail{name: "Test of the setup", to: to, subject: "[Test] Headway can send",
		lifetime: setupTestLife,
		text: fmt.Sprintf(`This message was sent by Headway, on behalf of %s.

Look at its source in your mailbox. The line Authentication-Results must say
three things:

    spf=pass    the machine may send for the return path
    dkim=pass   the signature is good
    dmarc=pass  at least one of them belongs to the domain in From

If it landed among the spam, the page Setup says what may be missing.
`, singleLine(by.Name))})
	return err
}

// singleLine keeps a person's name from being read as Liquid or as more lines.
func singleLine(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == '{' || r == '}' || r == '%' {
			return ' '
		}
		return r
	}, name)
}
