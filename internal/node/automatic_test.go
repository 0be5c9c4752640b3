package node

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// authority is as much of an ACME server (RFC 8555) as one order by one honest
// client needs. It proves a name by HTTP (§8.3), at an address of the test.
type authority struct {
	*httptest.Server
	t      *testing.T
	prove  string // where the name's port 80 is
	key    *ecdsa.PrivateKey
	root   *x509.Certificate
	mu     sync.Mutex
	names  []string // of the order; guarded by mu
	proved bool     // guarded by mu
	leaf   []byte   // DER; guarded by mu
	asked  []string // what the challenge was answered with; guarded by mu
}

func newAuthority(t *testing.T, prove string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test authority"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{t: t, prove: prove, key: key, root: root}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

// ServeHTTP answers one step of an order. Signatures are not looked at: the
// client is somebody else's code.
func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var envelope struct{ Payload string }
	_ = json.NewDecoder(r.Body).Decode(&envelope)
	payload, _ := base64.RawURLEncoding.DecodeString(envelope.Payload)
	w.Header().Set("Replay-Nonce", rand.Text())
	answer := func(status int, value any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(value)
	}
	switch r.URL.Path {
	case "/directory":
		answer(200, map[string]string{"newNonce": a.URL + "/nonce", "newAccount": a.URL + "/account", "newOrder": a.URL + "/order"})
	case "/nonce":
	case "/account":
		w.Header().Set("Location", a.URL+"/account/1")
		answer(201, map[string]string{"status": "valid"})
	case "/order":
		var order struct{ Identifiers []struct{ Value string } }
		_ = json.Unmarshal(payload, &order)
		a.names = nil
		for _, i := range order.Identifiers {
			a.names = append(a.names, i.Value)
		}
		w.Header().Set("Location", a.URL+"/order/1")
		answer(201, a.order())
	case "/order/1":
		answer(200, a.order())
	case "/authorization":
		answer(200, map[string]any{"status": a.status(), "identifier": map[string]string{"type": "dns", "value": a.names[0]},
			"challenges": []any{a.challenge()}})
	case "/challenge":
		a.look()
		answer(200, a.challenge())
	case "/finalize":
		var request struct{ CSR string }
		_ = json.Unmarshal(payload, &request)
		a.sign(request.CSR)
		answer(200, a.order())
	case "/certificate":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		_ = pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: a.leaf})
	default:
		answer(404, map[string]string{"type": "urn:ietf:params:acme:error:malformed"})
	}
}

const challengeToken = "a-token-of-the-authority"

func (a *authority) status() string {
	if a.proved {
		return "valid"
	}
	return "pending"
}

func (a *authority) challenge() map[string]string {
	return map[string]string{"type": "http-01", "url": a.URL + "/challenge", "status": a.status(), "token": challengeToken}
}

func (a *authority) order() map[string]any {
	o := map[string]any{"status": "pending", "authorizations": []string{a.URL + "/authorization"}, "finalize": a.URL + "/finalize",
		"identifiers": []map[string]string{{"type": "dns", "value": a.names[0]}}}
	switch {
	case a.leaf != nil:
		o["status"], o["certificate"] = "valid", a.URL+"/certificate"
	case a.proved:
		o["status"] = "ready"
	}
	return o
}

// look asks the name for the proof.
func (a *authority) look() {
	request, err := http.NewRequest(http.MethodGet, "http://"+a.prove+"/.well-known/acme-challenge/"+challengeToken, nil)
	if err != nil {
		a.t.Error(err)
		return
	}
	request.Host = a.names[0]
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		a.t.Error(err)
		return
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	a.asked = append(a.asked, fmt.Sprintf("%s %s", response.Status, text))
	a.proved = response.StatusCode == http.StatusOK && strings.HasPrefix(string(text), challengeToken+".")
}

func (a *authority) sign(encoded string) {
	der, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		a.t.Error(err)
		return
	}
	request, err := x509.ParseCertificateRequest(der)
	if err != nil {
		a.t.Error(err)
		return
	}
	template := x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: request.DNSNames, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		KeyUsage: x509.KeyUsageDigitalSignature, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(20 * time.Hour)}
	if a.leaf, err = x509.CreateCertificate(rand.Reader, &template, a.root, request.PublicKey, a.key); err != nil {
		a.t.Error(err)
	}
}

// Pages get their certificate by themselves, proving their name where browsers
// are redirected.
func TestPagesGetACertificate(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	redirected := free.Addr().String()
	free.Close()
	ca := newAuthority(t, redirected)
	c := listening()
	c.Data = t.TempDir()
	c.Web.TLS, c.Web.ACMEDirectory = "auto", ca.URL+"/directory"
	c.Web.RedirectListen, c.Web.PublicURL = redirected, "https://news.mill.test"
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	p := servePages(t, c)
	roots := x509.NewCertPool()
	roots.AddCert(ca.root)
	deadline := time.Now().Add(time.Minute)
	for {
		connection, err := tls.Dial("tcp", p.team.listener.Addr().String(), &tls.Config{ServerName: "news.mill.test", RootCAs: roots})
		if err == nil {
			connection.Close()
			break
		}
		if time.Now().After(deadline) {
			ca.mu.Lock()
			defer ca.mu.Unlock()
			t.Fatalf("no certificate: %v; the challenge was answered with %q", err, ca.asked)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if _, err := tls.Dial("tcp", p.team.listener.Addr().String(), &tls.Config{ServerName: "evil.test", InsecureSkipVerify: true}); err == nil {
		t.Error("another name is served")
	}
}
