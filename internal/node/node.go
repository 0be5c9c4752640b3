package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/headwaymail/headway/campaign/token"
	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/delivery"
	"github.com/headwaymail/headway/internal/dkim"
	"github.com/headwaymail/headway/internal/dnsclient"
	"github.com/headwaymail/headway/internal/inbound"
	"github.com/headwaymail/headway/internal/jobs"
	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/internal/smtpout"
	"github.com/headwaymail/headway/pacing/reply"
)

// drainWithin is how long messages in flight have before their connections are
// cut and they are recorded in doubt.
const drainWithin = 10 * time.Second

// Node is one running process that works for a database.
type Node struct {
	Config   config.Config // with everything filled in that was found at the start
	Database *Database
	Service  *service.Service
	Log      *slog.Logger

	borrowed bool // the database stays open
	tokens   *token.Keyring
	resolver *dnsclient.Resolver
	dialer   *smtpout.Dialer
	pages    *pages          // nil without the role web
	inbound  *inbound.Server // nil without the role inbound, or where it is not set
	rules    *reply.Rules
	cancel   context.CancelFunc
	ended    chan struct{}
	err      error // set before ended is closed
	stopped  sync.Once
}

// Start brings up a node. Its database must be open; [Node.Stop] closes it.
func Start(ctx context.Context, c config.Config, db *Database, log *slog.Logger) (*Node, error) {
	return start(ctx, &Node{Config: c, Database: db, Log: log, ended: make(chan struct{})})
}

// StartWorker brings up a node beside other use of an open database, which
// [Node.Stop] leaves open.
func StartWorker(ctx context.Context, c config.Config, db *Database, log *slog.Logger) (*Node, error) {
	return start(ctx, &Node{Config: c, Database: db, Log: log, ended: make(chan struct{}), borrowed: true})
}

func start(ctx context.Context, n *Node) (*Node, error) {
	if err := n.prepare(ctx); err != nil {
		n.closePages()
		return nil, err
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	n.cancel = cancel
	started := make(chan error, 1)
	go n.run(running, started)
	if err := <-started; err != nil {
		cancel()
		<-n.ended
		n.closePages()
		return nil, err
	}
	return n, nil
}

func (n *Node) closePages() {
	if n.pages != nil {
		n.pages.close()
	}
	n.closeInbound()
}

// URL returns where the pages are, empty for a node without pages.
func (n *Node) URL() string {
	if n.pages == nil {
		return ""
	}
	return n.pages.url()
}

// MessageCampaign returns the campaign that the local part of a Message-ID, a
// signed token of ours, belongs to.
func (n *Node) MessageCampaign(text string) (int64, bool) {
	claims, err := n.tokens.Verify(text, token.MessageID, time.Now())
	return claims.Campaign, err == nil
}

// Done is closed when the node has ended by itself; [Node.Stop] tells why.
func (n *Node) Done() <-chan struct{} { return n.ended }

// Stop drains the node and closes its database.
func (n *Node) Stop() error {
	n.stopped.Do(func() {
		n.cancel()
		<-n.ended
		n.closePages()
		n.Service.Close()
		if !n.borrowed {
			n.err = errors.Join(n.err, n.Database.Close())
		}
	})
	return n.err
}

// prepare makes everything that outlives a node's name.
func (n *Node) prepare(ctx context.Context) error {
	queue, err := jobs.NewQueue(n.Database.Store, n.Log)
	if err != nil {
		return err
	}
	if n.Config.Has("web") {
		if n.pages, err = openPages(n.Config, n.Log); err != nil {
			return err
		}
	}
	if n.Config.Sandbox.Enabled {
		n.fillSandbox()
	}
	if n.Service, err = service.New(ctx, n.Database.Store, queue, n.Config, n.Log); err != nil {
		return err
	}
	if n.tokens, err = n.Service.Tokens(ctx); err != nil {
		return err
	}
	if n.rules, err = service.ReplyRules(n.Config.Replies.Rules); err != nil {
		return err
	}
	servers, err := n.Config.DNSServers()
	if err != nil {
		return err
	}
	n.resolver, err = dnsclient.New(dnsclient.Config{Servers: servers, LoopbackOnly: n.Config.Sandbox.Enabled})
	if err != nil {
		return err
	}
	if err := n.openRoads(ctx); err != nil {
		return err
	}
	n.Service.ReachWith(n.reach)
	if err := n.openInbound(); err != nil {
		return err
	}
	if n.pages == nil {
		return nil
	}
	return n.pages.serve(ctx, n.Service, n.tokens)
}

// fillSandbox supplies what only real sending must be told.
func (n *Node) fillSandbox() {
	c := &n.Config
	if c.Web.PublicURL == "" {
		c.Web.PublicURL = cmp.Or(n.URL(), "http://127.0.0.1:8080")
	}
	if c.Web.TeamURL == "" {
		c.Web.TeamURL = n.URL()
	}
	if c.Sending.Source == "" {
		c.Sending.Source = "127.0.0.1"
	}
	if c.Sending.HELOName == "" {
		c.Sending.HELOName = "mail.sender.test"
	}
	if c.Sending.BounceDomain == "" {
		c.Sending.BounceDomain = "bounces.sender.test"
	}
	if c.Inbound.Listen == "" {
		c.Inbound.Listen = "127.0.0.1:0"
	}
}

// run works under one name after the other, until the node is stopped.
func (n *Node) run(ctx context.Context, started chan<- error) {
	defer close(n.ended)
	for first := true; ; first = false {
		err := n.work(ctx, func(err error) {
			if first {
				started <- err
			}
		})
		if ctx.Err() != nil && (errors.Is(err, errBuried) || !first && errors.Is(err, context.Canceled)) {
			return // asked to end between two names: there is nothing to drain
		}
		if !errors.Is(err, errBuried) {
			n.err = err
			return
		}
		n.Log.Warn("this node was taken for dead and begins again under a new name")
	}
}

// work enters a name, works until ctx ends or the node is buried, and drains.
func (n *Node) work(ctx context.Context, started func(error)) error {
	s, err := n.begin(ctx)
	started(err)
	if err != nil {
		return err
	}
	var cause error
	select {
	case <-ctx.Done():
	case <-s.life.buried:
		cause = errBuried
	}
	return errors.Join(cause, s.end())
}

// shift is the time that a node works under one name.
type shift struct {
	node   *Node
	id     int64
	life   *life
	line   *lifeline // nil where there can be none
	living sync.WaitGroup
	rest   context.CancelFunc
	ctx    context.Context  // ends with rest
	engine *delivery.Engine // nil without the role lanes
	queue  *jobs.Queue      // nil without roles that work jobs

	signing *dkim.Pool
}

func (n *Node) begin(ctx context.Context) (*shift, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("host name: %w", err)
	}
	store := n.Database.Store
	s := &shift{node: n, signing: dkim.NewPool()}
	name := ""
	if s.line, err = tie(n.Config.Data); err != nil {
		n.Log.Debug("this node's end cannot be proved: others wait until its beat stands still", "error", err)
	} else {
		name = s.line.name
	}
	if s.id, err = store.RegisterNode(ctx, host, name, n.Config.Roles, time.Now()); err != nil {
		return nil, errors.Join(err, s.untie())
	}
	s.live(ctx)
	work := jobs.Work{Node: s.id}
	if n.Config.Has("lanes") {
		if s.engine, err = n.startEngine(ctx, s); err != nil {
			return nil, errors.Join(err, s.end())
		}
		work.Lanes = s.engine
		n.Service.BarWith(s.engine.Bar)
		s.living.Go(func() { n.keepPromises(s.ctx) })
	}
	if n.Config.Has("bulk") {
		work.Bulk = &jobs.Bulk{Store: store, Node: s.id, Resolver: n.resolver, Relays: n.dialer.Relays, Rules: n.rules,
			Tokens: n.tokens, Log: n.Log, Sandboxed: n.Config.Sandbox.Enabled, Erased: n.Service.ErasureHash,
			Yield: s.signing.Yield}
	}
	if work.Lanes == nil && work.Bulk == nil {
		return s, nil
	}
	if s.queue, err = jobs.Start(context.WithoutCancel(ctx), store, work, n.Log); err != nil {
		return nil, errors.Join(err, s.end())
	}
	return s, nil
}

