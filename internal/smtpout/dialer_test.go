package smtpout

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/internal/dnsclient"
)

// internet is mail hosts by address, and the DNS that leads to them. A host
// that is not in it refuses connections.
type internet struct {
	mx    []dnsclient.MX
	addrs map[string][]string // "": the domain does not exist; "servfail": nobody can say
	hosts map[string][]string // the script at an address
	null  bool
	mxErr error

	mxHangs bool
	script  func() []string // of any address, instead of hosts

	mu      sync.Mutex
	dialled []string // addresses, in order; guarded by mu
	slow    string   // this address connects after three seconds
	played  chan error
	left    chan struct{}
}

func (n *internet) MX(ctx context.Context, _ string) (dnsclient.MXAnswer, error) {
	if n.mxHangs {
		<-ctx.Done()
		return dnsclient.MXAnswer{}, ctx.Err()
	}
	return dnsclient.MXAnswer{Hosts: n.mx, Null: n.null}, n.mxErr
}

func (n *internet) Addrs(ctx context.Context, host string) (dnsclient.AddrAnswer, error) {
	var a dnsclient.AddrAnswer
	for _, addr := range n.addrs[host] {
		switch addr {
		case "":
			return a, &dnsclient.Error{Name: host, Type: "A", Err: dnsclient.ErrNoDomain}
		case "hang":
			<-ctx.Done()
			return a, ctx.Err()
		case "servfail":
			return a, &dnsclient.Error{Name: host, Type: "A", Err: errors.New("answered SERVFAIL"), Temporary: true}
		}
		a.Addrs = append(a.Addrs, netip.MustParseAddr(addr))
	}
	if len(a.Addrs) == 0 {
		return a, &dnsclient.Error{Name: host, Type: "A", Err: dnsclient.ErrNoRecords}
	}
	return a, nil
}

