// Package secret seals what must not be read from a stolen database: signing
// keys and token keys. They are sealed with AES-256-GCM under one key, which
// lies in a file beside the database or comes from the settings, never in the
// database itself. Losing the key means making new signing keys, and that old
// unsubscribe links stop working: keep it with the backups.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// keySize is that of AES-256, in bytes.
const keySize = 32

// Box seals and opens secrets.
type Box struct {
	aead        cipher.AEAD
	fingerprint [8]byte
}

// FileName is the key file's name in the data folder.
const FileName = "secret.key"

// Open returns the box of a key given as base64 text or, when that is empty, of
// the key file in the data folder, which is made when it does not exist.
func Open(text, dataDir string) (*Box, error) {
	if text != "" {
		return parse(text, "the setting secret_key")
	}
	path := filepath.Join(dataDir, FileName)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if content, err = create(path); err != nil {
			return nil, fmt.Errorf("make the key file %s: %w", path, err)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	return parse(string(content), "the key file "+path)
}

// create writes a new key file, or returns what another process wrote first.
func create(path string) ([]byte, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	var key [keySize]byte
	rand.Read(key[:])
	text := []byte(base64.StdEncoding.EncodeToString(key[:]) + "\n")
	temporary, err := os.CreateTemp(filepath.Dir(path), FileName+".*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(temporary.Name())
	if _, err := temporary.Write(text); err != nil {
		return nil, errors.Join(err, temporary.Close())
	}
	if err := errors.Join(temporary.Sync(), temporary.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(temporary.Name(), path); errors.Is(err, fs.ErrExist) {
		return os.ReadFile(path)
	} else if err != nil {
		return nil, err
	}
	return text, nil
}

func parse(text, where string) (*Box, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != keySize {
		return nil, fmt.Errorf("%s does not hold 32 bytes as base64; make them with `openssl rand -base64 32`", where)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	box := &Box{aead: aead}
	sum := sha256.Sum256(append([]byte("headway key fingerprint"), key...))
	copy(box.fingerprint[:], sum[:])
	return box, nil
}

// Fingerprint tells keys apart without giving them away.
func (b *Box) Fingerprint() []byte { return b.fingerprint[:] }

// Seal encrypts a secret. The name is bound to it: it opens under no other.
func (b *Box) Seal(name string, secret []byte) []byte {
	return b.aead.Seal(nil, nil, secret, []byte(name))
}

// Open decrypts what [Box.Seal] made under the same name and key.
func (b *Box) Open(name string, sealed []byte) ([]byte, error) {
	secret, err := b.aead.Open(nil, nil, sealed, []byte(name))
	if err != nil {
		return nil, fmt.Errorf("%s cannot be opened: it was sealed with another key", name)
	}
	return secret, nil
}
