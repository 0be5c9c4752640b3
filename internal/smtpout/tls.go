package smtpout

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"
)

// TLSMode says how much encryption a session must have.
type TLSMode uint8

// The modes, from the least to the most that a policy can ask for.
const (
	// TLSOpportunistic encrypts where STARTTLS is offered and works, without
	// looking at the certificate, and goes on in the clear elsewhere (RFC 7435).
	TLSOpportunistic TLSMode = iota
	// TLSOff never asks for STARTTLS.
	TLSOff
	// TLSRequired sends nothing in the clear; the certificate may be any.
	TLSRequired
	// TLSVerified also wants a certificate valid for the mail host's name. MTA-STS
	// in mode "enforce" is this with Hosts set (RFC 8461 §4).
	TLSVerified
)

// TLSPolicy is what a campaign, a provider or a recipient domain asks for.
type TLSPolicy struct {
	Mode TLSMode
	// Hosts are the mail hosts that may be used: names, or "*.example.net" for
	// one label more. Others are passed over. Empty means any.
	Hosts []string
	// Roots are the authorities believed under TLSVerified. Defaults to the system's.
	Roots *x509.CertPool
}

// Errors of TLS, found with errors.Is in a [Failure].
var (
	ErrNoTLS     = errors.New("the server does not offer STARTTLS, and the policy wants encryption")
	ErrHostNotIn = errors.New("the mail host is not among those that the domain's policy allows")
)

// allows says whether a host may be used (RFC 8461 §4.1).
func (p TLSPolicy) allows(host string) bool {
	if len(p.Hosts) == 0 {
		return true
	}
	_, parent, _ := strings.Cut(host, ".")
	for _, pattern := range p.Hosts {
		pattern = strings.ToLower(strings.TrimSuffix(pattern, "."))
		if wild, ok := strings.CutPrefix(pattern, "*."); ok && parent == wild || pattern == host {
			return true
		}
	}
	return false
}

// MetBy says whether a session opened under another policy satisfies this one,
// so that mail under this policy may go over it.
func (p TLSPolicy) MetBy(info Info) bool {
	switch {
	case !p.allows(info.Host):
		return false
	case p.Mode == TLSVerified:
		return info.TLS.Verified && p.Roots == nil
	case p.Mode == TLSRequired:
		return info.TLS.Version != ""
	default:
		return true
	}
}

// strict says whether mail must not go in the clear.
func (p TLSPolicy) strict() bool { return p.Mode == TLSRequired || p.Mode == TLSVerified }

// config makes the client's side of a handshake with host.
func (p TLSPolicy) config(host string, sessions tls.ClientSessionCache) *tls.Config {
	c := &tls.Config{
		ServerName: host,
		RootCAs:    p.Roots,
		// A certificate that nobody asked to verify is not looked at: most mail
		// hosts have none that would pass, and the alternative is the clear.
		InsecureSkipVerify: p.Mode != TLSVerified,
		// Where the alternative is the clear, an old version is better.
		MinVersion: tls.VersionTLS10,
		// Messages are sent whole; small records at the start would cost a write each.
		DynamicRecordSizingDisabled: true,
	}
	if p.strict() {
		c.MinVersion = tls.VersionTLS12 // RFC 8996
	}
	if p.Mode != TLSVerified { // a resumed session would skip the look at the certificate's dates
		c.ClientSessionCache = sessions
	}
	return c
}

// TLSInfo holds the facts of an encrypted session. It is zero in the clear.
type TLSInfo struct {
	Version  string    // "TLSv1.3"
	Cipher   string    // "TLS_AES_128_GCM_SHA256"
	Verified bool      // the certificate was found valid for the host
	Subject  string    // of the server's certificate
	Issuer   string    // of the server's certificate
	NotAfter time.Time // of the server's certificate
}

func tlsInfo(state tls.ConnectionState, p TLSPolicy) TLSInfo {
	info := TLSInfo{
		Version:  strings.Replace(tls.VersionName(state.Version), "TLS ", "TLSv", 1),
		Cipher:   tls.CipherSuiteName(state.CipherSuite),
		Verified: p.Mode == TLSVerified,
	}
	if len(state.PeerCertificates) > 0 {
		leaf := state.PeerCertificates[0]
		info.Subject, info.Issuer = clean([]byte(leaf.Subject.String())), clean([]byte(leaf.Issuer.String()))
		info.NotAfter = leaf.NotAfter
	}
	return info
}

// String returns version and cipher, or "" in the clear.
func (i TLSInfo) String() string {
	if i.Version == "" {
		return ""
	}
	return fmt.Sprintf("%s %s", i.Version, i.Cipher)
}
