package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headwaymail/headway/campaign/token"
	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/internal/tracking"
)

// userName is the only name that the password belongs to.
const userName = "headway"

// Config says what the pages show and to whom.
type Config struct {
	// Service does what people ask for.
	Service *service.Service
	// Tokens verify unsubscribe links.
	Tokens *token.Keyring
	// Password guards everything that is not public, by HTTP basic
	// authentication for the user "headway", until somebody is entered who can
	// log in. Empty: no password; requests must then come from this machine and
	// name it by a loopback address or localhost.
	Password string
	// Visits takes the visits that counted links and images bring. Without it
	// they are not counted.
	Visits *tracking.Recorder
	// API answers below /api/v1/, with an authentication of its own. May be nil.
	API http.Handler
	// Proxies may say for whom they ask (X-Forwarded-For).
	Proxies []netip.Prefix
	// Patience is how long a page waits for figures that take a while on large
	// installations; then they follow by event. Defaults to 60 ms.
	Patience time.Duration
	// Banner is shown on every page when it is not empty.
	Banner string
	// Log takes what went wrong behind an error page. Defaults to slog.Default().
	Log *slog.Logger
}

// Server serves the pages. Its methods may be called by many goroutines.
type Server struct {
	service     *service.Service
	tokens      *token.Keyring
	visits      *tracking.Recorder
	password    string
	proxies     []netip.Prefix
	peopled     atomic.Bool // somebody is entered: a login is needed
	banner      string
	patience    time.Duration
	api         http.Handler
	log         *slog.Logger
	templates   templates
	assets      assets
	sameOrigin  *http.CrossOriginProtection
	snapshots   *snapshots
	rates       *rates
	broadcasts  *broadcasts
	closing     context.Context
	beginToEnd  context.CancelFunc
	afterMu     sync.Mutex     // guards the begin of what goes on, and the end of all
	after       sync.WaitGroup // what goes on after an answer
	handler     http.Handler
	publicPages http.Handler
	closed      sync.Once
}

// New returns the server of the pages. [Server.Close] ends it.
func New(c Config) (*Server, error) {
	if c.Service == nil || c.Tokens == nil {
		return nil, errors.New("pages need a service and the keys of the tokens")
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	s := &Server{service: c.Service, tokens: c.Tokens, visits: c.Visits, password: c.Password, proxies: c.Proxies, banner: c.Banner, api: c.API, log: c.Log,
		sameOrigin: http.NewCrossOriginProtection(), rates: newRates(), patience: cmp.Or(c.Patience, pagePatience)}
	s.closing, s.beginToEnd = context.WithCancel(context.Background())
	s.snapshots = newSnapshots(c.Service.Live, s.rates)
	s.broadcasts = newBroadcasts(s.closing, c.Log)
	var err error
	if s.assets, err = loadAssets(); err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	if s.templates, err = loadTemplates(s.assets); err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	s.handler, s.publicPages = s.routes()
	s.afterwards(s.lookAhead)
	return s, nil
}

// lookAhead reads what every page of deliverability needs and what takes longest
// the first time: the paces of all providers.
func (s *Server) lookAhead() {
	if _, err := s.service.Paces(s.closing); err != nil && s.closing.Err() == nil {
		s.log.Warn("paces were not read ahead", "error", err) // the first page that needs them reads them
	}
}

// Handler serves everything.
func (s *Server) Handler() http.Handler { return s.handler }

// Public serves only what recipients and monitors need: /u/…, /v/…, /c/…,
// /o/…, /i/…, /healthz and the files that these pages are made of.
func (s *Server) Public() http.Handler { return s.publicPages }

// Close ends open event streams, so that a shutdown does not wait for browsers.
// Pages are still served; /readyz says that this server is going away.
func (s *Server) Close() {
	s.closed.Do(func() {
		s.afterMu.Lock()
		s.beginToEnd()
		s.afterMu.Unlock()
		s.broadcasts.wait()
		s.after.Wait()
	})
}

// afterwards does something beside the answer, and lets Close wait for it. A
// server that is closing begins nothing more.
func (s *Server) afterwards(do func()) {
	s.afterMu.Lock()
	defer s.afterMu.Unlock()
	if s.closing.Err() == nil {
		s.after.Go(do)
	}
}
