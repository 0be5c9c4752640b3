package dkim

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
)

// maxString is the most that one character-string of a TXT record holds
// (RFC 1035 §3.3.14). An RSA-2048 record needs two, which readers join.
const maxString = 255

// Record is the DNS TXT record that publishes a key.
type Record struct {
	Name  string // selector._domainkey.domain, without the final dot
	Value string // the whole text, in one piece
}

// NewRecord returns the record to publish so that others can verify what key
// signs (RFC 6376 §3.6.1; RFC 8463 §4 for Ed25519).
func NewRecord(selector, domain string, key crypto.Signer) (Record, error) {
	if err := checkNames(selector, domain); err != nil {
		return Record{}, err
	}
	if err := checkKey(key); err != nil {
		return Record{}, err
	}
	r := Record{Name: selector + "._domainkey." + domain}
	switch public := key.Public().(type) {
	case *rsa.PublicKey:
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			return Record{}, fmt.Errorf("dkim record: %w", err)
		}
		r.Value = "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)
	case ed25519.PublicKey:
		r.Value = "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)
	}
	return r, nil
}

// Strings returns the value cut into the pieces of at most 255 bytes that a TXT
// record is made of.
func (r Record) Strings() []string {
	var pieces []string
	rest := r.Value
	for len(rest) > maxString {
		pieces = append(pieces, rest[:maxString])
		rest = rest[maxString:]
	}
	return append(pieces, rest)
}

// ZoneLine returns the record as a line of a zone file.
func (r Record) ZoneLine() string {
	return fmt.Sprintf(`%s. IN TXT ( "%s" )`, r.Name, strings.Join(r.Strings(), `" "`))
}

// checkNames refuses a selector or domain that cannot stand in DNS, and with it
// everything that could break out of the signature header.
func checkNames(selector, domain string) error {
	if !isName(selector) {
		return fmt.Errorf("dkim selector %q is not a DNS name; use letters, digits and hyphens", selector)
	}
	if !isName(domain) || !strings.Contains(domain, ".") {
		return fmt.Errorf("dkim domain %q is not a full domain name in ASCII, such as news.example.com", domain)
	}
	return nil
}

// isName reports whether s is a sequence of DNS labels of letters, digits,
// hyphens and underscores, without a final dot (RFC 1035 §2.3.4).
func isName(s string) bool {
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			switch {
			case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
			default:
				return false
			}
		}
	}
	return true
}
