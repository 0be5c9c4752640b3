package sandbox

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/emersion/go-smtp"
)

// host is one MX host: a listener of its own, a front door at which the
// receiver decides who comes in, and go-smtp behind it.
type host struct {
	sandbox  *Sandbox
	site     *site
	name     string
	index    int // among the provider's hosts
	listener net.Listener
	tls      *tls.Config // nil: no STARTTLS
	server   *smtp.Server
	admitted chan net.Conn
}

// Times that RFC 5321 §4.5.3.2 asks of a server.
const (
	readTimeout  = 5 * time.Minute
	writeTimeout = 5 * time.Minute
)

func newHost(sandbox *Sandbox, at *site, name string, index int, certificate *tls.Config) *host {
	h := &host{sandbox: sandbox, site: at, name: name, index: index, tls: certificate, admitted: make(chan net.Conn)}
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		f := c.Conn().(*front)
		f.session = &session{front: f, site: at}
		return f.session, nil
	}))
	s.Domain = name
	s.EnableSMTPUTF8 = !at.lacks(SMTPUTF8)
	s.MaxMessageBytes = int64(at.provider.Session.MaxBytes)
	s.ReadTimeout, s.WriteTimeout = readTimeout, writeTimeout
	s.ErrorLog = slog.NewLogLogger(sandbox.log.Handler(), slog.LevelDebug)
	h.server = s
	return h
}

// serve takes connections until the sandbox stops.
func (h *host) serve() {
	h.sandbox.running.Go(func() { _ = h.server.Serve(door{h}) }) // it ends by Shutdown
	h.sandbox.running.Go(func() {
		for {
			c, err := h.listener.Accept()
			if err != nil {
				return // closed by stop
			}
			h.sandbox.running.Go(func() { h.greet(c) })
		}
	})
}

// greet lets the receiver decide about a new connection and hands it to go-smtp,
// which says the greeting, or refuses it.
func (h *host) greet(c net.Conn) {
	f := newFront(c, h)
	if !h.sandbox.track(f) {
		f.cut()
		return
	}
	a, id := h.site.connect(source(c), h.index)
	f.id = id
	awake := h.sandbox.sleep(a.Delay)
	if awake && a.Accepted() {
		select {
		case h.admitted <- f:
			return
		case <-h.sandbox.ctx.Done():
		}
	}
	if awake && a.Hang {
		f.hang()
	}
	if awake && a.Reply.Code != 0 && !a.Accepted() {
		_ = f.say(a.Reply) // whoever has gone already misses nothing
	}
	f.over = true
	_ = f.Close()
}

// door is the listener that go-smtp sees: those whom the receiver admitted.
type door struct{ h *host }

func (d door) Accept() (net.Conn, error) {
	select {
	case c := <-d.h.admitted:
		return c, nil
	case <-d.h.sandbox.ctx.Done():
		return nil, net.ErrClosed
	}
}

func (d door) Close() error   { return nil }
func (d door) Addr() net.Addr { return d.h.listener.Addr() }

// perBlock is how many hosts share the first three octets of their address.
const perBlock = 250

// addressOf returns the address of the n-th host of a sandbox, from 0.
func addressOf(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{127, 77, byte(n / perBlock), byte(n%perBlock + 1)})
}

// listenAll listens on the same port of every address; port 0 stands for one
// that is free on all.
func listenAll(ctx context.Context, addresses []netip.Addr, port int) ([]net.Listener, int, error) {
	var config net.ListenConfig
	for attempt := range listenAttempts {
		var open []net.Listener
		chosen := port
		for _, a := range addresses {
			l, err := config.Listen(ctx, "tcp", netip.AddrPortFrom(a, uint16(chosen)).String())
			if err != nil {
				closeAll(open)
				if port == 0 && errors.Is(err, syscall.EADDRINUSE) && attempt < listenAttempts-1 {
					break
				}
				return nil, 0, explainListen(err, a, addresses)
			}
			open = append(open, l)
			chosen = l.Addr().(*net.TCPAddr).Port
		}
		if len(open) == len(addresses) {
			return open, chosen, nil
		}
	}
	return nil, 0, errors.New("no port is free on all addresses of the sandbox")
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close()
	}
}

// explainListen says what to do when an address cannot be had.
func explainListen(err error, a netip.Addr, all []netip.Addr) error {
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		last := all[len(all)-1].As4()
		most := max(last[3], byte(min(len(all), perBlock)))
		return fmt.Errorf("this machine has no %s (%w); add the sandbox's addresses first: for b in $(seq 0 %d); do for n in $(seq 1 %d); do sudo ifconfig lo0 alias 127.77.$b.$n; done; done", a, err, last[2], most)
	}
	return fmt.Errorf("listen on %s: %w", a, err)
}

// selfSigned makes a certificate for the hosts of a provider. Opportunistic TLS
// asks for no more.
func selfSigned(names []string) (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: names[0]},
		DNSNames:     names,
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(365 * 24 * time.Hour),
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, nil
}
