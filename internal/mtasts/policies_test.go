package mtasts_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/headwaymail/headway/internal/dnsclient"
	"github.com/headwaymail/headway/internal/mtasts"
	"github.com/headwaymail/headway/internal/postgres/pgtest"
	"github.com/headwaymail/headway/internal/postgres/storetest"
	"github.com/headwaymail/headway/internal/smtpout"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// zone answers for every domain: the TXT record of the moment, and loopback.
type zone struct{ txt atomic.Value }

func (z *zone) TXT(_ context.Context, name string) (dnsclient.TXTAnswer, error) {
	if text := z.txt.Load().(string); text != "" && strings.HasPrefix(name, "_mta-sts.") {
		return dnsclient.TXTAnswer{Records: []string{text}}, nil
	}
	return dnsclient.TXTAnswer{}, &dnsclient.Error{Name: name, Type: "TXT", Err: dnsclient.ErrNoRecords}
}

func (z *zone) Addrs(context.Context, string) (dnsclient.AddrAnswer, error) {
	return dnsclient.AddrAnswer{Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}, nil
}

// website serves a policy for example.com, the name that httptest's certificate
// is made out to, and counts who asks.
type website struct {
	*httptest.Server
	answer atomic.Value // func(http.ResponseWriter)
	asked  atomic.Int32
}

func serve(t *testing.T) *website {
	t.Helper()
	w := &website{}
	w.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.asked.Add(1)
		if !strings.HasPrefix(r.Host, "mta-sts.example.com") || r.URL.Path != "/.well-known/mta-sts.txt" {
			t.Errorf("asked for %s%s", r.Host, r.URL.Path)
		}
		w.answer.Load().(func(http.ResponseWriter))(rw)
	}))
	w.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	w.StartTLS()
	t.Cleanup(w.Close)
	return w
}

func (w *website) port() uint16 { return uint16(w.Listener.Addr().(*net.TCPAddr).Port) }

// publish sets what the site serves.
func (w *website) publish(text string) {
	w.answer.Store(func(rw http.ResponseWriter) {
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprint(rw, text)
	})
}

func (w *website) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(w.Certificate())
	return pool
}

const enforce = "version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 86400\n"

func TestFor(t *testing.T) {
	t.Parallel()
	store := storetest.Open(t, 4)
	site, dns := serve(t), &zone{}
	dns.txt.Store("v=STSv1; id=1;")
	site.publish(enforce)
	fresh := func() *mtasts.Policies {
		return mtasts.New(mtasts.Config{Resolver: dns, Store: store, LoopbackOnly: true,
			Fetch: mtasts.Fetch{Port: site.port(), Roots: site.roots()}, Log: slog.New(slog.DiscardHandler)})
	}
	policies := fresh()
	look := func(p *mtasts.Policies, want string) {
		t.Helper()
		got, ok := p.For(t.Context(), "example.com")
		if ok != (want != "") || ok && (got.Mode != smtpout.TLSVerified || strings.Join(got.Hosts, " ") != want) {
			t.Fatalf("got %v, %v; want %q", got, ok, want)
		}
	}
	asked := func(want int32) {
		t.Helper()
		if got := site.asked.Load(); got != want {
			t.Fatalf("%d requests, want %d", got, want)
		}
	}

	look(policies, "mx.example.com")
	look(policies, "mx.example.com")
	asked(1) // once an edition

	site.publish(strings.ReplaceAll(enforce, "mx.example.com", "two.example.com"))
	look(policies, "mx.example.com") // the DNS speaks of the same edition
	asked(1)
	dns.txt.Store("v=STSv1; id=2;")
	look(policies, "two.example.com")
	asked(2)

	site.answer.Store(func(rw http.ResponseWriter) { http.Error(rw, "gone", http.StatusNotFound) })
	dns.txt.Store("v=STSv1; id=3;")
	look(policies, "two.example.com") // the earlier edition stays in force
	look(policies, "two.example.com")
	asked(3) // and the site is left alone for a while

	dns.txt.Store("")
	look(policies, "two.example.com") // also when the DNS is silenced
	look(fresh(), "two.example.com")  // and for a node that starts now
	asked(3)

	site.publish("version: STSv1\nmode: none\nmax_age: 60\n")
	dns.txt.Store("v=STSv1; id=4;")
	look(fresh(), "") // withdrawn in good order
}

func TestForRefuses(t *testing.T) {
	t.Parallel()
	store := storetest.Open(t, 4)
	for name, tc := range map[string]struct {
		answer func(http.ResponseWriter)
		stray  bool // the authority is not one that is believed
	}{
		"a redirect": {answer: func(rw http.ResponseWriter) {
			rw.Header().Set("Location", "/elsewhere")
			rw.WriteHeader(http.StatusMovedPermanently)
		}},
		"a page": {answer: func(rw http.ResponseWriter) {
			rw.Header().Set("Content-Type", "text/html")
			fmt.Fprint(rw, enforce)
		}},
		"more than 64 KB": {answer: func(rw http.ResponseWriter) {
			rw.Header().Set("Content-Type", "text/plain")
			fmt.Fprint(rw, enforce, strings.Repeat("x: y\n", 20_000))
		}},
		"a certificate of a stranger": {stray: true, answer: func(rw http.ResponseWriter) {
			rw.Header().Set("Content-Type", "text/plain")
			fmt.Fprint(rw, enforce)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			site, dns := serve(t), &zone{}
			dns.txt.Store("v=STSv1; id=1;")
			site.answer.Store(tc.answer)
			fetch := mtasts.Fetch{Port: site.port(), Roots: site.roots()}
			if tc.stray {
				fetch.Roots = x509.NewCertPool()
			}
			policies := mtasts.New(mtasts.Config{Resolver: dns, Store: store, LoopbackOnly: true, Fetch: fetch,
				Log: slog.New(slog.DiscardHandler)})
			if got, ok := policies.For(t.Context(), "example.com"); ok {
				t.Errorf("got %v", got)
			}
		})
	}
}

// TestForStaysOutside checks that a policy host inside our network is not asked.
func TestForStaysOutside(t *testing.T) {
	t.Parallel()
	site, dns := serve(t), &zone{}
	dns.txt.Store("v=STSv1; id=1;")
	site.publish(enforce)
	policies := mtasts.New(mtasts.Config{Resolver: dns, Store: storetest.Open(t, 4),
		Fetch: mtasts.Fetch{Port: site.port(), Roots: site.roots()}, Log: slog.New(slog.DiscardHandler)})
	if _, ok := policies.For(t.Context(), "example.com"); ok || site.asked.Load() > 0 {
		t.Errorf("%d requests to loopback", site.asked.Load())
	}
}
