package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// The cost of a hash: 19 MiB and two passes, which is what OWASP's Password
// Storage Cheat Sheet asks at least; some 30 ms. One lane: a login should not
// take both processors from the mail.
const (
	argonMemory = 19 << 10 // KiB
	argonPasses = 2
	argonLanes  = 1
	saltSize    = 16
	hashSize    = 32
)

// The length of a password in characters. Length is what makes one hard to
// guess; rules about digits and signs do not (NIST SP 800-63B §5.1.1.2).
const (
	PasswordLeast = 10
	passwordMost  = 200
)

// ErrWrongPassword says that a password does not fit.
var ErrWrongPassword = errors.New("the password is wrong")

// CheckPassword says what is wrong with a new password; others are the words
// that an attacker tries first: the person's own address and name.
func CheckPassword(password string, others ...string) error {
	switch n := utf8.RuneCountInString(password); {
	case !utf8.ValidString(password):
		return errors.New("the password is not valid text")
	case n < PasswordLeast:
		return fmt.Errorf("the password has %d characters; take %d or more, for instance four unrelated words", n, PasswordLeast)
	case n > passwordMost:
		return fmt.Errorf("the password has %d characters; %d are the most", n, passwordMost)
	case strings.Count(password, password[:1]) == n:
		return errors.New("the password is one character again and again")
	}
	folded := strings.ToLower(password)
	for _, other := range others {
		if other = strings.ToLower(strings.TrimSpace(other)); other != "" && strings.Contains(folded, other) {
			return errors.New("the password holds the address or the name; take something that nobody else would think of")
		}
	}
	return nil
}

// HashPassword returns the hash of a password in the PHC format,
// "$argon2id$v=19$m=19456,t=2,p=1$salt$hash".
func HashPassword(password string) string {
	salt := make([]byte, saltSize)
	rand.Read(salt)
	hash := argon2.IDKey(normal(password), salt, argonPasses, argonMemory, argonLanes, hashSize)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonPasses, argonLanes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(hash))
}

// VerifyPassword returns nil when the password fits the hash,
// [ErrWrongPassword] when it does not, and another error when the hash is none
// of ours. stale says that the hash was made at another cost than today's and
// should be made anew.
func VerifyPassword(hash, password string) (stale bool, err error) {
	h, err := parseHash(hash)
	if err != nil {
		return false, err
	}
	got := argon2.IDKey(normal(password), h.salt, h.passes, h.memory, h.lanes, uint32(len(h.sum)))
	if subtle.ConstantTimeCompare(got, h.sum) != 1 {
		return false, ErrWrongPassword
	}
	return h.passes != argonPasses || h.memory != argonMemory || h.lanes != argonLanes, nil
}

// normal makes the same bytes of a password however a keyboard composes it
// (RFC 8265 §4.2.1).
func normal(password string) []byte { return []byte(norm.NFC.String(password)) }

type passwordHash struct {
	memory, passes uint32
	lanes          uint8
	salt, sum      []byte
}

func parseHash(text string) (passwordHash, error) {
	bad := errors.New("this is not an argon2id hash")
	var (
		h       passwordHash
		version int
	)
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return h, bad
	}
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return h, bad
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.passes, &h.lanes); err != nil ||
		h.memory < 8 || h.memory > 1<<21 || h.passes < 1 || h.passes > 100 || h.lanes < 1 {
		return h, bad
	}
	var err error
	if h.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil || len(h.salt) < 8 {
		return h, bad
	}
	if h.sum, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(h.sum) < 16 || len(h.sum) > 64 {
		return h, bad
	}
	return h, nil
}
