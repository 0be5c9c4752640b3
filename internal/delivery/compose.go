package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/headwaymail/headway/campaign/message"
	"github.com/headwaymail/headway/campaign/token"
	"github.com/headwaymail/headway/internal/auth"
	"github.com/headwaymail/headway/internal/dkim"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/smtpout"
)

// Composer makes the messages of campaigns. Its fields must not change once an
// engine uses it.
type Composer struct {
	Tokens  *token.Keyring
	Signers func(ctx context.Context, domain string) ([]*dkim.Signer, error) // of a From domain
	Pool    *dkim.Pool
	// RelaysSign says that all mail leaves by relays that sign: a From domain then
	// needs no key here.
	RelaysSign   bool
	PublicURL    string // without a slash at its end
	TrackingURL  string // the same, of counted links; defaults to PublicURL
	BounceDomain string
	// Links returns the numbers under which the counted links of a campaign are
	// kept. Without it no click is counted.
	Links func(ctx context.Context, campaign int64, links []string) ([]int, error)
}

// OnceField is the merge field with the secret of a link that is good once, in
// mail of our own. It is made when the message is, so that the database holds its
// hash only.
const OnceField = "once"

// letter is a campaign, ready to be addressed to anybody.
type letter struct {
	compiled *message.Compiled
	signers  []*dkim.Signer
	domain   string    // of the From address, and of Message-IDs
	numbers  []int     // of the counted links
	own      bool      // mail of our own: nothing to leave, and perhaps a link that is good once
	launched time.Time // day of all tokens: a repeat must carry the same Message-ID and return path
	composer *Composer
}

// letter compiles a campaign once, before its first message.
func (c *Composer) letter(ctx context.Context, camp postgres.Campaign) (*letter, error) {
	content := camp.Content
	domain := content.FromDomain()
	source := MessageSource(camp, domain)
	source.PublicURL = c.PublicURL
	if !camp.System { // who gets a test or an invitation is no reader
		source.CountClicks, source.CountOpens = camp.Settings.Tracking.Clicks && c.Links != nil, camp.Settings.Tracking.Opens
		source.OwnHosts = []string{hostOf(c.PublicURL), hostOf(c.TrackingURL)}
	}
	compiled, err := message.Compile(source)
	if err != nil {
		return nil, fmt.Errorf("campaign %d: %w", camp.ID, err)
	}
	var numbers []int
	if links := compiled.Links(); len(links) > 0 {
		if numbers, err = c.Links(ctx, camp.ID, links); err != nil {
			return nil, err
		}
	}
	signers, err := c.Signers(ctx, domain)
	if err != nil {
		return nil, fmt.Errorf("campaign %d: %w", camp.ID, err)
	}
	if len(signers) == 0 && !c.RelaysSign {
		return nil, fmt.Errorf("campaign %d: %s has no DKIM key; make one with `headway dkim generate %s`", camp.ID, domain, domain)
	}
	return &letter{compiled: compiled, signers: signers, domain: domain, numbers: numbers, own: content.Own, launched: camp.LaunchedAt, composer: c}, nil
}

// hostOf returns the host of a web address as links name it.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}

// counted appends the address of a counted link of one recipient's message, or
// of the image that counts opens.
func (l *letter) counted(dst []byte, campaign, contact int64, link int) []byte {
	claims := token.Claims{Purpose: token.Open, Campaign: campaign, Contact: contact, Day: l.launched}
	dst = append(dst, cmp.Or(l.composer.TrackingURL, l.composer.PublicURL)...)
	if link == 0 {
		return l.composer.Tokens.Append(append(dst, "/o/"...), claims)
	}
	claims.Purpose, claims.Link = token.Click, uint64(l.numbers[link-1])
	return l.composer.Tokens.Append(append(dst, "/c/"...), claims)
}

// MessageSource returns what a campaign's messages are compiled from. domain is
// that of its From address.
func MessageSource(camp postgres.Campaign, domain string) message.Source {
	content := camp.Content
	src := message.Source{
		FromName: content.FromName, FromAddress: content.FromAddress, ReplyTo: content.ReplyTo,
		Subject: content.Subject, Preheader: content.Preheader,
		HTML: content.HTML, Text: content.Text, Markdown: content.Markdown, Layout: message.Layout(content.Layout), Frame: content.Frame,
		PostalAddress: content.PostalAddress,
		ListID:        fmt.Sprintf("newsletter.%s", domain),
		FeedbackID:    fmt.Sprintf("c%d:headway:news:%s", camp.ID, strings.ReplaceAll(domain, ".", "-")),
	}
	if content.Own {
		src.OmitFooter, src.ListID = true, ""
		src.FeedbackID = "own:headway:" + strings.ReplaceAll(domain, ".", "-")
	}
	return src
}

// unsigned and signed are memory for messages, used again: between rendering and
// signing, and until they are sent.
var unsigned, signed = sync.Pool{New: newBytes}, sync.Pool{New: newBytes}

func newBytes() any { return new([]byte) }

// address renders the message for one recipient, and signs it unless who takes
// it will.
func (l *letter) address(ctx context.Context, buffer []byte, d postgres.Claimed, elsewhere bool, now time.Time) ([]byte, smtpout.Envelope, error) {
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
	to.Counted = func(dst []byte, link int) []byte { return l.counted(dst, d.Campaign, d.Contact, link) }
	if l.compiled.ShowsView() {
		to.ViewURL = l.composer.PublicURL + "/v/" + mint(token.View)
	}
	if l.own {
		to.UnsubscribeURL, to.UnsubscribeMailto = "", ""
		fields[OnceField] = auth.SecretFrom(l.composer.Tokens.Secret(d.Campaign, d.Contact))
	}
	render := l.renderSigned
	if elsewhere {
		render = l.render
	}
	out, err := render(ctx, buffer, to, now)
	if err != nil {
		return nil, smtpout.Envelope{}, fmt.Errorf("for contact %d: %w", d.Contact, err)
	}
	envelope := smtpout.Envelope{From: "b." + mint(token.Bounce) + "@" + l.composer.BounceDomain, To: d.Address,
		UTF8: message.NeedsSMTPUTF8(d.Address)}
	return out, envelope, nil
}

// render makes a message as it is.
func (l *letter) render(_ context.Context, buffer []byte, to message.Recipient, _ time.Time) ([]byte, error) {
	out, err := l.compiled.Append(buffer, to)
	if err != nil {
		return nil, fmt.Errorf("compose: %w", err)
	}
	return out, nil
}

// errUnsigned says that a message would have left without any signature.
var errUnsigned = errors.New("its sending domain has no DKIM key, and who takes it does not sign")

// renderSigned makes a message with its signatures in front.
func (l *letter) renderSigned(ctx context.Context, buffer []byte, to message.Recipient, now time.Time) ([]byte, error) {
	if len(l.signers) == 0 {
		return nil, errUnsigned
	}
	scratch := unsigned.Get().(*[]byte)
	defer unsigned.Put(scratch)
	rendered, err := l.render(ctx, (*scratch)[:0], to, now)
	if err != nil {
		return nil, err
	}
	*scratch = rendered
	out, err := l.composer.Pool.Sign(ctx, buffer, rendered, now, l.signers...)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return out, nil
}
