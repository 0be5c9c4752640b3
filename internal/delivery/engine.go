package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/semaphore"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/smtpout"
	"github.com/headwaymail/headway/pacing"
	"github.com/headwaymail/headway/pacing/reply"
)

// Config is what an engine works with.
type Config struct {
	Store    *postgres.Store
	Node     int64 // id of this node
	Source   int64 // id of the source that mail is sent from
	Dialer   Dialer
	Composer *Composer
	// Fresh reports whether the others still believe that this node lives;
	// without that no message may begin.
	Fresh func() bool
	// Connections is the largest number of open connections of this node.
	Connections int
	// Profile says what is known of a provider before anything was measured.
	Profile func(providerKey string) pacing.Profile
	// Rules say what replies mean. Defaults to the built-in ones.
	Rules *reply.Rules
	// AskForLanes inserts lane jobs that are not there yet.
	AskForLanes func(context.Context, []Lane) error
	// AskResolve inserts the job that finds the providers of unknown domains.
	AskResolve func(context.Context) error
	// Overheard is told what was said around a message of our own, such as a test, once
	// its outcome is recorded. Optional.
	Overheard func(campaign int64, said smtpout.Conversation)
	// Clock is the machine's. Defaults to time.Now.
	Clock func() time.Time
	Log   *slog.Logger
}

// Engine delivers on one node. Lanes are run by River through [Engine.RunLane].
type Engine struct {
	rules      *reply.Rules
	store      *postgres.Store
	node       int64
	source     int64
	dialer     Dialer
	profile    func(string) pacing.Profile
	overheard  func(int64, smtpout.Conversation)
	askFor     func(context.Context, []Lane) error
	askResolve func(context.Context) error
	log        *slog.Logger

	clock     *clock
	broker    *broker
	running   atomic.Int64 // lanes at work
	most      int          // connections at one time
	watch     *watch
	fresh     func() bool
	claims    *claims
	writer    *writer
	parking   parking
	places    *semaphore.Weighted
	admission *admission
	files     fileLooks // of the sweep alone

	alive context.Context // ends when the engine has stopped
	hard  context.Context // ends when messages in flight must be cut
	stop  context.CancelFunc
	cut   context.CancelFunc
	drain chan struct{} // closed when no new message may begin
	once  sync.Once
	wake  chan struct{}
	wait  sync.WaitGroup
}

// Start brings an engine to work. Its node must be registered.
func Start(ctx context.Context, c Config) (*Engine, error) {
	if c.Rules == nil {
		c.Rules = reply.Default()
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	e := &Engine{
		rules: c.Rules,
		store: c.Store, node: c.Node, source: c.Source, dialer: c.Dialer,
		profile: c.Profile, overheard: c.Overheard, askFor: c.AskForLanes, askResolve: c.AskResolve, fresh: c.Fresh, log: c.Log.With("node", c.Node),
		places: semaphore.NewWeighted(int64(c.Connections)), most: c.Connections,
		admission: newAdmission(runtime.GOMAXPROCS(0)),
		drain:     make(chan struct{}), wake: make(chan struct{}, 1), files: make(fileLooks),
	}
	theirs, err := c.Store.Clock(ctx)
	if err != nil {
		return nil, fmt.Errorf("start the engine: %w", err)
	}
	e.clock = newClock(c.Clock, theirs)
	e.broker = &broker{store: c.Store, source: c.Source, node: c.Node, log: e.log, wake: make(chan struct{}, 1), now: e.clock.now,
		scarce: e.admission.crowded, held: e.domainHeld, gates: make(map[int64]*gate)}
	compose := func(camp postgres.Campaign) (*letter, error) { return c.Composer.letter(ctx, camp) }
	if e.watch, err = newWatch(ctx, c.Store, compose, e.log, e.clock.now); err != nil {
		return nil, fmt.Errorf("start the engine: %w", err)
	}
	e.alive, e.stop = context.WithCancel(context.WithoutCancel(ctx))
	e.hard, e.cut = context.WithCancel(context.WithoutCancel(ctx))
	e.claims = newClaims(e.alive, c.Store, c.Node, e.admission.worthClaiming)
	e.writer = newWriter(c.Store, e.log, e.admission.worthRecording)
	for _, loop := range []func(context.Context){e.listen, e.refresh, e.keepTime, e.reconcile, e.sweep, e.count, e.broker.run} {
		e.wait.Go(func() { loop(e.alive) })
	}
	return e, nil
}

// Drain lets no new message begin. Lanes finish the one in flight and end.
func (e *Engine) Drain() { e.once.Do(func() { close(e.drain) }) }

// Cut ends the transactions in flight; their messages may be in doubt.
func (e *Engine) Cut() { e.cut() }

// Stop ends the engine after all its lanes have ended.
func (e *Engine) Stop() {
	e.Drain()
	e.parking.close()
	e.stop()
	e.wait.Wait()
	e.claims.wait.Wait()
	e.writer.close()
	e.countLast()
	e.cut()
}

// Wake asks for a comparison of due mail with lanes now.
func (e *Engine) Wake() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// Bar makes the lanes of this node leave out an address at once. The database
// must know already.
func (e *Engine) Bar(keys ...string) { e.watch.bar(keys...) }

func (e *Engine) draining() bool {
	select {
	case <-e.drain:
		return true
	default:
		return false
	}
}

// stopping reports whether no new transaction may begin: the node drains, or
// its own beat is too old for the others to believe in it.
func (e *Engine) stopping(ctx context.Context) bool {
	return ctx.Err() != nil || e.draining() || !e.fresh()
}

// refresh keeps the watch up to date without notifications, until ctx ends.
func (e *Engine) refresh(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := e.watch.refresh(ctx); err != nil && ctx.Err() == nil {
			e.log.Warn("the state of campaigns could not be read", "error", err)
		}
	}
}

// listen follows the database's notifications until ctx ends. A connection that
// is lost is replaced; polling covers the time between.
func (e *Engine) listen(ctx context.Context) {
	for ctx.Err() == nil {
		if err := e.listenOnce(ctx); err != nil && ctx.Err() == nil {
			e.log.Debug("notifications were interrupted", "error", err)
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
		}
	}
}

func (e *Engine) listenOnce(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, e.store.Pool().Config().ConnConfig.Copy())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "listen "+postgres.NotifyChannel); err != nil {
		return err
	}
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		if err := e.notified(ctx, n.Payload); err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
	}
}

// spare returns how many lanes the node could still run.
func (e *Engine) spare() int { return max(e.most-int(e.running.Load()), 0) }

// notified acts on one notification: "campaign 12", "suppressed", "pace 1 7", or
// "pace 1 7 40" when permits of versions before 40 have lapsed.
func (e *Engine) notified(ctx context.Context, payload string) error {
	switch word, rest, _ := strings.Cut(payload, " "); word {
	case "campaign":
		if err := e.watch.refreshCampaigns(ctx); err != nil {
			return err
		}
		e.Wake()
	case "suppressed":
		return e.watch.refreshBarred(ctx)
	case "pace":
		var (
			source, provider int64
			version          int
		)
		if n, _ := fmt.Sscan(rest, &source, &provider, &version); n >= 2 && source == e.source {
			e.broker.heard(provider, version)
		}
	}
	return nil
}
