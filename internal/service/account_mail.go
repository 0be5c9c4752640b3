package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/auth"
	"github.com/headwaymail/headway/internal/delivery"
	"github.com/headwaymail/headway/internal/postgres"
)

const (
	// mailPatience is how long somebody who invites waits for the DNS.
	mailPatience = 3 * time.Second
	// resetsEvery keeps a mailbox from being filled by whoever knows its address.
	resetsEvery = 2 * time.Minute
)

// HandOver is how a person gets the link by which they choose a password: by
// mail, or else from whoever asked for it.
type HandOver struct {
	To     string // the person's address, brought into form
	Mailed bool
	Secret string // of the link when it was not mailed
	Why    string // why it was not, as a sentence
}

// InviteByMail enters a person and mails the link by which they choose their
// password. pages is where these pages are reached. Where no domain can send yet,
// the link is handed back instead.
func (s *Service) InviteByMail(ctx context.Context, n NewUser, pages string, by Actor) (HandOver, error) {
	u, err := s.enterUser(ctx, &n)
	if err != nil {
		return HandOver{}, err
	}
	if err := s.auditInvite(ctx, n, by, u.CreatedAt); err != nil {
		return HandOver{}, err
	}
	return s.handOver(ctx, u, linkFor(u, now()), pages, by)
}

// LinkByMail does the same for a person who is entered already: a way to a new
// password, or a new invitation.
func (s *Service) LinkByMail(ctx context.Context, address, pages string, by Actor) (HandOver, error) {
	u, err := s.user(ctx, address)
	if err != nil {
		return HandOver{}, err
	}
	link := linkFor(u, now())
	if err := s.auditLink(ctx, u, link, by); err != nil {
		return HandOver{}, err
	}
	return s.handOver(ctx, u, link, pages, by)
}

func (s *Service) handOver(ctx context.Context, u postgres.User, link postgres.UserLink, pages string, by Actor) (HandOver, error) {
	why, err := s.cannotMail(ctx)
	if err != nil {
		return HandOver{}, err
	}
	if why != "" {
		secret, kept := auth.NewSecret()
		return HandOver{To: u.Address, Secret: secret, Why: why}, s.Store.AddUserLink(ctx, kept, link)
	}
	return HandOver{To: u.Address, Mailed: true}, s.mailLink(ctx, u, link, pages, by)
}

// cannotMail says why our own mail would not arrive; empty when it should.
func (s *Service) cannotMail(ctx context.Context) (string, error) {
	from, err := s.ownSender(ctx)
	var missing *NotReady
	if errors.As(err, &missing) {
		return "No domain can send yet: the page Setup says what is missing.", nil
	}
	if err != nil {
		return "", err
	}
	domain, err := s.unpublished(ctx, domainOf(from), mailPatience)
	if err != nil || domain == "" {
		return "", err
	}
	return "The signing key of " + domain + " is not published yet: the page Setup shows the record.", nil
}

// mailLink mails a link. Its secret is made anew when the message is composed, of
// keys that the database does not hold; only its hash is stored.
func (s *Service) mailLink(ctx context.Context, u postgres.User, link postgres.UserLink, pages string, by Actor) error {
	keys, err := s.Tokens(ctx)
	if err != nil {
		return err
	}
	m := linkMail(u, link, strings.TrimSuffix(singleLine(pages), "/")+"/join/{{ "+delivery.OnceField+" }}", singleLine(by.Name))
	m.prepare = func(ctx context.Context, campaign, contact int64) error {
		link.Campaign = campaign
		return s.Store.AddUserLink(ctx, auth.KeptOf(auth.SecretFrom(keys.Secret(campaign, contact))), link)
	}
	_, err = s.sendOwn(ctx, m)
	return err
}

// linkMail writes the message. There is no HTML: nothing in it has to be believed
// for its looks.
func linkMail(u postgres.User, link postgres.UserLink, url, by string) ownMail {
	m := ownMail{to: u.Address, lifetime: link.Expires.Sub(link.At)}
	until := link.Expires.UTC().Format("Monday, 2 January 2006, 15:04 UTC")
	if link.Purpose == "invite" {
		m.name, m.subject = "Invitation of "+u.Address, "You are invited to Headway"
		m.text = fmt.Sprintf(`%s invites you to work with Headway, which sends your newsletters.

Choose a password here:

%s

The link is good once, until %s.
If you did not expect this, leave it: without the link nothing happens.
`, by, url, until)
		return m
	}
	m.name, m.subject = "New password for "+u.Address, "A new password for Headway"
	m.text = fmt.Sprintf(`Somebody asked for a new password for %s at Headway.

Choose it here:

%s

The link is good once, until %s.
If it was not you, leave it: the old password stays good.
`, singleLine(u.Address), url, until)
	return m
}

// TooManyResets says how long the next link must wait.
type TooManyResets struct{ Wait time.Duration }

// Error tells when to try again.
func (t *TooManyResets) Error() string {
	return fmt.Sprintf("too many links were asked for; the next can be in %s", t.Wait.Round(time.Second))
}

// MailsResets reports whether a forgotten password can be helped by mail: the
// address of the pages must be set, since what a request calls them may be made
// up, and a domain must be able to send.
func (s *Service) MailsResets(ctx context.Context) (bool, error) {
	if s.Config.Web.TeamURL == "" {
		return false, nil
	}
	_, err := s.ownSender(ctx)
	var missing *NotReady
	if errors.As(err, &missing) {
		return false, nil
	}
	return err == nil, err
}

// AskReset counts that somebody wants a new password for an address. The error is
// a [*TooManyResets]. It says nothing of whether there is such a person.
func (s *Service) AskReset(address, network string) error {
	at, keys := now(), []string{"reset " + strings.ToLower(strings.TrimSpace(address)), "resets from " + network}
	if wait := s.logins.resets.Wait(at, keys...); wait > 0 {
		return &TooManyResets{Wait: wait}
	}
	s.logins.resets.Failed(at, keys...)
	return nil
}

// MailReset mails a way to a new password, if somebody with this address works
// here. It takes longer then: whoever asked must have been answered before.
func (s *Service) MailReset(ctx context.Context, address string) error {
	u, err := s.Store.UserByAddress(ctx, strings.TrimSpace(address))
	if errors.Is(err, postgres.ErrNotFound) {
		return nil
	}
	if err != nil || u.Disabled != nil {
		return err
	}
	if recent, err := s.Store.LinkSince(ctx, u.ID, now().Add(-resetsEvery)); err != nil || recent {
		return err
	}
	link := linkFor(u, now())
	by := Actor{Name: u.Name, Door: Pages}
	if err := s.auditLink(ctx, u, link, by); err != nil {
		return err
	}
	return s.mailLink(ctx, u, link, s.Config.Web.TeamURL, by)
}
