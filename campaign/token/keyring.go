package token

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"sync"
)

const (
	// maxKeyID is the largest key id: five bits of the second byte.
	maxKeyID = 1<<5 - 1

	// minKeySize is the size of the hash, below which HMAC loses strength
	// (RFC 2104 §3).
	minKeySize = 32
)

// Keyring holds the keys that sign and verify tokens. One is current and signs;
// all verify, so that an unsubscribe link of years ago still works. It never
// changes after it was made and may be used by many goroutines.
type Keyring struct {
	keys    map[byte]*signer
	current byte
}

// signer signs with one key. Hashes are used again, which spares the half of the
// work that depends on the key alone.
type signer struct{ hashes sync.Pool }

func newSigner(key []byte) *signer {
	key = bytes.Clone(key)
	return &signer{hashes: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

// sign appends the HMAC-SHA-256 of body to dst, of which tokens carry the
// beginning.
func (s *signer) sign(dst, body []byte) []byte {
	mac := s.hashes.Get().(hash.Hash)
	defer s.hashes.Put(mac)
	mac.Reset()
	mac.Write(body)
	return mac.Sum(dst)
}

// NewKeyring returns a keyring of keys by id, each id in 0 to 31 and each key of
// at least 32 random bytes. Current names the key that signs.
func NewKeyring(current int, keys map[int][]byte) (*Keyring, error) {
	if _, ok := keys[current]; !ok {
		return nil, fmt.Errorf("token keyring: the current key %d is not among its keys", current)
	}
	ring := &Keyring{keys: make(map[byte]*signer, len(keys)), current: byte(current)}
	for id, key := range keys {
		if id < 0 || id > maxKeyID {
			return nil, fmt.Errorf("token keyring: key id %d is not within 0 to %d", id, maxKeyID)
		}
		if len(key) < minKeySize {
			return nil, fmt.Errorf("token keyring: key %d has %d bytes, at least %d are needed", id, len(key), minKeySize)
		}
		ring.keys[byte(id)] = newSigner(key)
	}
	return ring, nil
}

// Secret returns 32 bytes for a message that must hold a secret which the
// database does not: the same at every attempt, and known to who has the keys
// alone.
func (k *Keyring) Secret(campaign, contact int64) []byte {
	body := binary.AppendVarint([]byte("secret in a message"), campaign)
	return k.keys[k.current].sign(nil, binary.AppendVarint(body, contact))
}
