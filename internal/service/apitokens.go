package service

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/headwaymail/headway/internal/postgres"
)

// Scopes of an API token. Operate includes read.
const (
	ScopeRead    = "read"    // look at everything
	ScopeOperate = "operate" // also change: hold providers, pause campaigns
)

// ErrBadToken says that a token is not one of ours, or not in force any more.
var ErrBadToken = errors.New("the token is not known, or was revoked")

const (
	tokenPrefix = "hw_" // lets scanners for secrets find tokens that leaked
	// tokenRandom is how many characters crypto/rand.Text returns: 130 bits.
	tokenRandom = 26
	// hintLength of a token's last characters are kept: they are of its check
	// sum and tell nothing of its secret.
	hintLength = 4
	// longestTokenName fits where notes name who acted.
	longestTokenName = 40
	// touchEvery is how exact "last used" is.
	touchEvery = time.Minute
)

// newToken returns a random token: the prefix, 130 random bits and a check sum,
// by which a typing mistake is found without the database.
func newToken() string {
	secret := rand.Text()
	return tokenPrefix + secret + tokenCheck(secret)
}

func tokenCheck(secret string) string {
	sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(secret)))
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum)
}

// wellFormed reports whether a text could be a token.
func wellFormed(text string) bool {
	rest, ok := strings.CutPrefix(text, tokenPrefix)
	return ok && len(rest) > tokenRandom && rest[tokenRandom:] == tokenCheck(rest[:tokenRandom])
}

// CreateAPIToken makes a token for programs and returns it: it is stored as a
// hash and cannot be shown again.
func (s *Service) CreateAPIToken(ctx context.Context, name, scope string, by Actor) (string, error) {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return "", errors.New("a token needs a name that says what uses it")
	case utf8.RuneCountInString(name) > longestTokenName || strings.ContainsFunc(name, unicode.IsControl):
		return "", fmt.Errorf("the name of a token is one line of %d characters at most", longestTokenName)
	case scope != ScopeRead && scope != ScopeOperate:
		return "", fmt.Errorf("scope %q is not %s or %s", scope, ScopeRead, ScopeOperate)
	}
	token, at := newToken(), now()
	hash := sha256.Sum256([]byte(token))
	_, err := s.Store.AddAPIToken(ctx, postgres.APIToken{Name: name, Scope: scope, Hint: token[len(token)-hintLength:], CreatedAt: at}, hash[:])
	if errors.Is(err, postgres.ErrExists) {
		return "", fmt.Errorf("there is a token called %q; choose another name, or revoke that one first", name)
	}
	if err != nil {
		return "", err
	}
	return token, s.audit(ctx, by, at, "token.create", "token "+name, "", map[string]string{"scope": scope})
}

// RevokeAPIToken ends a token at once and for good.
func (s *Service) RevokeAPIToken(ctx context.Context, name string, by Actor) error {
	at := now()
	err := s.Store.RevokeAPIToken(ctx, name, at)
	if errors.Is(err, postgres.ErrNotFound) {
		return fmt.Errorf("there is no token %q in force; `headway token list` shows all", name)
	}
	if err != nil {
		return err
	}
	return s.audit(ctx, by, at, "token.revoke", "token "+name, "", struct{}{})
}

// Authenticate returns the token in force that a text is, or [ErrBadToken].
func (s *Service) Authenticate(ctx context.Context, text string) (postgres.APIToken, error) {
	if !wellFormed(text) {
		return postgres.APIToken{}, ErrBadToken
	}
	hash := sha256.Sum256([]byte(text))
	token, err := s.Store.APIToken(ctx, hash[:])
	if errors.Is(err, postgres.ErrNotFound) {
		return token, ErrBadToken
	}
	if err != nil {
		return token, err
	}
	if at := now(); token.LastUsed == nil || at.Sub(*token.LastUsed) > touchEvery {
		return token, s.Store.TouchAPIToken(ctx, token.ID, at)
	}
	return token, nil
}