// live lets the node's beat begin, and the watch over the others.
func (s *shift) live(ctx context.Context) {
	living, rest := context.WithCancel(context.WithoutCancel(ctx))
	s.rest, s.ctx = rest, living
	s.life = newLife(s.node.Database.Store, s.id, s.node.Config.Data, s.node.Log)
	s.living.Go(func() { s.life.beat(living) })
	s.living.Go(func() { s.life.watch(living) })
}

func (n *Node) startEngine(ctx context.Context, s *shift) (*delivery.Engine, error) {
	// Without a source nothing can be launched; the engine then only sweeps.
	address := n.Config.Sending.Source
	if address == "" {
		address = "unset"
	}
	source, err := n.Database.Store.EnsureSource(ctx, address, n.Config.Sending.HELOName)
	if err != nil {
		return nil, err
	}
	clock := time.Now
	if file := n.Config.Sandbox.Clock; file != "" {
		clock = (&wrongClock{file: file}).now
	}
	return delivery.Start(ctx, delivery.Config{
		Store: n.Database.Store, Clock: clock, Node: s.id, Fresh: s.life.fresh, Source: source, Dialer: n.dialer,
		Composer: &delivery.Composer{Tokens: n.tokens, Signers: n.Service.Signers, Pool: s.signing, RelaysSign: n.dialer.Relays.Unsigned() == "",
			PublicURL: strings.TrimRight(n.Config.Web.PublicURL, "/"), TrackingURL: strings.TrimRight(n.Config.Web.TrackingURL, "/"), BounceDomain: n.Config.Sending.BounceDomain,
			Links: n.Database.Store.LinkNumbers},
		Connections: n.Config.Sending.Lanes, Profile: n.Service.Profile, Rules: n.rules,
		AskForLanes: n.Service.Queue.AskForLanes, AskResolve: n.Service.Queue.AskResolve,
		Overheard: n.keepConversation, Log: n.Log,
	})
}

// end drains: no message begins, those in flight have their time, and what is
// then left is cut and recorded in doubt.
func (s *shift) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainWithin)
	defer cancel()
	var errs []error
	if s.engine != nil {
		s.engine.Drain()
	}
	if s.queue != nil {
		go func() {
			<-ctx.Done()
			if s.engine != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
				s.engine.Cut()
			}
		}()
		errs = append(errs, s.queue.Stop(ctx))
	}
	if s.engine != nil {
		s.engine.Stop()
	}
	s.rest()
	s.living.Wait()
	leave, done := context.WithTimeout(context.Background(), 5*time.Second)
	defer done()
	errs = append(errs, s.life.leave(leave), s.untie())
	return errors.Join(errs...)
}

func (s *shift) untie() error {
	if s.line == nil {
		return nil
	}
	return s.line.untie()
}
