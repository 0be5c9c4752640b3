package jobs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/riverqueue/river"
	"golang.org/x/sync/errgroup"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/dnsclient"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/pacing/provider"
)

const (
	// Domains are looked up and stored together: few at first, so that mail flows at
	// once, then more and more, up to resolveBatch.
	resolveFirst, resolveBatch = 32, 500
	// resolveAtOnce bounds the questions in flight: polite to the resolver.
	resolveAtOnce = 32
	// mappingLife bounds how long a domain's provider is believed, whatever
	// its MX record's TTL: it moves rarely, and each message looks up its host
	// anyway.
	mappingLeast, mappingMost = time.Hour, 24 * time.Hour
)

// resolveArgs have no fields: one job finds the providers of all domains that
// mail waits for.
type resolveArgs struct{}

func (resolveArgs) Kind() string { return "resolve" }

func (resolveArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: bulkQueue, MaxAttempts: 1000,
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: pending}}
}

type resolveWorker struct {
	river.WorkerDefaults[resolveArgs]
	bulk *Bulk
}

func (w *resolveWorker) NextRetry(job *river.Job[resolveArgs]) time.Time { return soon(job.Attempt) }

// Work looks at domains until none is left that due mail waits for.
func (w *resolveWorker) Work(ctx context.Context, _ *river.Job[resolveArgs]) error {
	for size := resolveFirst; ; size = min(2*size, resolveBatch) {
		domains, err := w.bulk.Store.UnknownDomains(ctx, size, time.Now())
		if err != nil || len(domains) == 0 {
			return err
		}
		looks := make([]postgres.Look, len(domains))
		group, looking := errgroup.WithContext(ctx)
		group.SetLimit(resolveAtOnce)
		for i, d := range domains {
			group.Go(func() error {
				looks[i] = w.bulk.look(looking, d)
				return looking.Err()
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		if err := w.bulk.Store.SaveLooks(ctx, looks, time.Now()); err != nil {
			return err
		}
		if err := w.judge(ctx, domains, looks); err != nil {
			return err
		}
		if err := w.bulk.Store.Notify(ctx, "campaign"); err != nil {
			return err
		}
	}
}

// look finds out who takes a domain's mail: a relay by our own rules, or whom DNS
// names. A relay may know domains that DNS does not.
func (b *Bulk) look(ctx context.Context, d postgres.UnknownDomain) postgres.Look {
	look := b.lookUp(ctx, d)
	relay, routed, err := b.Relays.For(ctx, d.Name)
	switch {
	case err != nil:
		look.Found, look.ProviderKey, look.Provider = postgres.MailHostTemporary, "", ""
	case routed && look.ProviderKey == "":
		look.Found, look.MX, look.Expires = postgres.MailHostMX, []string{relay.Host}, time.Now().Add(mappingMost)
		fallthrough
	case routed:
		look.ProviderKey, look.Provider = relay.Key(), relay.Name()
	}
	return look
}

// lookUp asks DNS who takes a domain's mail.
func (b *Bulk) lookUp(ctx context.Context, d postgres.UnknownDomain) postgres.Look {
	look := postgres.Look{Domain: d.ID, Expires: time.Now().Add(mappingLeast)}
	mx, err := b.Resolver.MX(ctx, d.Name)
	switch {
	case errors.Is(err, dnsclient.ErrNoDomain):
		look.Found = postgres.MailHostNoDomain
	case errors.Is(err, dnsclient.ErrNoMailHost), errors.Is(err, dnsclient.ErrBadName):
		look.Found = postgres.MailHostNone
	case err != nil:
		look.Found = postgres.MailHostTemporary
	case mx.Null:
		look.Found = postgres.MailHostNull
	default:
		look.Found = postgres.MailHostMX
		if mx.Implicit {
			look.Found = postgres.MailHostImplicit
		}
		hosts := make([]provider.Host, len(mx.Hosts))
		for i, h := range mx.Hosts {
			hosts[i] = provider.Host{Name: h.Host, Pref: h.Preference}
			look.MX = append(look.MX, h.Host)
		}
		who := provider.Identify(d.Name, hosts)
		look.ProviderKey, look.Provider = who.Key, who.Name
		life := min(max(time.Until(mx.Expires), mappingLeast), mappingMost)
		look.Expires = time.Now().Add(life)
	}
	return look
}

// judge turns looks that found no mail host into an attempt of each due delivery of
// the domains.
func (w *resolveWorker) judge(ctx context.Context, domains []postgres.UnknownDomain, looks []postgres.Look) error {
	silent := make(map[int64]postgres.Silence)
	for i, look := range looks {
		if look.ProviderKey != "" {
			continue
		}
		s := postgres.Silence{Found: look.Found, Looks: domains[i].Looks, Spread: rand.Float64()}
		if look.Found != postgres.MailHostTemporary {
			s.Looks++
		}
		silent[look.Domain] = s
	}
	settings := make(map[int64]campaign.Settings)
	_, err := w.bulk.Store.JudgeUnmailable(ctx, postgres.Judgement{Node: w.bulk.Node, Silent: silent, At: time.Now(),
		Terms: func(id int64) campaign.Settings {
			terms, known := settings[id]
			if !known {
				terms = w.bulk.settings(ctx, id)
				settings[id] = terms
			}
			return terms
		}})
	return err
}

// settings returns the terms of a campaign, the defaults when it cannot be read.
func (b *Bulk) settings(ctx context.Context, id int64) campaign.Settings {
	c, err := b.Store.Campaign(ctx, id)
	if err != nil {
		b.Log.Warn("the terms of a campaign could not be read; the defaults are taken", "campaign", id, "error", err)
		return campaign.DefaultSettings()
	}
	return c.Settings
}

// AskResolve inserts the job that finds the providers of unknown domains,
// unless it is there already.
func (q *Queue) AskResolve(ctx context.Context) error {
	if _, err := q.client.Insert(ctx, resolveArgs{}, nil); err != nil {
		return fmt.Errorf("ask for a look at unknown domains: %w", err)
	}
	return nil
}