func (n *internet) connect(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	n.mu.Lock()
	n.dialled = append(n.dialled, to.Addr().String())
	n.mu.Unlock()
	if to.Addr().String() == n.slow {
		time.Sleep(3 * time.Second) // and does not look at its context
	}
	script, ok := n.hosts[to.Addr().String()]
	if n.script != nil {
		script, ok = n.script(), true
	}
	switch {
	case !ok:
		return nil, errors.New("connection refused")
	case len(script) > 0 && script[0] == "blackhole":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	ours, theirs := net.Pipe()
	go func(played chan<- error, left <-chan struct{}) {
		played <- play(theirs, script, left)
	}(n.played, n.left)
	return ours, nil
}

// dial dials two.test, closes what it opened, and returns the host or the failure.
func (n *internet) dial(t *testing.T, d *Dialer) (string, *Failure) {
	t.Helper()
	n.dialled, n.played, n.left = nil, make(chan error, 20), make(chan struct{})
	d.Resolver, d.Connect, d.HELO = n, n.connect, "out.test"
	session, err := d.Dial(t.Context(), "two.test", TLSOpportunistic)
	if err != nil {
		f, ok := errors.AsType[*Failure](err)
		if !ok || f.Domain != "two.test" {
			t.Fatalf("got %v", err)
		}
		return "", f
	}
	defer session.Close(t.Context())
	return session.Host(), nil
}

var (
	good      = []string{"S: 220 mx", "C: EHLO out.test", "S: 250 mx", "C: QUIT", "S: 221 bye"}
	busy      = []string{"S: 421 4.7.0 too many connections"}
	blocked   = []string{"S: 554 5.7.1 you are listed"}
	notaMX    = []string{"S: 521 no mail here"}
	blackhole = []string{"blackhole"}
)

// Two relays: the name in base64 says "ann", the password "open sesame".
var (
	loggedIn = []string{"S: 220 relay", "C: EHLO out.test", "S: 250-relay", "S: 250 AUTH GSSAPI PLAIN",
		"C: AUTH PLAIN AGFubgBvcGVuIHNlc2FtZQ==", "S: 235 2.7.0 welcome", "C: QUIT", "S: 221 bye"}
	loggedInSlowly = []string{"S: 220 relay", "C: EHLO out.test", "S: 250-relay", "S: 250 AUTH LOGIN",
		"C: AUTH LOGIN YW5u", "S: 334 UGFzc3dvcmQ6", "C: b3BlbiBzZXNhbWU=",
		"S: 235 2.7.0 welcome", "C: QUIT", "S: 221 bye"}
)

func relayed(match string, r Relay) *Relays {
	return &Relays{Rules: []RelayRule{{Match: []string{match}, Relay: r}}}
}

func hosts(names ...string) []dnsclient.MX {
	var mx []dnsclient.MX
	for i, name := range names {
		mx = append(mx, dnsclient.MX{Host: name, Preference: uint16(10 * i)})
	}
	return mx
}

// crowd is a domain with so many equal mail hosts, all dead.
func crowd(n int) *internet {
	net := &internet{addrs: make(map[string][]string)}
	for i := range n {
		name := fmt.Sprintf("mx%d.test", i)
		net.mx, net.addrs[name] = append(net.mx, dnsclient.MX{Host: name, Preference: 10}), []string{"127.0.0.1"}
	}
	return net
}

func TestDial(t *testing.T) {
	t.Parallel()
	certificate()
	three := map[string][]string{"a.test": {"127.0.0.1"}, "b.test": {"127.0.0.2"}, "c.test": {"127.0.0.3"}}
	for name, tc := range map[string]struct {
		net     *internet
		dialer  *Dialer
		host    string   // that took the session; or
		failure string   // "stage code enhanced permanent reason"
		err     error    // found in the failure
		dialled []string // addresses in order
	}{
		"the first of three": {
			net:  &internet{mx: hosts("a.test", "b.test", "c.test"), addrs: three, hosts: map[string][]string{"127.0.0.1": good}},
			host: "a.test", dialled: []string{"127.0.0.1"},
		},
		"the second when the first refuses connections": {
			net:  &internet{mx: hosts("a.test", "b.test", "c.test"), addrs: three, hosts: map[string][]string{"127.0.0.2": good}},
			host: "b.test", dialled: []string{"127.0.0.1", "127.0.0.2"},
		},
		"the second when the first never answers": {
			net:  &internet{mx: hosts("a.test", "b.test"), addrs: three, hosts: map[string][]string{"127.0.0.1": blackhole, "127.0.0.2": good}},
			host: "b.test", dialled: []string{"127.0.0.1", "127.0.0.2"},
		},
		"the second when the first is busy": {
			net:  &internet{mx: hosts("a.test", "b.test"), addrs: three, hosts: map[string][]string{"127.0.0.1": busy, "127.0.0.2": good}},
			host: "b.test", dialled: []string{"127.0.0.1", "127.0.0.2"},
		},
		"the second when the first takes no mail": {
			net:  &internet{mx: hosts("a.test", "b.test"), addrs: three, hosts: map[string][]string{"127.0.0.1": notaMX, "127.0.0.2": good}},
			host: "b.test", dialled: []string{"127.0.0.1", "127.0.0.2"},
		},
		"the second when the first has no name": {
			net:  &internet{mx: hosts("nowhere.test", "b.test"), addrs: three, hosts: map[string][]string{"127.0.0.2": good}},
			host: "b.test", dialled: []string{"127.0.0.2"},
		},
		"IPv4 before IPv6, and both": {
			net:  &internet{mx: hosts("a.test"), addrs: map[string][]string{"a.test": {"::1", "127.0.0.1"}}, hosts: map[string][]string{"::1": good}},
			host: "a.test", dialled: []string{"127.0.0.1", "::1"},
		},
		"only the source's family": {
			net:    &internet{mx: hosts("a.test"), addrs: map[string][]string{"a.test": {"::1", "127.0.0.1"}}, hosts: map[string][]string{"::1": good}},
			dialer: &Dialer{Source: netip.MustParseAddr("::1")},
			host:   "a.test", dialled: []string{"::1"},
		},
		"no address of the source's family": {
			net:     &internet{mx: hosts("a.test"), addrs: three},
			dialer:  &Dialer{Source: netip.MustParseAddr("::1")},
			failure: "route 0 5.4.4 true ", err: ErrWrongFamily,
		},
		"two busy hosts speak for all": {
			net:     &internet{mx: hosts("a.test", "b.test", "c.test"), addrs: three, hosts: map[string][]string{"127.0.0.1": busy, "127.0.0.2": busy, "127.0.0.3": good}},
			failure: "greeting 421 4.7.0 false ", dialled: []string{"127.0.0.1", "127.0.0.2"},
		},
		"a busy host's other addresses are not asked": {
			net:  &internet{mx: hosts("a.test", "b.test"), addrs: map[string][]string{"a.test": {"127.0.0.1", "127.0.0.1"}, "b.test": {"127.0.0.2"}}, hosts: map[string][]string{"127.0.0.1": busy, "127.0.0.2": good}},
			host: "b.test", dialled: []string{"127.0.0.1", "127.0.0.2"},
		},
		"a refusal for good ends the search": {
			net:     &internet{mx: hosts("a.test", "b.test"), addrs: three, hosts: map[string][]string{"127.0.0.1": blocked, "127.0.0.2": good}},
			failure: "greeting 554 5.7.1 true ", dialled: []string{"127.0.0.1"},
		},
		"words tell more than silence": {
			net:     &internet{mx: hosts("a.test", "b.test", "c.test"), addrs: three, hosts: map[string][]string{"127.0.0.2": busy}},
			failure: "greeting 421 4.7.0 false ", dialled: []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"},
		},
		"a refusal for good after a dead host may pass": {
			net:     &internet{mx: hosts("a.test", "b.test"), addrs: three, hosts: map[string][]string{"127.0.0.2": blocked}},
			failure: "greeting 554 5.7.1 false ", dialled: []string{"127.0.0.1", "127.0.0.2"},
		},
		"all dead": {
			net:     &internet{mx: hosts("a.test", "b.test"), addrs: three},
			failure: "connect 0 4.4.1 false ", dialled: []string{"127.0.0.1", "127.0.0.2"},
		},
		"no more than eight of a hundred equal hosts": {
			net:     crowd(100),
			failure: "connect 0 4.4.1 false ", dialled: slices.Repeat([]string{"127.0.0.1"}, 8),
		},
		"an IPv6-only host": {
			net:  &internet{mx: hosts("a.test"), addrs: map[string][]string{"a.test": {"::1"}}, hosts: map[string][]string{"::1": good}},
			host: "a.test", dialled: []string{"::1"},
		},
		"an MX that is an address is no name": {
			net:     &internet{mx: hosts("127.0.0.1"), hosts: map[string][]string{"127.0.0.1": good}},
			failure: "dns 0 5.1.2 true domain_no_mail_host",
		},
		"an MX at no address that there is": {
			net:     &internet{mx: hosts("a.test"), addrs: map[string][]string{"a.test": {"0.0.0.0", "::"}}},
			failure: "route 0 5.4.4 true ", err: ErrOutsideLoopback,
		},
		"no more than eight addresses": {
			net: &internet{mx: hosts("a.test"), addrs: map[string][]string{"a.test": {"127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1",
				"127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1"}}},
			failure: "connect 0 4.4.1 false ", dialled: slices.Repeat([]string{"127.0.0.1"}, 8),
		},
		"null MX":        {net: &internet{null: true}, failure: "route 0 5.1.10 true domain_null_mx", err: ErrNullMX},
		"no such domain": {net: &internet{mxErr: &dnsclient.Error{Err: dnsclient.ErrNoDomain}}, failure: "dns 0 5.1.2 true domain_nxdomain", err: dnsclient.ErrNoDomain},
		"no mail host":   {net: &internet{mxErr: &dnsclient.Error{Err: dnsclient.ErrNoMailHost}}, failure: "dns 0 5.1.2 true domain_no_mail_host", err: dnsclient.ErrNoMailHost},
		"DNS trouble":    {net: &internet{mxErr: &dnsclient.Error{Err: errors.New("answered SERVFAIL"), Temporary: true}}, failure: "dns 0 4.4.3 false dns_temporary"},
		"no mail host has a name": {
			net:     &internet{mx: hosts("a.test", "b.test"), addrs: map[string][]string{"a.test": {""}}},
			failure: "dns 0 5.1.2 true domain_no_mail_host",
		},
		"one mail host has no name, the other is unknown": {
			net:     &internet{mx: hosts("a.test", "b.test"), addrs: map[string][]string{"a.test": {""}, "b.test": {"servfail"}}},
			failure: "dns 0 4.4.3 false dns_temporary",
		},
		"outside loopback": {
			net:     &internet{mx: hosts("a.test"), addrs: map[string][]string{"a.test": {"192.0.2.1"}}, hosts: map[string][]string{"192.0.2.1": good}},
			failure: "route 0 5.4.4 true ", err: ErrOutsideLoopback,
		},
		"encryption from the host that has it": {
			net: &internet{mx: hosts("a.test", "mx.two.test"), addrs: map[string][]string{"a.test": {"127.0.0.1"}, "mx.two.test": {"127.0.0.2"}}, hosts: map[string][]string{
				"127.0.0.1": {"S: 220 mx", "C: EHLO out.test", "S: 250 mx"},
				"127.0.0.2": {"S: 220 mx", "C: EHLO out.test", "S: 250-mx", "S: 250 STARTTLS", "C: STARTTLS", "S: 220 go", "starttls", "C: EHLO out.test", "S: 250 mx", "C: QUIT", "S: 221 bye"},
			}},
			dialer: &Dialer{TLS: TLSPolicy{Mode: TLSVerified, Roots: roots()}},
			host:   "mx.two.test", dialled: []string{"127.0.0.1", "127.0.0.2"},
		},
		"certificate of another host": {
			net: &internet{mx: hosts("a.test"), addrs: three, hosts: map[string][]string{
				"127.0.0.1": {"S: 220 mx", "C: EHLO out.test", "S: 250-mx", "S: 250 STARTTLS", "C: STARTTLS", "S: 220 go", "starttls"},
			}},
			dialer:  &Dialer{TLS: TLSPolicy{Mode: TLSVerified, Roots: roots()}},
			failure: "starttls 0 4.7.5 false ", dialled: []string{"127.0.0.1"},
		},
		"only the hosts of the policy": {
			net:    &internet{mx: hosts("a.test", "b.mail.test"), addrs: map[string][]string{"b.mail.test": {"127.0.0.2"}}, hosts: map[string][]string{"127.0.0.2": good}},
			dialer: &Dialer{TLS: TLSPolicy{Hosts: []string{"*.mail.test"}}},
			host:   "b.mail.test", dialled: []string{"127.0.0.2"},
		},
		"no host of the policy": {
			net:     &internet{mx: hosts("a.test"), addrs: three, hosts: map[string][]string{"127.0.0.1": good}},
			dialer:  &Dialer{TLS: TLSPolicy{Hosts: []string{"*.a.test", "b.test"}}},
			failure: "route 0 4.7.5 false ", err: ErrHostNotIn,
		},
		"a policy of the domain's own": {
			net: &internet{mx: hosts("a.test"), addrs: three, hosts: map[string][]string{"127.0.0.1": good}},
			dialer: &Dialer{TLSFor: func(_ context.Context, domain string) (TLSPolicy, bool) {
				return TLSPolicy{Mode: TLSVerified}, domain == "two.test"
			}},
			failure: "starttls 0 4.7.10 false ", err: ErrNoTLS, dialled: []string{"127.0.0.1"},
		},
		"never in the clear to this provider": {
			net:     &internet{mx: hosts("mx.a.test"), addrs: map[string][]string{"mx.a.test": {"127.0.0.1"}}, hosts: map[string][]string{"127.0.0.1": good}},
			dialer:  &Dialer{Encrypt: []string{"provider:a.test"}},
			failure: "starttls 0 4.7.10 false ", err: ErrNoTLS, dialled: []string{"127.0.0.1"},
		},
		"in the clear to another": {
			net:    &internet{mx: hosts("mx.a.test"), addrs: map[string][]string{"mx.a.test": {"127.0.0.1"}}, hosts: map[string][]string{"127.0.0.1": good}},
			dialer: &Dialer{Encrypt: []string{"provider:b.test", "*.two.test"}},
			host:   "mx.a.test", dialled: []string{"127.0.0.1"},
		},
		"a relay, whatever the domain's hosts": {
			net:    &internet{addrs: map[string][]string{"relay.test": {"127.0.0.9"}}, hosts: map[string][]string{"127.0.0.9": loggedIn}},
			dialer: &Dialer{Relays: relayed("*", Relay{Host: "relay.test", Port: 587, User: "ann", Password: "open sesame"})},
			host:   "relay.test", dialled: []string{"127.0.0.9"},
		},
		"a relay by its address that wants another dialogue": {
			net:    &internet{hosts: map[string][]string{"127.0.0.9": loggedInSlowly}},
			dialer: &Dialer{Relays: relayed("two.test", Relay{Host: "127.0.0.9", Port: 587, User: "ann", Password: "open sesame"})},
			host:   "127.0.0.9", dialled: []string{"127.0.0.9"},
		},
		"a relay that does not let us in": {
			net: &internet{hosts: map[string][]string{"127.0.0.9": {"S: 220 relay", "C: EHLO out.test", "S: 250-relay", "S: 250 AUTH PLAIN",
				"C: AUTH PLAIN AGFubgBvcGVuIHNlc2FtZQ==", "S: 535 5.7.8 wrong password"}}},
			dialer:  &Dialer{Relays: relayed("*", Relay{Host: "127.0.0.9", User: "ann", Password: "open sesame"})},
			failure: "auth 535 5.7.8 true ", dialled: []string{"127.0.0.9"},
		},
		"a relay with ways to log in that nobody knows": {
			net:     &internet{hosts: map[string][]string{"127.0.0.9": {"S: 220 relay", "C: EHLO out.test", "S: 250-relay", "S: 250 AUTH GSSAPI"}}},
			dialer:  &Dialer{Relays: relayed("*", Relay{Host: "127.0.0.9", User: "ann", Password: "open sesame"})},
			failure: "auth 0 4.7.0 false ", err: ErrNoAuth, dialled: []string{"127.0.0.9"},
		},
		"the hosts of a domain that no rule is about": {
			net:    &internet{mx: hosts("a.test"), addrs: three, hosts: map[string][]string{"127.0.0.1": good}},
			dialer: &Dialer{Relays: relayed("*.two.test", Relay{Host: "127.0.0.9"})},
			host:   "a.test", dialled: []string{"127.0.0.1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := tc.dialer
				if d == nil {
					d = new(Dialer)
				}
				d.LoopbackOnly = true
				host, f := tc.net.dial(t, d)
				close(tc.net.left)
				if f != nil {
					got := fmt.Sprintf("%s %d %s %v %s", f.Stage, f.Reply.Code, f.Reply.Enhanced, f.Permanent, f.Reason())
					if got != tc.failure || tc.err != nil && !errors.Is(f, tc.err) {
						t.Errorf("failure %q (%v), want %q", got, f, tc.failure)
					}
					if len(f.Reply.Lines) == 0 || f.Reply.Phase == "" {
						t.Errorf("a reply without words or phase: %+v", f.Reply)
					}
				}
				if host != tc.host {
					t.Errorf("session with %q (%v), want %q", host, f, tc.host)
				}
				if diff := cmp.Diff(tc.dialled, tc.net.dialled); diff != "" {
					t.Errorf("addresses (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestEqualHostsTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := internet{
			mx:    []dnsclient.MX{{Host: "a.test", Preference: 10}, {Host: "b.test", Preference: 10}, {Host: "c.test", Preference: 10}, {Host: "d.test", Preference: 20}},
			addrs: map[string][]string{"a.test": {"127.0.0.1"}, "b.test": {"127.0.0.2"}, "c.test": {"127.0.0.3"}, "d.test": {"127.0.0.4"}},
			hosts: map[string][]string{"127.0.0.1": good, "127.0.0.2": good, "127.0.0.3": good, "127.0.0.4": good},
		}
		d := Dialer{LoopbackOnly: true}
		first := make(map[string]int)
		for range 200 { // a host that is left out by chance: once in 10^34 runs
			host, _ := n.dial(t, &d)
			first[host]++
		}
		if len(first) != 3 || first["d.test"] != 0 {
			t.Errorf("first were %v", first)
		}
	})
}

func TestDNSThatHangsIsTemporary(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, n := range map[string]*internet{
			"MX":    {mxHangs: true},
			"Addrs": {mx: hosts("a.test"), addrs: map[string][]string{"a.test": {"hang"}}},
		} {
			_, f := n.dial(t, &Dialer{LoopbackOnly: true})
			if f.Permanent || f.Reason() != "dns_temporary" || !errors.Is(f, errDialBudget) {
				t.Errorf("%s: %v (permanent %v)", name, f, f.Permanent)
			}
		}
	})
}

func TestDialBudgetAndCancel(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		cancel time.Duration
		took   time.Duration
		want   error
	}{
		"budget": {took: time.Minute, want: errDialBudget},
		"cancel": {cancel: 20 * time.Second, took: 20 * time.Second, want: context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				silent := []string{"hang"}
				n := internet{
					mx:     hosts("a.test", "b.test", "c.test"),
					addrs:  map[string][]string{"a.test": {"127.0.0.1"}, "b.test": {"127.0.0.2"}, "c.test": {"127.0.0.3"}},
					hosts:  map[string][]string{"127.0.0.1": blackhole, "127.0.0.2": silent, "127.0.0.3": silent},
					played: make(chan error, 3), left: make(chan struct{}),
				}
				defer close(n.left)
				d := Dialer{LoopbackOnly: true, Resolver: &n, Connect: n.connect, Timeouts: Timeouts{Dial: time.Minute}}
				ctx := t.Context()
				if tc.cancel > 0 {
					var stop context.CancelFunc
					ctx, stop = context.WithCancel(ctx)
					defer time.AfterFunc(tc.cancel, stop).Stop()
				}
				started := time.Now()
				_, err := d.Dial(ctx, "two.test", TLSOpportunistic)
				f, ok := errors.AsType[*Failure](err)
				if !ok || f.Permanent || !errors.Is(err, tc.want) {
					t.Errorf("got %v, want %v", err, tc.want)
				}
				if took := time.Since(started); took != tc.took {
					t.Errorf("took %v, want %v", took, tc.took)
				}
			})
		})
	}
}

