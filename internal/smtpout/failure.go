package smtpout

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/headwaymail/headway/internal/dnsclient"
	"github.com/headwaymail/headway/pacing/reply"
)

// Stage says how far the opening of a session got.
type Stage string

// The stages, in their order.
const (
	StageDNS      Stage = "dns"      // looking for mail hosts and their addresses
	StageRoute    Stage = "route"    // judging these: null MX, unroutable, not allowed
	StageConnect  Stage = "connect"  // TCP
	StageGreeting Stage = "greeting" // the server's first words
	StageEHLO     Stage = "ehlo"
	StageTLS      Stage = "starttls" // STARTTLS and the handshake
	StageAuth     Stage = "auth"     // logging in at a relay
)

// Reasons why a domain has no usable host, found with errors.Is in a [Failure].
// dnsclient's errors are found there, too.
var (
	// ErrNullMX says that the domain takes no mail (RFC 7505).
	ErrNullMX = errors.New("the domain says that it takes no mail (null MX)")
	// ErrUnroutable says that the mail hosts have addresses that no mail can be
	// sent to over the Internet: loopback, private, reserved.
	ErrUnroutable = errors.New("the address of the mail host is not reachable over the Internet")
	// ErrOutsideLoopback says that LoopbackOnly kept a connection from being made.
	ErrOutsideLoopback = errors.New("outside loopback, and only loopback is allowed here")
	// ErrWrongFamily says that the source address is IPv4 and the host's only IPv6, or the reverse.
	ErrWrongFamily = errors.New("the mail host has no address of the source's IP version")
)

// Failure says why no session could be opened. Of several hosts that failed it
// speaks of the one that says most; Earlier has the others.
type Failure struct {
	Domain string
	Stage  Stage
	Host   string         // empty when no host was known
	Addr   netip.AddrPort // zero when it was not connected to
	// Reply is the server's, or the failure in words with Code 0.
	Reply reply.Reply
	// Permanent says that it makes no sense to try again as things are: a
	// definite answer of the DNS, or a 5xx. Everything else may pass.
	Permanent bool
	Err       error // the cause; nil when Reply says it all
	Earlier   []*Failure
}

// Error returns "connect mx.example.test (127.0.0.2:25) for example.test: …".
func (f *Failure) Error() string {
	var b strings.Builder
	b.WriteString(string(f.Stage))
	if f.Host != "" {
		b.WriteString(" " + f.Host)
	}
	if f.Addr.IsValid() {
		fmt.Fprintf(&b, " (%s)", f.Addr)
	}
	return fmt.Sprintf("%s for %s: %s", b.String(), f.Domain, f.Reply)
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Reason returns list hygiene's word for a domain that cannot get mail:
// domain_nxdomain, domain_null_mx, domain_no_mail_host, mx_unroutable, or
// dns_temporary. It is empty when the trouble is of another kind.
func (f *Failure) Reason() string {
	switch {
	case f.Stage == StageDNS && !f.Permanent:
		return "dns_temporary"
	case !f.Permanent:
		return ""
	case errors.Is(f.Err, ErrNullMX):
		return "domain_null_mx"
	case errors.Is(f.Err, ErrUnroutable):
		return "mx_unroutable"
	case errors.Is(f.Err, dnsclient.ErrNoDomain) && f.Host == "":
		return "domain_nxdomain"
	case f.Stage == StageDNS:
		return "domain_no_mail_host"
	default:
		return ""
	}
}

// without makes a failure without reply. Its enhanced code tells the classifier
// what kind it is.
func without(stage Stage, enhanced string, err error) *Failure {
	f := &Failure{Stage: stage, Err: err, Permanent: strings.HasPrefix(enhanced, "5.")}
	phase := reply.PhaseConnect
	switch stage {
	case StageEHLO:
		phase = reply.PhaseEHLO
	case StageTLS:
		phase = reply.PhaseStartTLS
	case StageAuth:
		phase = reply.PhaseAuth
	}
	f.Reply = instead(phase, err)
	f.Reply.Enhanced = enhanced
	return f
}

// fromDNS makes a failure of a lookup, with the codes of RFC 3463. It is
// permanent only when the DNS said something definite.
func fromDNS(ctx context.Context, err error) *Failure {
	if ctx.Err() != nil {
		return without(StageDNS, "4.4.3", context.Cause(ctx))
	}
	for _, definite := range []error{dnsclient.ErrNoDomain, dnsclient.ErrNoRecords, dnsclient.ErrNoMailHost, dnsclient.ErrBadName} {
		if errors.Is(err, definite) {
			return without(StageDNS, "5.1.2", err)
		}
	}
	return without(StageDNS, "4.4.3", err)
}

// theHosts says whether the host is to blame, so that another should be tried
// first next time: neither our policy nor a refusal for good of all we send.
func (f *Failure) theHosts() bool {
	return f.Reply.Code/100 == 4 || f.Reply.Code == noMailHere || f.Reply.Code == 0 && f.Stage != StageTLS && f.Stage != StageAuth
}

// weight ranks failures by how much they say.
func (f *Failure) weight() int {
	switch {
	case f.Reply.Code != 0:
		return 5
	case f.Stage == StageTLS:
		return 4
	case f.Stage == StageEHLO || f.Stage == StageGreeting:
		return 3
	case f.Stage == StageConnect:
		return 2
	case !f.Permanent:
		return 1
	default:
		return 0
	}
}

// verdict joins the failures of all hosts into one. It is permanent only when
// all are: one host that may come back is enough to try again.
func verdict(domain string, failures []*Failure) *Failure {
	chosen, permanent := 0, true
	for i, f := range failures {
		f.Domain = domain
		permanent = permanent && f.Permanent
		if f.weight() > failures[chosen].weight() {
			chosen = i
		}
	}
	f := *failures[chosen]
	f.Permanent = permanent
	for i, other := range failures {
		if i != chosen {
			f.Earlier = append(f.Earlier, other)
		}
	}
	return &f
}
