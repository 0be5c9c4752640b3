package service

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/headwaymail/headway/internal/dkim"
	"github.com/headwaymail/headway/internal/dnsclient"
	"github.com/headwaymail/headway/internal/doctor"
)

const (
	// checkupFor is how long what was found counts as now: who has just published
	// a record looks again at once.
	checkupFor = 5 * time.Second
	// checkupWithin bounds one checkup, silent name servers included.
	checkupWithin = 25 * time.Second
	// reachFor is how long the answer of a mail host counts: nobody's server is
	// called upon every few seconds because somebody looks at a page.
	reachFor = 5 * time.Minute
)

// Checkup is what the world shows of this installation: all that must be asked
// for over the network.
type Checkup struct {
	At      time.Time
	Address doctor.Finding
	Domains []DomainCheckup
	Machine []doctor.Finding
}

// DomainCheckup is what the DNS says of one From domain.
type DomainCheckup struct {
	Name     string
	Signer   string // the relays that sign in place of its keys; empty for none
	Findings []doctor.Finding
}

// checkups makes them, one at a time, and remembers the last.
type checkups struct {
	resolver func() (*dnsclient.Resolver, error)

	mu      sync.Mutex
	last    *Checkup      // guarded by mu
	of      string        // guarded by mu; what the last one was asked about
	running chan struct{} // guarded by mu; closed when the one that runs has ended
	reached doctor.Reached
	tried   time.Time // guarded by mu, with reached
}

func (s *Service) openResolver() (*dnsclient.Resolver, error) {
	servers, err := s.Config.DNSServers()
	if err != nil {
		return nil, err
	}
	return dnsclient.New(dnsclient.Config{Servers: servers, LoopbackOnly: s.Config.Sandbox.Enabled, Keep: checkupFor})
}

// ReachWith hands over how a session with a mail host of a domain is opened and
// closed again. It returns the host and its greeting.
func (s *Service) ReachWith(reach func(ctx context.Context, domain string) (host, greeting string, err error)) {
	s.reach = reach
}

// question is what a checkup is about.
type question struct {
	public  string
	domains []doctor.Domain
	machine doctor.Machine
	mailbox string // a domain whose mail host may be called upon; may be empty
	sent    bool   // messages were accepted lately
}

// Checkup looks at this installation from outside, unless that was done a moment
// ago. It waits for the result no longer than patience; nil says that there is
// none yet. What was found before is better than nothing, and has its time.
func (s *Service) Checkup(ctx context.Context, patience time.Duration) (*Checkup, error) {
	q, err := s.checkupQuestion(ctx)
	if err != nil {
		return nil, err
	}
	c, of := &s.checkups, fmt.Sprint(q.public, q.domains, q.machine, q.mailbox)
	c.mu.Lock()
	if c.of != of {
		c.last, c.of = nil, of
	}
	if c.last != nil && now().Sub(c.last.At) < checkupFor {
		defer c.mu.Unlock()
		return c.last, nil
	}
	if c.running == nil {
		c.running = make(chan struct{})
		go s.runCheckup(context.WithoutCancel(ctx), q, of, c.running)
	}
	running := c.running
	c.mu.Unlock()
	select {
	case <-running:
	case <-time.After(patience):
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last, ctx.Err()
}

func (s *Service) runCheckup(ctx context.Context, q question, of string, done chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, checkupWithin)
	defer cancel()
	found := s.examine(ctx, q)
	c := &s.checkups
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == of {
		c.last = found
	}
	c.running = nil
	close(done)
}

// checkupQuestion gathers what is known without asking anybody outside.
func (s *Service) checkupQuestion(ctx context.Context) (question, error) {
	keys, err := s.Store.DKIMKeys(ctx)
	if err != nil {
		return question{}, err
	}
	q := question{public: s.Config.Web.PublicURL, machine: s.machine()}
	for _, k := range keys {
		private, err := s.openDKIM(k)
		if err != nil {
			return question{}, err
		}
		record, err := dkim.NewRecord(k.Selector, k.Domain, private)
		if err != nil {
			return question{}, err
		}
		at := slices.IndexFunc(q.domains, func(d doctor.Domain) bool { return d.Name == k.Domain })
		if at < 0 {
			at = len(q.domains)
			q.domains = append(q.domains, doctor.Domain{Name: k.Domain, BounceDomain: s.Config.Sending.BounceDomain,
				Machine: q.machine, Listens: s.Config.Inbound.Listen != ""})
		}
		q.domains[at].Keys = append(q.domains[at].Keys, doctor.Record{Name: record.Name, Type: "TXT", Value: record.Value})
	}
	if q.sent, err = s.Store.AcceptedSince(ctx, now().Add(-24*time.Hour)); err != nil {
		return q, err
	}
	users, err := s.Store.Users(ctx)
	if err == nil && len(users) > 0 {
		q.mailbox = domainOf(users[0].Address)
	}
	return q, err
}

