package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// secretSize is the size of the secrets of sessions and links in bytes: too many
// to guess, so that a fast hash is enough to keep them by.
const secretSize = 32

// NewSecret returns a random secret for a cookie or a link, and what is kept of
// it.
func NewSecret() (secret string, kept []byte) {
	raw := make([]byte, secretSize)
	rand.Read(raw)
	secret = SecretFrom(raw)
	return secret, KeptOf(secret)
}

// SecretFrom writes 32 bytes that nobody can guess as a secret.
func SecretFrom(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// KeptOf returns what is kept of a secret: its SHA-256. A text that cannot be a
// secret of ours gives nil, which nothing is found by.
func KeptOf(secret string) []byte {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(secret)
	if err != nil || len(raw) != secretSize {
		return nil
	}
	sum := sha256.Sum256(raw)
	return sum[:]
}
