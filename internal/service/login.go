package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/headwaymail/headway/internal/auth"
	"github.com/headwaymail/headway/internal/postgres"
)

const (
	// SessionLife is how long a browser stays logged in that is not used.
	SessionLife = 14 * 24 * time.Hour
	// seenEvery is how exact the last use of a session is.
	seenEvery = time.Minute
	// longestAgent of what a browser says of itself is kept.
	longestAgent = 200
)

// ErrBadLogin says that address and password do not belong together. It does not
// say which of them is wrong.
var ErrBadLogin = errors.New("address and password do not belong together")

// TooManyLogins says how long the next try must wait.
type TooManyLogins struct{ Wait time.Duration }

// Error tells when to try again.
func (t *TooManyLogins) Error() string {
	return fmt.Sprintf("too many wrong passwords; the next try is possible in %s", t.Wait.Round(time.Second))
}

// logins is what the service remembers of logins.
type logins struct {
	throttle auth.Throttle
	resets   auth.Throttle // links that were asked for, by account and network
	// decoy is compared when there is no such user, so that the answer takes as
	// long as for a wrong password.
	decoy func() string
}

func newLogins() *logins {
	return &logins{decoy: sync.OnceValue(func() string { return auth.HashPassword("nobody has this password") })}
}

// Login checks a password and begins a session, whose secret it returns for a
// cookie. network is where the browser is, agent what it says that it is. The
// error is [ErrBadLogin], a [*TooManyLogins], or of another kind.
func (s *Service) Login(ctx context.Context, address, password, network, agent string) (secret string, err error) {
	at := now()
	address = strings.TrimSpace(address)
	account, from := "account "+strings.ToLower(address), "network "+network
	if wait := s.logins.throttle.Wait(at, account, from); wait > 0 {
		return "", &TooManyLogins{Wait: wait}
	}
	u, err := s.Store.UserByAddress(ctx, address)
	switch {
	case errors.Is(err, postgres.ErrNotFound):
		u.Password = s.logins.decoy()
	case err != nil:
		return "", err
	case u.Password == "":
		u.Password = s.logins.decoy()
	}
	stale, wrong := auth.VerifyPassword(u.Password, password)
	if wrong != nil && !errors.Is(wrong, auth.ErrWrongPassword) {
		return "", wrong
	}
	if wrong != nil || u.ID == 0 || u.Disabled != nil {
		s.logins.throttle.Failed(now(), account, from) // comparing may have taken longer than the wait is
		s.Log.Warn("a login failed", "address", address, "network", network)
		return "", ErrBadLogin
	}
	s.logins.throttle.Passed(account)
	if stale {
		if err := s.Store.SetPassword(ctx, u.ID, auth.HashPassword(password)); err != nil {
			return "", err
		}
	}
	secret, kept := auth.NewSecret()
	err = s.Store.AddSession(ctx, postgres.Session{Kept: kept, User: u.ID, At: at, Expires: at.Add(SessionLife),
		Agent: shortened(agent, longestAgent), Network: network})
	return secret, err
}

func shortened(text string, most int) string {
	text = strings.ToValidUTF8(text, "")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return strings.ReplaceAll(text, "\x00", "")
}

// Session returns who a cookie's secret belongs to, or [postgres.ErrNotFound].
func (s *Service) Session(ctx context.Context, secret string) (postgres.User, error) {
	kept := auth.KeptOf(secret)
	if kept == nil {
		return postgres.User{}, postgres.ErrNotFound
	}
	at := now()
	u, seen, err := s.Store.SessionUser(ctx, kept, at)
	if err == nil && at.Sub(seen) > seenEvery {
		err = s.Store.SeenSession(ctx, kept, at, at.Add(SessionLife))
	}
	return u, err
}

// Logout ends a session.
func (s *Service) Logout(ctx context.Context, secret string) error {
	kept := auth.KeptOf(secret)
	if kept == nil {
		return nil
	}
	return s.Store.EndSession(ctx, kept)
}