// machine is where mail leaves from, as it is set.
func (s *Service) machine() doctor.Machine {
	m := doctor.Machine{HELO: s.Config.Sending.HELOName, Sandboxed: s.Config.Sandbox.Enabled}
	m.Source, _ = netip.ParseAddr(s.Config.Sending.Source) // invalid while it is not set; the settings were checked
	relays, err := s.relays()
	if err != nil {
		return m
	}
	if relays.Unsigned() == "" {
		m.Signer = strings.Join(relays.Signing(), ", ")
	}
	for _, rule := range relays.Rules {
		if slices.Contains(rule.Match, "*") {
			m.Relay = rule.Relay.Host
			break
		}
	}
	return m
}

// examine asks everything at the same time.
func (s *Service) examine(ctx context.Context, q question) *Checkup {
	found := &Checkup{Domains: make([]DomainCheckup, len(q.domains))}
	resolver, err := s.checkups.resolver()
	if err != nil {
		found.Machine = []doctor.Finding{{ID: "dns", Title: "DNS", Verdict: doctor.Unknown, Words: "It cannot be asked: " + err.Error() + ".",
			Fix: "Look at dns.servers in the settings."}}
	}
	var running sync.WaitGroup
	running.Go(func() { found.Address = doctor.CheckAddress(ctx, q.public, s.Config.Sandbox.Enabled) })
	for i, d := range q.domains {
		found.Domains[i].Name, found.Domains[i].Signer = d.Name, d.Machine.Signer
		if err == nil {
			running.Go(func() { found.Domains[i].Findings = doctor.CheckDomain(ctx, resolver, d) })
		}
	}
	if err == nil {
		running.Go(func() { found.Machine = doctor.CheckMachine(ctx, resolver, q.machine) })
	}
	var port doctor.Finding
	running.Go(func() { port = s.port25(ctx, q) })
	running.Wait()
	if q.machine.Relay == "" {
		found.Machine = append(found.Machine, port)
	}
	found.At = now()
	return found
}

// unpublished returns the domain whose key signs for a From domain, when the
// DNS is known not to show that key. What cannot be found out within patience is
// no reason to keep mail back; in the sandbox, and where relays sign all mail,
// nobody asks.
func (s *Service) unpublished(ctx context.Context, from string, patience time.Duration) (string, error) {
	if signer, err := s.signedBy(); err != nil || signer != "" || s.Config.Sandbox.Enabled {
		return "", err
	}
	checkup, err := s.Checkup(ctx, patience)
	if err != nil || checkup == nil {
		return "", err
	}
	for name := strings.ToLower(from); strings.Contains(name, "."); _, name, _ = strings.Cut(name, ".") {
		for _, d := range checkup.Domains {
			if d.Name != name {
				continue
			}
			if slices.ContainsFunc(d.Findings, func(f doctor.Finding) bool { return f.ID == "dkim" && f.Verdict == doctor.Fail }) {
				return name, nil
			}
			return "", nil
		}
	}
	return "", nil
}

// port25 tells whether mail gets out: from what was sent lately, or else by
// calling upon one mail host now and then.
func (s *Service) port25(ctx context.Context, q question) doctor.Finding {
	c := &s.checkups
	c.mu.Lock()
	reached, tried := c.reached, c.tried
	c.mu.Unlock()
	if !q.sent && q.machine.Relay == "" && q.mailbox != "" && s.reach != nil && s.Config.Sending.Source != "" &&
		(reached.Domain != q.mailbox || now().Sub(tried) > reachFor) {
		reached = doctor.Reached{Domain: q.mailbox}
		reached.Host, reached.Greeting, reached.Err = s.reach(ctx, q.mailbox)
		c.mu.Lock()
		c.reached, c.tried = reached, now()
		c.mu.Unlock()
	}
	reached.Accepted = q.sent
	return doctor.JudgeReach(reached)
}
