package smtpout

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// Certificates and versions that a policy takes or not: where it asks for nothing,
// as MTA-STS does in its mode "testing" (RFC 8461 §5), any encryption is better than
// none, and none better than no mail.
func TestTLSByPolicy(t *testing.T) {
	t.Parallel()
	right, expired := certificate(), expiredCertificate(t)
	both := roots()
	both.AddCert(expired.Leaf)
	old := &tls.Config{Certificates: []tls.Certificate{right}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}
	for name, tc := range map[string]struct {
		server *tls.Config
		mode   TLSMode
		want   string // version of the session; empty: in the clear; else the stage and code of the failure
	}{
		"expired, nothing asked":   {&tls.Config{Certificates: []tls.Certificate{expired}}, TLSOpportunistic, "TLSv1.3"},
		"expired, any encryption":  {&tls.Config{Certificates: []tls.Certificate{expired}}, TLSRequired, "TLSv1.3"},
		"expired, enforce":         {&tls.Config{Certificates: []tls.Certificate{expired}}, TLSVerified, "starttls 4.7.5"},
		"in order, enforce":        {&tls.Config{Certificates: []tls.Certificate{right}}, TLSVerified, "TLSv1.3"},
		"TLS 1.0, nothing asked":   {old, TLSOpportunistic, "TLSv1.0"},
		"TLS 1.0, any encryption":  {old, TLSRequired, "starttls 4.7.5"},
		"TLS 1.0, enforce":         {old, TLSVerified, "starttls 4.7.5"},
		"no certificate, nothing":  {&tls.Config{}, TLSOpportunistic, ""},
		"no certificate, required": {&tls.Config{}, TLSRequired, "starttls 4.7.5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port := starttlsServer(t, tc.server)
			d := &Dialer{Resolver: oneHost{}, Port: port, LoopbackOnly: true, HELO: "out.test", TLS: TLSPolicy{Mode: tc.mode, Roots: both}}
			session, err := d.Dial(t.Context(), "two.test", TLSOpportunistic)
			got := ""
			if err != nil {
				f := err.(*Failure)
				got = string(f.Stage) + " " + f.Reply.Enhanced
			} else {
				got = session.Info().TLS.Version
				session.Close(t.Context())
			}
			if got != tc.want {
				t.Errorf("got %q, want %q (%v)", got, tc.want, err)
			}
		})
	}
}

func expiredCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{"mx.two.test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// starttlsServer takes sessions, with STARTTLS under a configuration, and hangs up
// without a word of TLS, as many do.
func starttlsServer(t *testing.T, config *tls.Config) uint16 {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	serve := func(raw net.Conn) {
		defer raw.Close()
		conn := raw
		conn.Write([]byte("220 mx.two.test\r\n"))
		lines := bufio.NewReader(conn)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			switch strings.TrimSpace(line) {
			case "EHLO out.test":
				conn.Write([]byte("250-mx.two.test\r\n250 STARTTLS\r\n"))
			case "STARTTLS":
				conn.Write([]byte("220 go on\r\n"))
				conn = tls.Server(raw, config)
				lines = bufio.NewReader(conn)
			case "QUIT":
				return
			}
		}
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	return netip.MustParseAddrPort(listener.Addr().String()).Port()
}

func TestPolicyMetBy(t *testing.T) {
	t.Parallel()
	clearInfo := Info{Host: "mx.two.test"}
	encrypted := Info{Host: "mx.two.test", TLS: TLSInfo{Version: "TLSv1.3"}}
	verified := Info{Host: "mx.two.test", TLS: TLSInfo{Version: "TLSv1.3", Verified: true}}
	for _, tc := range []struct {
		policy TLSPolicy
		want   [3]bool // in the clear, encrypted, verified
	}{
		{TLSPolicy{}, [3]bool{true, true, true}},
		{TLSPolicy{Mode: TLSOff}, [3]bool{true, true, true}},
		{TLSPolicy{Mode: TLSRequired}, [3]bool{false, true, true}},
		{TLSPolicy{Mode: TLSVerified}, [3]bool{false, false, true}},
		{TLSPolicy{Mode: TLSVerified, Hosts: []string{"*.two.test"}}, [3]bool{false, false, true}},
		{TLSPolicy{Hosts: []string{"two.test", "*.test"}}, [3]bool{}},
		{TLSPolicy{Hosts: []string{"MX.two.test."}}, [3]bool{true, true, true}},
	} {
		got := [3]bool{tc.policy.MetBy(clearInfo), tc.policy.MetBy(encrypted), tc.policy.MetBy(verified)}
		if got != tc.want {
			t.Errorf("%+v: %v, want %v", tc.policy, got, tc.want)
		}
	}
}
