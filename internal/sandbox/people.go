package sandbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Unsubscribe is one reader's wish to leave, by the one-click address of a
// message (RFC 8058).
type Unsubscribe struct {
	Recipient string    `json:"recipient"`
	URL       string    `json:"url,omitempty"`
	AskedAt   time.Time `json:"asked_at"`        // of the first try
	AckedAt   time.Time `json:"acked_at"`        // of the first 2xx; zero until then
	Status    int       `json:"status"`          // of the last answer; 0 without one
	Error     string    `json:"error,omitempty"` // why the last try got no answer
}

// Acked reports whether the sender has acknowledged the wish.
func (u Unsubscribe) Acked() bool { return !u.AckedAt.IsZero() }

// A reader whose click fails tries again: a mailbox provider does too, and the
// sender may just be restarting.
const (
	clickAttempts = 10
	clickPause    = time.Second
	clickTimeout  = 10 * time.Second
	clicksAtOnce  = 16
)

// people are the readers behind the mailboxes.
type people struct {
	sandbox *Sandbox
	client  *http.Client
	slots   chan struct{} // bounds the clicks under way

	mu      sync.Mutex
	first   map[string]Message // by recipient in lower case: the first message of each reader who leaves later; guarded by mu
	leaving map[string]bool    // who has begun to unsubscribe; guarded by mu
}

func newPeople(s *Sandbox) *people {
	p := &people{
		sandbox: s,
		slots:   make(chan struct{}, clicksAtOnce),
		first:   map[string]Message{},
		leaving: map[string]bool{},
	}
	p.client = &http.Client{
		Timeout: clickTimeout,
		// A one-click POST is not redirected (RFC 8058 §3.1).
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:       s.dialLoopback,
			DisableKeepAlives: true,
			// The server is on this machine and has no name that anybody could certify.
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // loopback only
		},
	}
	for _, u := range s.journal.allLeaves() {
		if u.Acked() {
			p.leaving[strings.ToLower(u.Recipient)] = true
		}
	}
	return p
}

// reads lets the reader of a message do what they do.
func (p *people) reads(m Message) {
	f, provider := p.sandbox.file, p.sandbox.file.provider(m.Provider)
	if provider == nil {
		return // the record file is of another description
	}
	who, after := f.leaves(provider, m.Recipient)
	key := strings.ToLower(m.Recipient)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case who == LeavesAfterMail && !p.leaving[key]:
		p.leaving[key] = true
		p.later(p.sandbox.ctx, m, after-time.Since(m.At))
	case who == LeavesInTheMiddle:
		if _, has := p.first[key]; !has {
			p.first[key] = m
		}
	}
}

// tell starts those who leave later, spread at random over a time, and returns
// how many they are.
func (p *people) tell(ctx context.Context, over time.Duration) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for key, m := range p.first {
		if p.leaving[key] {
			continue
		}
		p.leaving[key] = true
		p.later(ctx, m, time.Duration(p.sandbox.file.chance("later "+key)*float64(over)))
		n++
	}
	return n
}

// later has a reader unsubscribe after a while.
func (p *people) later(ctx context.Context, m Message, after time.Duration) {
	p.sandbox.running.Go(func() {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(p.sandbox.ctx, cancel)()
		if pause(ctx, after) {
			p.unsubscribe(ctx, m)
		}
	})
}

// unsubscribe clicks until the sender acknowledges, a few times at most.
func (p *people) unsubscribe(ctx context.Context, m Message) {
	u := Unsubscribe{Recipient: m.Recipient, URL: m.Unsubscribe, AskedAt: time.Now()}
	if before, asked := p.sandbox.journal.asked(m.Recipient); asked {
		u.AskedAt = before.AskedAt // before a restart
	}
	if m.Unsubscribe == "" || !m.OneClick {
		u.Error = "the message has no one-click unsubscribe (RFC 8058)"
		p.note(u)
		return
	}
	for range clickAttempts {
		status, err := p.click(ctx, m.Unsubscribe)
		if ctx.Err() != nil {
			return
		}
		u.Status, u.Error = status, ""
		if err != nil {
			u.Error = err.Error()
		}
		if status/100 == 2 {
			u.AckedAt = time.Now()
		}
		p.note(u)
		if u.Acked() || !pause(ctx, clickPause) {
			return
		}
	}
}

func (p *people) note(u Unsubscribe) {
	if err := p.sandbox.journal.left(u); err != nil {
		p.sandbox.log.Error("an unsubscription was not recorded", "recipient", u.Recipient, "error", err)
	}
}

// click posts the one-click form once.
func (p *people) click(ctx context.Context, url string) (status int, err error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("List-Unsubscribe=One-Click"))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := p.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10))
	return response.StatusCode, nil
}

// errOffLoopback is why a reader's click goes nowhere.
var errOffLoopback = errors.New("the sandbox dials loopback addresses only")

// dialLoopback dials names of the sandbox's DNS, localhost and literal
// addresses, all on loopback.
func (s *Sandbox) dialLoopback(ctx context.Context, network, address string) (net.Conn, error) {
	name, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	ip, err := netip.ParseAddr(name)
	switch {
	case err == nil:
	case strings.EqualFold(name, "localhost"):
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	default:
		if ip, err = s.zone.address(name); err != nil {
			return nil, err
		}
	}
	if !ip.IsLoopback() {
		return nil, fmt.Errorf("%s: %w", address, errOffLoopback)
	}
	var d net.Dialer
	return d.DialContext(ctx, network, net.JoinHostPort(ip.String(), port))
}
