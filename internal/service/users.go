package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/headwaymail/headway/internal/auth"
	"github.com/headwaymail/headway/internal/postgres"
)

const (
	// linkLife is how long an invitation or a reset may lie in a mailbox.
	inviteLife, resetLife = 7 * 24 * time.Hour, 2 * time.Hour
	// longestUserName fits where pages name who acted.
	longestUserName = 60
)

// ErrLinkOver says that a link was used, replaced, or is too old.
var ErrLinkOver = errors.New("this link is not good any more: it was used, replaced by a newer one, or is too old; ask an owner for another")

// NewUser is a person to enter.
type NewUser struct {
	Address string
	Name    string
	Role    auth.Role
}

// check brings a new user into form.
func (n NewUser) check(s *Service) (NewUser, error) {
	parsed, err := s.parseAddress(n.Address)
	if err != nil {
		return n, err
	}
	n.Address, n.Name = parsed.String(), strings.TrimSpace(n.Name)
	if n.Name == "" {
		n.Name, _, _ = strings.Cut(n.Address, "@")
	}
	if utf8.RuneCountInString(n.Name) > longestUserName || strings.ContainsFunc(n.Name, unicode.IsControl) {
		return n, fmt.Errorf("a name is one line of %d characters at most", longestUserName)
	}
	_, err = auth.ParseRole(string(n.Role))
	return n, err
}

// AnyUser reports whether somebody is entered; until then the pages ask for no
// login.
func (s *Service) AnyUser(ctx context.Context) (bool, error) { return s.Store.AnyUser(ctx) }

// FirstOwner enters the first person, who owns the installation. The error is
// [postgres.ErrNotEmpty] when there is somebody already.
func (s *Service) FirstOwner(ctx context.Context, n NewUser, password string) error {
	n.Role = auth.Owner
	n, err := n.check(s)
	if err != nil {
		return err
	}
	if err := auth.CheckPassword(password, n.Address, n.Name); err != nil {
		return err
	}
	at := now()
	_, err = s.Store.AddUser(ctx, postgres.User{Address: n.Address, Name: n.Name, Role: auth.Owner,
		Password: auth.HashPassword(password), CreatedAt: at}, true)
	if err != nil {
		return err
	}
	return s.audit(ctx, Actor{Name: n.Name, Door: Pages}, at, "user.first", "user "+n.Address, "", struct{}{})
}

// Invite enters a person and returns the secret of the link by which they choose
// their password, for who hands it over. [Service.InviteByMail] sends it.
func (s *Service) Invite(ctx context.Context, n NewUser, by Actor) (secret string, err error) {
	u, err := s.enterUser(ctx, &n)
	if err != nil {
		return "", err
	}
	secret, kept := auth.NewSecret()
	if err := s.Store.AddUserLink(ctx, kept, linkFor(u, u.CreatedAt)); err != nil {
		return "", err
	}
	return secret, s.auditInvite(ctx, n, by, u.CreatedAt)
}

// enterUser enters a person without a password, brought into form.
func (s *Service) enterUser(ctx context.Context, n *NewUser) (u postgres.User, err error) {
	if *n, err = n.check(s); err != nil {
		return u, err
	}
	u = postgres.User{Address: n.Address, Name: n.Name, Role: n.Role, CreatedAt: now()}
	u.ID, err = s.Store.AddUser(ctx, u, false)
	if errors.Is(err, postgres.ErrExists) {
		err = fmt.Errorf("%s is entered already", n.Address)
	}
	return u, err
}

func (s *Service) auditInvite(ctx context.Context, n NewUser, by Actor, at time.Time) error {
	return s.audit(ctx, by, at, "user.invite", "user "+n.Address, "", map[string]auth.Role{"role": n.Role})
}