func TestSessionServes(t *testing.T) {
	t.Parallel()
	s := &Session{info: Info{Host: "b.test"}}
	if !s.serves(dnsclient.MXAnswer{Hosts: hosts("a.test", "b.test")}) || s.serves(dnsclient.MXAnswer{Hosts: hosts("a.test")}) {
		t.Error("a session serves the domains whose mail host it is with, and no other")
	}
	s.closed = true
	if s.serves(dnsclient.MXAnswer{Hosts: hosts("b.test")}) {
		t.Error("a closed session serves nobody")
	}
}

func TestNameWithoutHELO(t *testing.T) {
	t.Parallel()
	for local, want := range map[string]string{
		"192.0.2.1:1":          "[192.0.2.1]",
		"[::ffff:192.0.2.1]:1": "[192.0.2.1]",
		"[2001:db8::1]:1":      "[IPv6:2001:db8::1]",
		"[fe80::1%eth0]:1":     "[IPv6:fe80::1]",
	} {
		o := &opening{d: &Dialer{}, info: Info{Local: netip.MustParseAddrPort(local)}}
		if got := o.name(); got != want {
			t.Errorf("from %s we are %s, want %s", local, got, want)
		}
	}
}

func TestFailureSaysWhatAndWhere(t *testing.T) {
	t.Parallel()
	n := internet{mx: hosts("a.test"), addrs: map[string][]string{"a.test": {"127.0.0.1"}}}
	_, f := n.dial(t, &Dialer{LoopbackOnly: true})
	if got, want := f.Error(), "connect a.test (127.0.0.1:25) for two.test: 4.4.1 connection refused"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
