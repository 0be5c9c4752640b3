package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Options say how a sandbox runs. The zero value is good.
type Options struct {
	SMTPPort   int          // of every host; 0 = one that is free on all
	RecordFile string       // JSON lines of what was received, read again at the next start; "" = memory only
	KeepBodies bool         // keep each message whole, in memory, as Letter.Body
	Logger     *slog.Logger // default: silent
}

// Sandbox is a simulated internet at work.
type Sandbox struct {
	file    *File
	log     *slog.Logger
	zone    *zone
	dns     *nameserver
	port    int
	sites   []*site
	hosts   []*host
	journal *journal
	people  *people
	bodies  bool // messages are kept whole

	ctx     context.Context // ends when the sandbox stops
	end     context.CancelFunc
	running sync.WaitGroup // everything that Stop waits for

	stopping sync.Once
	stopped  error // what Stop returned; written in stopping

	mu     sync.Mutex
	fronts map[*front]bool // open connections, nil once stopped; guarded by mu
	hooks  []func(Message) // guarded by mu

	listening sync.Mutex
	listeners []func(Refusal) // guarded by listening
}

// Start brings a described internet to life. The file must be without problems.
// Outages and other times after the start count from now. The sandbox runs
// until Stop, or until ctx ends; call Stop all the same then.
func Start(ctx context.Context, file *File, opts Options) (*Sandbox, error) {
	s := &Sandbox{file: file, log: opts.Logger, bodies: opts.KeepBodies, fronts: map[*front]bool{}}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if s.journal, err = openJournal(opts.RecordFile); err != nil {
		return nil, fmt.Errorf("start the sandbox: %w", err)
	}
	s.ctx, s.end = context.WithCancel(ctx)
	if err := s.open(opts.SMTPPort); err != nil {
		s.end()
		return nil, errors.Join(fmt.Errorf("start the sandbox: %w", err), s.journal.close())
	}
	s.people = newPeople(s)
	for _, m := range s.journal.allMessages() {
		s.recount(m)
		s.people.reads(m)
	}
	for _, h := range s.hosts {
		h.serve()
	}
	context.AfterFunc(s.ctx, s.cutAll)
	return s, nil
}

// open makes the sites and their hosts, listens, and starts the name server.
func (s *Sandbox) open(port int) error {
	start := time.Now()
	addresses := map[string]netip.Addr{}
	var all []netip.Addr
	for i := range s.file.Providers {
		p := &s.file.Providers[i]
		at := newSite(s.file, p, start, s.refused)
		s.sites = append(s.sites, at)
		names := p.HostNames()
		certificate, err := selfSigned(names)
		if err != nil {
			return err
		}
		if at.lacks(StartTLS) {
			certificate = nil
		}
		for index, name := range names {
			addresses[name] = addressOf(len(all))
			all = append(all, addresses[name])
			s.hosts = append(s.hosts, newHost(s, at, name, index, certificate))
		}
	}
	listeners, chosen, err := listenAll(s.ctx, all, port)
	if err != nil {
		return err
	}
	for i, l := range listeners {
		s.hosts[i].listener = l
	}
	s.port, s.zone = chosen, newZone(s.file, addresses)
	if s.dns, err = startNameserver(s.zone, nil); err != nil {
		closeAll(listeners)
		return err
	}
	return nil
}

// stopTime is how long Stop waits for what should end at once.
const stopTime = 10 * time.Second

// Stop ends the sandbox: connections are cut, nothing more is recorded. It
// returns when everything that Start began has ended. Calling it again does
// nothing.
func (s *Sandbox) Stop() error {
	s.stopping.Do(func() { s.stopped = s.stop() })
	return s.stopped
}

func (s *Sandbox) stop() error {
	s.end()
	s.cutAll()
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	var problems []error
	for _, h := range s.hosts {
		problems = append(problems, h.listener.Close(), h.server.Shutdown(ctx))
	}
	problems = append(problems, s.dns.stop(ctx))
	s.running.Wait()
	return errors.Join(append(problems, s.journal.close())...)
}