// linkFor is a link that somebody needs: an invitation for who has no password yet.
func linkFor(u postgres.User, at time.Time) postgres.UserLink {
	l := postgres.UserLink{User: u.ID, Purpose: "reset", At: at, Expires: at.Add(resetLife)}
	if u.Password == "" {
		l.Purpose, l.Expires = "invite", at.Add(inviteLife)
	}
	return l
}

// ResetPassword returns the secret of a link by which a person chooses a new
// password. The old one stays good until then. A person who has none yet gets a
// new invitation.
func (s *Service) ResetPassword(ctx context.Context, address string, by Actor) (secret string, err error) {
	u, err := s.user(ctx, address)
	if err != nil {
		return "", err
	}
	link := linkFor(u, now())
	secret, kept := auth.NewSecret()
	if err := s.Store.AddUserLink(ctx, kept, link); err != nil {
		return "", err
	}
	return secret, s.auditLink(ctx, u, link, by)
}

func (s *Service) auditLink(ctx context.Context, u postgres.User, l postgres.UserLink, by Actor) error {
	return s.audit(ctx, by, l.At, "user."+l.Purpose, "user "+u.Address, "", struct{}{})
}

// LinkOwner returns whose link a secret is, or [ErrLinkOver].
func (s *Service) LinkOwner(ctx context.Context, secret string) (postgres.User, error) {
	u, err := s.Store.UserOfLink(ctx, auth.KeptOf(secret), now())
	if errors.Is(err, postgres.ErrNotFound) {
		err = ErrLinkOver
	}
	return u, err
}

// ChoosePassword sets a password by a link. All sessions of the person end.
func (s *Service) ChoosePassword(ctx context.Context, secret, password string) error {
	u, err := s.LinkOwner(ctx, secret)
	if err != nil {
		return err
	}
	if err := auth.CheckPassword(password, u.Address, u.Name); err != nil {
		return err
	}
	at := now()
	_, err = s.Store.UseLink(ctx, auth.KeptOf(secret), auth.HashPassword(password), at)
	if errors.Is(err, postgres.ErrNotFound) {
		return ErrLinkOver
	}
	if err != nil {
		return err
	}
	return s.audit(ctx, Actor{Name: u.Name, Door: Pages}, at, "user.password", "user "+u.Address, "", struct{}{})
}

// ChangeRole changes what a person may do. They must log in again.
func (s *Service) ChangeRole(ctx context.Context, address string, role auth.Role, by Actor) error {
	return s.changeUser(ctx, address, by, "user.role", role, func(id int64) error { return s.Store.SetRole(ctx, id, role) })
}

// DisableUser ends a person's access at once.
func (s *Service) DisableUser(ctx context.Context, address string, by Actor) error {
	at := now()
	return s.changeUser(ctx, address, by, "user.disable", "", func(id int64) error { return s.Store.SetDisabled(ctx, id, &at) })
}

// EnableUser gives a person's access back.
func (s *Service) EnableUser(ctx context.Context, address string, by Actor) error {
	return s.changeUser(ctx, address, by, "user.enable", "", func(id int64) error { return s.Store.SetDisabled(ctx, id, nil) })
}

func (s *Service) changeUser(ctx context.Context, address string, by Actor, action string, role auth.Role, change func(id int64) error) error {
	u, err := s.user(ctx, address)
	if err != nil {
		return err
	}
	err = change(u.ID)
	if errors.Is(err, postgres.ErrLastOwner) {
		return fmt.Errorf("%s is the last owner, and nobody else could manage people then; make another owner first", u.Address)
	}
	if err != nil {
		return err
	}
	return s.audit(ctx, by, now(), action, "user "+u.Address, "", map[string]auth.Role{"role": role})
}

func (s *Service) user(ctx context.Context, address string) (postgres.User, error) {
	u, err := s.Store.UserByAddress(ctx, strings.TrimSpace(address))
	if errors.Is(err, postgres.ErrNotFound) {
		return u, fmt.Errorf("there is no user %s: %w", strings.TrimSpace(address), err)
	}
	return u, err
}
