package mtasts

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/headwaymail/headway/internal/smtpout"
)

// Fetch changes how policies are fetched.
type Fetch struct {
	Port  uint16         // of the web servers; defaults to 443
	Roots *x509.CertPool // authorities believed; defaults to the system's
}

const (
	// fetchWithin bounds a fetch; mail for the domain waits for it.
	fetchWithin = 15 * time.Second
	// mostPolicy is how much of a policy is read, in bytes (RFC 8461 §3.3).
	mostPolicy = 64 << 10
)

type fetcher struct {
	client *http.Client
	port   string
}

func newFetcher(resolver Resolver, loopbackOnly bool, f Fetch) *fetcher {
	if f.Port == 0 {
		f.Port = 443
	}
	transport := &http.Transport{
		DialContext:            dial(resolver, loopbackOnly),
		TLSClientConfig:        &tls.Config{RootCAs: f.Roots, MinVersion: tls.VersionTLS12},
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: mostPolicy,
	}
	return &fetcher{port: strconv.Itoa(int(f.Port)), client: &http.Client{
		Transport:     transport,
		Timeout:       fetchWithin,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // RFC 8461 §3.3
	}}
}

// dial connects to a host by our own resolver, and only to addresses on the
// Internet (or only to loopback): a policy host must not lead us inside.
func dial(resolver Resolver, loopbackOnly bool) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		answer, err := resolver.Addrs(ctx, host)
		if err != nil {
			return nil, err
		}
		var failures []error
		for _, addr := range answer.Addrs {
			if err := smtpout.Admit(addr, loopbackOnly); err != nil {
				failures = append(failures, err)
				continue
			}
			conn, err := new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(addr.String(), port))
			if err == nil {
				return conn, nil
			}
			failures = append(failures, err)
		}
		return nil, errors.Join(failures...)
	}
}

// fetch gets and reads the policy of a domain.
func (f *fetcher) fetch(ctx context.Context, domain string, now time.Time) (Policy, error) {
	host := "mta-sts." + domain
	if f.port != "443" {
		host = net.JoinHostPort(host, f.port)
	}
	url := "https://" + host + "/.well-known/mta-sts.txt"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Policy{}, err
	}
	response, err := f.client.Do(request)
	if err != nil {
		return Policy{}, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return Policy{}, fmt.Errorf("%s answered %s", url, response.Status)
	}
	if kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err != nil || kind != "text/plain" {
		return Policy{}, fmt.Errorf("%s is %q, not text/plain", url, response.Header.Get("Content-Type"))
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, mostPolicy+1))
	if err != nil {
		return Policy{}, err
	}
	if len(text) > mostPolicy {
		return Policy{}, fmt.Errorf("%s is larger than 64 KB", url)
	}
	return Parse(string(text), now)
}
