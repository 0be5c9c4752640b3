package node

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headwaymail/headway/internal/config"
)

// certify writes a certificate for 127.0.0.1 with a serial number and returns
// the files.
func certify(t *testing.T, folder string, serial int64) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "headway.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	for name, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: encoded}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

// servePages opens the pages of a node and serves them until the test ends.
func servePages(t *testing.T, c config.Config) *pages {
	t.Helper()
	p, err := openPages(c, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	s := provide(t, c)
	tokens, err := s.Tokens(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.serve(context.Background(), s, tokens); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPagesOverTLS(t *testing.T) {
	t.Parallel()
	c := listening()
	c.Web.TLS, c.Web.PublicListen, c.Web.RedirectListen = "files", "127.0.0.1:0", "127.0.0.1:0"
	c.Web.PublicURL = "https://news.mill.test"
	folder := t.TempDir()
	c.Web.Certificate, c.Web.Key = certify(t, folder, 1)
	p := servePages(t, c)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} // the certificate signed itself
	defer client.CloseIdleConnections()
	get := func() *http.Response {
		t.Helper()
		a, err := client.Get(p.url() + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		return a
	}
	a := get()
	if !strings.HasPrefix(p.url(), "https://127.0.0.1:") || a.StatusCode != http.StatusOK || a.ProtoMajor != 2 ||
		a.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%s: %s %s, %v", p.url(), a.Proto, a.Status, a.Header)
	}
	serial := func() int64 { return get().TLS.PeerCertificates[0].SerialNumber.Int64() }
	if n := serial(); n != 1 {
		t.Errorf("certificate %d", n)
	}
	deadline := time.Now().Add(5 * keypairLook)
	certificate, key := certify(t, folder, 2)
	age(t, certificate, 3)
	age(t, key, 3)
	for serial() != 2 {
		if time.Now().After(deadline) {
			t.Fatal("the new certificate is not taken")
		}
	}
	site := "http://" + p.redirect.listener.Addr().String()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	request, err := http.NewRequest(http.MethodGet, site+"/u/abc?x=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "News.mill.test:80"
	led, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	led.Body.Close()
	if to := led.Header.Get("Location"); led.StatusCode != http.StatusPermanentRedirect || to != "https://news.mill.test/u/abc?x=1" {
		t.Errorf("%s to %q", led.Status, to)
	}
}

// age moves the time of a file on, so that its change shows on coarse clocks, too.
func age(t *testing.T, name string, seconds int) {
	t.Helper()
	at := time.Now().Add(time.Duration(seconds) * time.Second)
	if err := os.Chtimes(name, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestKeypairKeepsWhatIsGood(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	certificate, key := certify(t, folder, 1)
	k, err := openKeypair(certificate, key, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, []byte("half of a"), 0o600); err != nil {
		t.Fatal(err)
	}
	age(t, key, 2)
	k.looked = time.Time{}
	if pair, err := k.get(nil); err != nil || pair.Leaf.SerialNumber.Int64() != 1 {
		t.Errorf("with half a key: %v", err)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	k.looked = time.Time{}
	if pair, err := k.get(nil); err != nil || pair == nil {
		t.Errorf("without a key: %v", err)
	}
	if _, err := openKeypair(certificate, key, quiet); err == nil {
		t.Error("a start without a key")
	}
}

func TestRedirect(t *testing.T) {
	t.Parallel()
	h := redirect(config.Web{PublicURL: "https://news.mill.test", TeamURL: "https://headway.mill.test:8443/"})
	for name, tc := range map[string]struct {
		host, path, want string
	}{
		"public":       {"news.mill.test", "/u/abc?x=1", "https://news.mill.test/u/abc?x=1"},
		"team":         {"headway.mill.test:80", "/campaigns", "https://headway.mill.test:8443/campaigns"},
		"another name": {"evil.test", "/", ""},
		"no name":      {"", "/", ""},
		"two slashes":  {"news.mill.test", "//evil.test/x", "https://news.mill.test//evil.test/x"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host, r.RequestURI = tc.host, tc.path
		r.URL.Path, r.URL.RawQuery, _ = strings.Cut(tc.path, "?")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Header().Get("Location"); got != tc.want || (tc.want == "") != (w.Code == http.StatusMisdirectedRequest) {
			t.Errorf("%s: %d to %q, want %q", name, w.Code, got, tc.want)
		}
	}
}
