package delivery

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/headwaymail/headway/campaign/message"
	"github.com/headwaymail/headway/campaign/token"
	"github.com/headwaymail/headway/internal/dkim"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/smtpout"
)

// Composer makes the messages of campaigns. Its fields must not change once an
// engine uses it.
type Composer struct {
	Tokens       *token.Keyring
	Signers      func(ctx context.Context, domain string) ([]*dkim.Signer, error) // of a From domain
	Pool         *dkim.Pool
	PublicURL    string // without a slash at its end
	BounceDomain string
}

// letter is a campaign, ready to be addressed to anybody.
type letter struct {
	compiled *message.Compiled
	signers  []*dkim.Signer
	domain   string    // of the From address, and of Message-IDs
	launched time.Time // day of all tokens: a repeat must carry the same Message-ID and return path
	composer *Composer
}

// letter compiles a campaign once, before its first message.
func (c *Composer) letter(ctx context.Context, camp postgres.Campaign) (*letter, error) {
	content := camp.Content
	domain := content.FromAddress[strings.LastIndexByte(content.FromAddress, '@')+1:]
	compiled, err := message.Compile(MessageSource(camp, domain))
	if err != nil {
		return nil, fmt.Errorf("campaign %d: %w", camp.ID, err)
	}
	signers, err := c.Signers(ctx, domain)
	if err != nil {
		return nil, fmt.Errorf("campaign %d: %w", camp.ID, err)
	}
	if len(signers) == 0 {
		return nil, fmt.Errorf("campaign %d: %s has no DKIM key; make one with `headway dkim generate %s`", camp.ID, domain, domain)
	}
	return &letter{compiled: compiled, signers: signers, domain: domain, launched: camp.LaunchedAt, composer: c}, nil
}

// MessageSource returns what a campaign's messages are compiled from. domain is
// that of its From address.
func MessageSource(camp postgres.Campaign, domain string) message.Source {
	content := camp.Content
	return message.Source{
		FromName: content.FromName, FromAddress: content.FromAddress, ReplyTo: content.ReplyTo,
		Subject: content.Subject, Preheader: content.Preheader,
		HTML: content.HTML, Text: content.Text, Markdown: content.Markdown, Layout: message.Layout(content.Layout), Frame: content.Frame,
		PostalAddress: content.PostalAddress,
		ListID:        fmt.Sprintf("newsletter.%s", domain),
		FeedbackID:    fmt.Sprintf("c%d:headway:news:%s", camp.ID, strings.ReplaceAll(domain, ".", "-")),
	}
}

// unsigned and signed are memory for messages, used again: between rendering and
// signing, and until they are sent.
var unsigned, signed = sync.Pool{New: newBytes}, sync.Pool{New: newBytes}

func newBytes() any { return new([]byte) }

// address renders and signs the message for one recipient.
func (l *letter) address(ctx context.Context, buffer []byte, d postgres.Claimed, now time.Time) ([]byte, smtpout.Envelope, error) {
	mint := func(purpose token.Purpose) string {
		return l.composer.Tokens.Mint(token.Claims{Purpose: purpose, Campaign: d.Campaign, Contact: d.Contact, Day: l.launched})
	}
	reference := mint(token.MessageID)
	fields := make(map[string]any, len(d.Fields)+1)
	for name, value := range d.Fields {
		fields[name] = value
	}
	fields["email"] = d.Address
	date := now // the same at every attempt
	if d.FirstAttempt != nil {
		date = *d.FirstAttempt
	}
	to := message.Recipient{
		Address:           d.Address,
		Fields:            fields,
		MessageID:         reference + "@" + l.domain,
		UnsubscribeURL:    l.composer.PublicURL + "/u/" + mint(token.Unsubscribe),
		UnsubscribeMailto: "u." + mint(token.MailtoUnsubscribe) + "@" + l.composer.BounceDomain,
		Ref:               reference,
		Date:              date,
	}
	if l.compiled.ShowsView() {
		to.ViewURL = l.composer.PublicURL + "/v/" + mint(token.View)
	}
	scratch := unsigned.Get().(*[]byte)
	defer unsigned.Put(scratch)
	rendered, err := l.compiled.Append((*scratch)[:0], to)
	if err != nil {
		return nil, smtpout.Envelope{}, fmt.Errorf("compose for contact %d: %w", d.Contact, err)
	}
	*scratch = rendered
	out, err := l.composer.Pool.Sign(ctx, buffer, rendered, now, l.signers...)
	if err != nil {
		return nil, smtpout.Envelope{}, fmt.Errorf("sign for contact %d: %w", d.Contact, err)
	}
	envelope := smtpout.Envelope{From: "b." + mint(token.Bounce) + "@" + l.composer.BounceDomain, To: d.Address,
		UTF8: message.NeedsSMTPUTF8(d.Address)}
	return out, envelope, nil
}