// cutAll closes every connection and lets no more in.
func (s *Sandbox) cutAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for f := range s.fronts {
		f.cut()
	}
	s.fronts = nil
}

// track remembers an open connection for Stop; it reports false when it is too
// late for another.
func (s *Sandbox) track(f *front) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fronts == nil {
		return false
	}
	s.fronts[f] = true
	return true
}

// forget ends the memory of a connection.
func (s *Sandbox) forget(f *front) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.fronts, f)
}

// sleep waits and reports whether the sandbox still runs.
func (s *Sandbox) sleep(d time.Duration) bool { return pause(s.ctx, d) }

// pause waits and reports whether ctx still lives.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// DNSAddr returns the address of the name server, e.g. "127.0.0.1:40853". It
// answers over UDP and TCP.
func (s *Sandbox) DNSAddr() string { return s.dns.addr }

// SMTPPort returns the port on which every MX host listens.
func (s *Sandbox) SMTPPort() int { return s.port }

// Addresses returns where each MX host listens, by its name.
func (s *Sandbox) Addresses() map[string]netip.AddrPort {
	out := map[string]netip.AddrPort{}
	for _, h := range s.hosts {
		out[h.name] = h.listener.Addr().(*net.TCPAddr).AddrPort()
	}
	return out
}

// AddTXT adds a TXT record, for instance the public key of a DKIM selector.
func (s *Sandbox) AddTXT(name, value string) { s.zone.add(textRecord(name, value, s.zone.ttl)) }

// AddRecord adds a record, written as "name TYPE value".
func (s *Sandbox) AddRecord(text string) error {
	rr, err := parseRecord(text, s.zone.ttl)
	if err == nil {
		s.zone.add(rr)
	}
	return err
}

// OnMessage has hook called for each message from now on, after it was recorded
// and before its 250 is written. A slow hook makes a slow receiver; several
// calls may run at once.
func (s *Sandbox) OnMessage(hook func(Message)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks = append(s.hooks, hook)
}

// OnRefusal has hook called for each refusal from now on, when it is decided.
// The provider waits for it, so it must be quick, and must not ask the sandbox
// anything.
func (s *Sandbox) OnRefusal(hook func(Refusal)) {
	s.listening.Lock()
	defer s.listening.Unlock()
	s.listeners = append(s.listeners, hook)
}

func (s *Sandbox) refused(r Refusal) {
	s.listening.Lock()
	defer s.listening.Unlock()
	for _, hook := range s.listeners {
		hook(r)
	}
}

// Received returns every message that got a 250, in the order of their
// recording, those of the record file first.
func (s *Sandbox) Received() []Message { return s.journal.allMessages() }

// Counts returns what each provider did, by name.
func (s *Sandbox) Counts() map[string]Counts {
	out := map[string]Counts{}
	for _, at := range s.sites {
		out[at.provider.Name] = at.snapshot()
	}
	return out
}

// Unsubscribes returns every reader who has asked to leave, in the order of
// their first click, with what the sender answered.
func (s *Sandbox) Unsubscribes() []Unsubscribe { return s.journal.allLeaves() }

// UnsubscribeLater starts those readers who unsubscribe in the middle of
// another newsletter: each does so from the first message that they received,
// at a random time within over. It returns how many there are, without waiting
// for them; ctx calls those off who have not clicked yet.
func (s *Sandbox) UnsubscribeLater(ctx context.Context, over time.Duration) int {
	return s.people.tell(ctx, over)
}

// received records a message, tells the hooks and gives it to its reader.
func (s *Sandbox) received(m Message) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	if err := s.journal.received(m); err != nil {
		return err
	}
	s.mu.Lock()
	hooks := s.hooks
	s.mu.Unlock()
	for _, hook := range hooks {
		hook(m)
	}
	s.people.reads(m)
	return nil
}

// recount counts a message of the record file.
func (s *Sandbox) recount(m Message) {
	for _, at := range s.sites {
		if at.provider.Name == m.Provider {
			at.accepted()
		}
	}
}
