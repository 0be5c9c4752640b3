package dkim

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// The sizes of RSA keys in bits. Verifiers must ignore keys under 1024 and need
// not handle more than 4096 (RFC 8301 §3.2).
const (
	minRSABits = 1024
	maxRSABits = 4096
)

// GenerateRSA returns a new RSA key of 1024 to 4096 bits. 2048 is the size to
// take: some verifiers distrust less, and more costs much time for each message.
func GenerateRSA(bits int) (*rsa.PrivateKey, error) {
	if err := checkRSABits(bits); err != nil {
		return nil, err
	}
	return rsa.GenerateKey(rand.Reader, bits)
}

// GenerateEd25519 returns a new Ed25519 key. Many verifiers do not know these
// yet, so it signs beside an RSA key, never instead of one (RFC 8463 §3).
func GenerateEd25519() (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return key, err
}

// EncodePEM returns the private key as a PKCS #8 block.
func EncodePEM(key crypto.Signer) ([]byte, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode dkim key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// DecodePEM returns the private key of the first PEM block: RSA as PKCS #8 or
// PKCS #1 (as opendkim-genkey writes it), or Ed25519 as PKCS #8.
func DecodePEM(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New(`dkim key: no PEM block found; it begins with "-----BEGIN PRIVATE KEY-----"`)
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("dkim key: a PEM block %q holds no usable private key; give PRIVATE KEY or RSA PRIVATE KEY, unencrypted", block.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("dkim key: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("dkim key: %T cannot sign; give an RSA or Ed25519 key", key)
	}
	if err := checkKey(signer); err != nil {
		return nil, err
	}
	return signer, nil
}

// checkKey refuses keys that no verifier accepts.
func checkKey(key crypto.Signer) error {
	if key == nil {
		return errors.New("dkim key: missing")
	}
	switch public := key.Public().(type) {
	case *rsa.PublicKey:
		return checkRSABits(public.N.BitLen())
	case ed25519.PublicKey:
		return nil
	default:
		return fmt.Errorf("dkim key: %T is not used in DKIM; give an RSA or Ed25519 key", public)
	}
}

func checkRSABits(bits int) error {
	if bits < minRSABits || bits > maxRSABits {
		return fmt.Errorf("dkim key: %d bits; verifiers accept RSA keys of %d to %d, 2048 is the size to take", bits, minRSABits, maxRSABits)
	}
	return nil
}
