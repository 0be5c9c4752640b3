package jobs

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/headwaymail/headway/internal/dnsclient"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene/verification"
)

const (
	// verifyAtOnce bounds the questions in flight: what a recursive server takes
	// from one client without noticing.
	verifyAtOnce = 64
	// verifyPage domains are read, and verifySave looks saved, at one time. What
	// was looked at and not saved when a node dies is looked at again.
	verifyPage = 2000
	verifySave = 500
	// saveWithin bounds how long a look waits to be saved, so that progress is
	// seen while slow servers are waited for.
	saveWithin = time.Second
	// lookHosts is how many hosts of a domain are looked at, the preferred first,
	// until one has a public address.
	lookHosts = 4
)

// lookAtDomains looks up what is left of a verification's domains: readers,
// lookers and one saver, each waiting for the next.
func (b *Bulk) lookAtDomains(ctx context.Context, id int64) error {
	group, ctx := errgroup.WithContext(ctx)
	domains, found := make(chan postgres.VerifyDomain), make(chan postgres.VerifiedDomain)
	group.Go(func() error {
		defer close(domains)
		return b.readDomains(ctx, id, domains)
	})
	hosts := hostBook{resolver: b.Resolver, sandboxed: b.Sandboxed, known: make(map[string]hostEntry)}
	var looking sync.WaitGroup
	for range verifyAtOnce {
		looking.Add(1)
		group.Go(func() error {
			defer looking.Done()
			for d := range domains {
				look := b.verifyDomain(ctx, d, &hosts)
				if ctx.Err() != nil {
					return ctx.Err() // a look that was cut short says nothing
				}
				select {
				case found <- look:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
	}
	go func() {
		looking.Wait()
		close(found)
	}()
	group.Go(func() error { return b.saveDomains(ctx, id, found) })
	return group.Wait()
}

func (b *Bulk) readDomains(ctx context.Context, id int64, domains chan<- postgres.VerifyDomain) error {
	for after := int64(0); ; {
		page, err := b.Store.NextVerifyDomains(ctx, id, after, verifyPage, time.Now())
		if err != nil || len(page) == 0 {
			return err
		}
		for _, d := range page {
			select {
			case domains <- d:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		after = page[len(page)-1].ID
	}
}

func (b *Bulk) saveDomains(ctx context.Context, id int64, found <-chan postgres.VerifiedDomain) error {
	tick := time.NewTicker(saveWithin)
	defer tick.Stop()
	var batch []postgres.VerifiedDomain
	save := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := b.Store.SaveVerified(ctx, id, batch, time.Now())
		batch = batch[:0]
		return err
	}
	for {
		select {
		case look, open := <-found:
			if !open {
				return save()
			}
			if batch = append(batch, look); len(batch) < verifySave {
				continue
			}
		case <-tick.C:
		}
		if err := save(); err != nil {
			return err
		}
	}
}

// verifyDomain looks at one domain: who takes its mail, unless that is known,
// and whether these hosts can be reached.
func (b *Bulk) verifyDomain(ctx context.Context, d postgres.VerifyDomain, hosts *hostBook) postgres.VerifiedDomain {
	found := postgres.VerifiedDomain{ID: d.ID, Domain: d.Before}
	if !d.Fresh {
		found.Look = b.look(ctx, postgres.UnknownDomain{ID: d.ID, Name: d.Name})
		found.Domain = verification.Domain{Found: verification.MailHost(found.Look.Found), Hosts: found.Look.MX}
	}
	found.Domain.At = time.Now()
	found.Domain.Reach = ""
	if found.Domain.Found == verification.HostMX || found.Domain.Found == verification.HostImplicit {
		found.Domain.Reach = hosts.reach(ctx, found.Domain.Hosts)
	}
	found.Domain = found.Domain.After(d.Before)
	return found
}

// hostBook remembers the mail hosts of one verification: thousands of domains
// share them, and the resolver's own memory is smaller than a large list.
type hostBook struct {
	resolver  Resolver
	sandboxed bool
	mu        sync.Mutex
	known     map[string]hostEntry // guarded by mu
}

type hostEntry struct {
	reach   verification.Reach
	expires time.Time
}

// bookSize bounds the hosts that are remembered: about 20 MB.
const bookSize = 200_000

// reach looks at the hosts of a domain until one has a public address.
func (h *hostBook) reach(ctx context.Context, hosts []string) verification.Reach {
	best := verification.ReachMissing
	rank := map[verification.Reach]int{verification.ReachMissing: 0, verification.ReachUnroutable: 1, verification.ReachTemporary: 2}
	for i, host := range hosts {
		if i == lookHosts {
			break
		}
		reach := h.host(ctx, host)
		if reach == verification.ReachPublic {
			return reach
		}
		if rank[reach] > rank[best] {
			best = reach
		}
	}
	return best
}

func (h *hostBook) host(ctx context.Context, name string) verification.Reach {
	h.mu.Lock()
	e, ok := h.known[name]
	h.mu.Unlock()
	if ok && time.Now().Before(e.expires) {
		return e.reach
	}
	answer, err := h.resolver.Addrs(ctx, name)
	e = hostEntry{reach: verification.ReachUnroutable, expires: answer.Expires}
	switch {
	case errors.Is(err, dnsclient.ErrNoDomain), errors.Is(err, dnsclient.ErrNoRecords), errors.Is(err, dnsclient.ErrBadName):
		e.reach = verification.ReachMissing
	case err != nil:
		e.reach = verification.ReachTemporary
	}
	for _, a := range answer.Addrs {
		if verification.IsPublic(a) || h.sandboxed && a.Unmap().IsLoopback() {
			e.reach = verification.ReachPublic
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.known) >= bookSize {
		clear(h.known)
	}
	h.known[name] = e
	return e.reach
}
