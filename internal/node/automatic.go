package node

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strconv"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"github.com/headwaymail/headway/internal/config"
)

// automatic gets certificates for the names in the settings and renews them, by
// ACME (RFC 8555). They are kept in the data folder. Its challenges are answered
// by our own listeners: over TLS by the pages, over HTTP by the one that
// redirects.
type automatic struct {
	config *certmagic.Config
	issuer *certmagic.ACMEIssuer
	cache  *certmagic.Cache
	stop   context.CancelFunc
}

// alpn is what a browser or the authority may ask for in a handshake: pages, or
// the proof that the name is ours (RFC 8737).
var alpn = []string{"h2", "http/1.1", "acme-tls/1"}

func newAutomatic(c config.Config, log *slog.Logger) (*automatic, error) {
	a := &automatic{}
	quiet := zap.NewNop() // what matters is told by events, in our own log
	a.cache = certmagic.NewCache(certmagic.CacheOptions{Logger: quiet,
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return a.config, nil }})
	a.config = certmagic.New(a.cache, certmagic.Config{Logger: quiet,
		Storage: &certmagic.FileStorage{Path: filepath.Join(c.Data, "certificates")},
		OnEvent: func(_ context.Context, event string, data map[string]any) error {
			switch event {
			case "cert_obtained":
				log.Info("a certificate was obtained", "name", data["identifier"], "renewal", data["renewal"])
			case "cert_failed":
				log.Warn("a certificate could not be obtained; it is tried again", "name", data["identifier"], "error", data["error"])
			}
			return nil
		}})
	challenge := certmagic.ACMEIssuer{CA: c.Web.ACMEDirectory, Email: c.Web.ACMEEmail, Agreed: true, Logger: quiet}
	var err error
	if challenge.AltTLSALPNPort, err = portNumber(cmp.Or(c.Web.PublicListen, c.Web.Listen)); err != nil {
		return nil, err
	}
	if challenge.DisableHTTPChallenge = c.Web.RedirectListen == ""; !challenge.DisableHTTPChallenge {
		if challenge.AltHTTPPort, err = portNumber(c.Web.RedirectListen); err != nil {
			return nil, err
		}
	}
	a.issuer = certmagic.NewACMEIssuer(a.config, challenge)
	a.config.Issuers = []certmagic.Issuer{a.issuer}
	return a, nil
}

// begin gets what is missing, in the background: pages that have no certificate
// yet refuse the handshake, and everything else works.
func (a *automatic) begin(names []string) error {
	ctx, stop := context.WithCancel(context.Background())
	a.stop = stop
	if err := a.config.ManageAsync(ctx, names); err != nil {
		return fmt.Errorf("web.tls: %w", err)
	}
	return nil
}

func (a *automatic) tls() *tls.Config {
	return &tls.Config{GetCertificate: a.config.GetCertificate, NextProtos: alpn, MinVersion: tls.VersionTLS12}
}

// answering lets a handler answer the authority, too.
func (a *automatic) answering(h http.Handler) http.Handler { return a.issuer.HTTPChallengeHandler(h) }

func (a *automatic) close() {
	if a.stop != nil {
		a.stop()
	}
	a.cache.Stop()
}

func portNumber(address string) (int, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(port)
}
