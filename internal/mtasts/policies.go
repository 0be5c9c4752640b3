package mtasts

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/headwaymail/headway/internal/dnsclient"
	"github.com/headwaymail/headway/internal/smtpout"
)

// Resolver asks the DNS; *dnsclient.Resolver is one.
type Resolver interface {
	TXT(ctx context.Context, name string) (dnsclient.TXTAnswer, error)
	Addrs(ctx context.Context, host string) (dnsclient.AddrAnswer, error)
}

// Store keeps policies over restarts and shares them between nodes.
type Store interface {
	// STSPolicies returns all policies that have not expired, by domain.
	STSPolicies(ctx context.Context, now time.Time) (map[string]Policy, error)
	SaveSTSPolicy(ctx context.Context, domain string, p Policy) error
}

const (
	// retryAfter is how long a policy that could not be fetched is left alone
	// (RFC 8461 §3.3 suggests five minutes).
	retryAfter = 5 * time.Minute
	// reloadAfter is how often the policies that other nodes fetched are read.
	reloadAfter = 5 * time.Minute
)

// Policies looks up and remembers policies. It is safe for concurrent use.
type Policies struct {
	resolver Resolver
	store    Store
	fetcher  *fetcher
	log      *slog.Logger
	fetches  singleflight.Group

	mu     sync.Mutex
	known  map[string]Policy    // guarded by mu; one in a few hundred domains has one
	loaded time.Time            // guarded by mu; when known was last read from the store
	failed map[string]time.Time // guarded by mu; last failure to fetch
}

// Config is what [New] needs.
type Config struct {
	Resolver Resolver
	Store    Store // where policies are kept
	// LoopbackOnly keeps every connection on this machine, as in the sandbox.
	LoopbackOnly bool
	// Fetch changes how policies are fetched; for tests on other ports and
	// authorities. The zero value is right for the Internet.
	Fetch Fetch
	Log   *slog.Logger
}

// New makes a memory of policies; the saved ones are read when first needed.
func New(c Config) *Policies {
	return &Policies{
		resolver: c.Resolver, store: c.Store, log: c.Log,
		fetcher: newFetcher(c.Resolver, c.LoopbackOnly, c.Fetch),
		known:   make(map[string]Policy), failed: make(map[string]time.Time),
	}
}

// For returns what a domain's policy asks of sessions with its mail hosts; ok is
// false when it has none in force.
func (p *Policies) For(ctx context.Context, domain string) (smtpout.TLSPolicy, bool) {
	return p.policy(ctx, domain, time.Now()).TLS()
}

// policy returns the edition that the DNS speaks of, else an earlier one, else
// one of mode none.
func (p *Policies) policy(ctx context.Context, domain string, now time.Time) Policy {
	answer, _ := p.resolver.TXT(ctx, "_mta-sts."+domain) // no answer is like no record: §5.1
	id, published := edition(answer.Records)
	saved, again := p.saved(ctx, domain, now)
	if !published || !again || saved.ID == id {
		return saved
	}
	fetched, err, _ := p.fetches.Do(domain, func() (any, error) {
		return p.fetch(context.WithoutCancel(ctx), domain, id, now)
	})
	if err != nil {
		return saved
	}
	return fetched.(Policy)
}

// saved returns the policy that this node or another fetched before, and whether
// another edition may be fetched now.
func (p *Policies) saved(ctx context.Context, domain string, now time.Time) (_ Policy, again bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.loaded) >= reloadAfter {
		p.loaded = now
		if all, err := p.store.STSPolicies(ctx, now); err == nil {
			p.known = all
		} else {
			p.log.Warn("saved MTA-STS policies could not be read", "error", err)
		}
	}
	again = now.Sub(p.failed[domain]) >= retryAfter
	if policy := p.known[domain]; now.Before(policy.Expires) {
		return policy, again
	}
	return Policy{Mode: None}, again
}

// fetch gets the edition of this id and keeps it.
func (p *Policies) fetch(ctx context.Context, domain, id string, now time.Time) (Policy, error) {
	policy, err := p.fetcher.fetch(ctx, domain, now)
	policy.ID = id
	p.mu.Lock()
	if err != nil {
		p.failed[domain] = now
	} else {
		p.known[domain] = policy
		delete(p.failed, domain)
	}
	p.mu.Unlock()
	if err != nil {
		p.log.Warn("MTA-STS policy could not be fetched", "domain", domain, "error", err)
		return Policy{}, err
	}
	if err := p.store.SaveSTSPolicy(ctx, domain, policy); err != nil {
		p.log.Warn("MTA-STS policy could not be saved", "domain", domain, "error", err)
	}
	return policy, nil
}
