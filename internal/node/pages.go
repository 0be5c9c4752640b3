package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"syscall"

	"github.com/headwaymail/headway/campaign/token"
	"github.com/headwaymail/headway/internal/api"
	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/internal/tracking"
	"github.com/headwaymail/headway/internal/web"
)

const (
	// portsTried is how many ports after the wanted one are tried.
	portsTried    = 50
	sandboxBanner = "Sandbox: everything here is simulated. Short retries; stops only warn."
)

// pages are the listeners of the node. They listen before anything else is
// made, so that the address in unsubscribe links is known.
type pages struct {
	config   config.Config
	log      *slog.Logger
	team     *door      // nil without the role web
	public   *door      // nil when it is not set
	redirect *door      // nil when it is not set
	auto     *automatic // nil without
	site     *web.Server
	visits   *tracking.Recorder
	closed   sync.Once
}

// openPages begins to listen. Until serve is called, every request is asked to
// come back.
func openPages(c config.Config, log *slog.Logger) (*pages, error) {
	p := &pages{config: c, log: log}
	if !c.Has("web") {
		return p, nil
	}
	if _, err := net.ResolveTCPAddr("tcp", c.Web.Listen); err != nil || c.Web.Listen == "" {
		return nil, fmt.Errorf("web.listen: %q is not an address such as 127.0.0.1:8080", c.Web.Listen)
	}
	secured, err := p.certificates()
	if err != nil {
		return nil, err
	}
	listener, err := listenNear(c.Web.Listen)
	if err != nil {
		p.close()
		return nil, fmt.Errorf("web.listen: %w", err)
	}
	if wanted := c.Web.Listen; portOf(wanted) != "0" && portOf(wanted) != portOf(listener.Addr().String()) {
		log.Warn("the port of the pages is taken; the next free one is used", "wanted", wanted, "listen", listener.Addr().String())
	}
	p.team = openDoor(listener, secured, log)
	if c.Web.PublicListen != "" {
		listener, err := net.Listen("tcp", c.Web.PublicListen)
		if err != nil {
			p.close()
			return nil, fmt.Errorf("web.public_listen: %w", err)
		}
		p.public = openDoor(listener, secured, log)
	}
	if c.Web.RedirectListen != "" {
		listener, err := net.Listen("tcp", c.Web.RedirectListen)
		if err != nil {
			p.close()
			return nil, fmt.Errorf("web.redirect_listen: %w", err)
		}
		p.redirect = openDoor(listener, nil, log)
		leads := redirect(c.Web)
		if p.auto != nil {
			leads = p.auto.answering(leads)
		}
		p.redirect.serve(leads)
	}
	if p.auto != nil {
		if err := p.auto.begin(c.Web.SecureNames()); err != nil {
			p.close()
			return nil, err
		}
	}
	return p, nil
}

// certificates returns with which ones the pages are served; nil for none.
func (p *pages) certificates() (secured *tls.Config, err error) {
	switch w := p.config.Web; w.TLS {
	case "files":
		pair, err := openKeypair(w.Certificate, w.Key, p.log)
		if err != nil {
			return nil, fmt.Errorf("web.certificate: %w", err)
		}
		return &tls.Config{GetCertificate: pair.get, MinVersion: tls.VersionTLS12}, nil
	case "auto":
		if p.auto, err = newAutomatic(p.config, p.log); err != nil {
			return nil, fmt.Errorf("web.tls: %w", err)
		}
		return p.auto.tls(), nil
	}
	return nil, nil
}

// listenNear listens on an address, or on the next free port after its own.
func listenNear(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err == nil || !errors.Is(err, syscall.EADDRINUSE) {
		return listener, err
	}
	host, text, splitErr := net.SplitHostPort(address)
	port, atoiErr := strconv.Atoi(text)
	if splitErr != nil || atoiErr != nil {
		return nil, err
	}
	last := min(port+portsTried, 65535)
	for next := port + 1; next <= last; next++ {
		listener, nextErr := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(next)))
		if nextErr == nil {
			return listener, nil
		}
	}
	return nil, fmt.Errorf("no port from %d to %d is free: %w", port, last, err)
}

func portOf(address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	return port
}

// url is where the team finds the pages; empty without them.
func (p *pages) url() string {
	if p.team == nil {
		return ""
	}
	return p.team.url()
}

// tellReach says so when nobody but this machine can use the pages yet, although
// they listen for others.
func (p *pages) tellReach(ctx context.Context, s *service.Service) error {
	addr, err := net.ResolveTCPAddr("tcp", p.config.Web.Listen)
	if err != nil || addr.IP.IsLoopback() || p.config.Web.Password != "" {
		return err
	}
	any, err := s.AnyUser(ctx)
	if err == nil && !any {
		p.log.Warn("nobody is entered yet, so only this machine can open the pages; make the owner with `headway user add ADDRESS`")
	}
	return err
}

// serve begins to answer.
func (p *pages) serve(ctx context.Context, s *service.Service, tokens *token.Keyring) error {
	if p.team == nil {
		return nil
	}
	programs, err := api.New(api.Config{Service: s, Log: p.log})
	if err != nil {
		return err
	}
	if err := p.tellReach(ctx, s); err != nil {
		return err
	}
	c := web.Config{Service: s, Tokens: tokens, Password: p.config.Web.Password, API: programs, Proxies: p.config.Web.Proxies(), Log: p.log}
	p.visits = tracking.Start(s.Store, p.log)
	c.Visits = p.visits
	if p.config.Sandbox.Enabled {
		c.Banner = sandboxBanner
	}
	site, err := web.New(c)
	if err != nil {
		return err
	}
	p.site = site
	p.team.serve(site.Handler())
	if p.public != nil {
		p.public.serve(site.Public())
	}
	return nil
}

// close lets requests under way end, and cuts those that take too long.
func (p *pages) close() {
	p.closed.Do(func() {
		if p.site != nil {
			p.site.Close()
		}
		var closing sync.WaitGroup
		for _, d := range []*door{p.team, p.public, p.redirect} {
			if d != nil {
				closing.Go(d.close)
			}
		}
		closing.Wait()
		if p.visits != nil {
			p.visits.Close()
		}
		if p.auto != nil {
			p.auto.close()
		}
	})
}
