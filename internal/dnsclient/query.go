package dnsclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

// exchange asks the servers, beginning with the one that answered last, until
// one gives a usable answer: NOERROR or NXDOMAIN. It returns the last failure
// when none does.
func (r *Resolver) exchange(ctx context.Context, name string, qtype uint16) (*dns.Msg, error) {
	first := int(r.first.Load())
	var last error
	for i := range rounds * len(r.servers) {
		n := (first + i) % len(r.servers)
		msg, err := r.ask(ctx, r.servers[n], name, qtype)
		if err == nil {
			r.first.Store(int32(n))
			return msg, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		last = fmt.Errorf("server %s: %w", r.servers[n], err)
	}
	return nil, last
}

// ask puts the question to one server, by UDP first.
func (r *Resolver) ask(ctx context.Context, server netip.AddrPort, name string, qtype uint16) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	query := question(name, qtype)
	answer, err := r.roundTrip(ctx, "udp", server, query)
	// A server that knows no EDNS0 says FORMERR or NOTIMP (RFC 6891 §7).
	if err == nil && (answer.Rcode == dns.RcodeFormatError || answer.Rcode == dns.RcodeNotImplemented) {
		query.Extra = nil
		answer, err = r.roundTrip(ctx, "udp", server, query)
	}
	if err == nil && answer.Truncated {
		answer, err = r.roundTrip(ctx, "tcp", server, query)
	}
	if err != nil {
		return nil, err
	}
	return answer, usable(answer)
}

func question(name string, qtype uint16) *dns.Msg {
	query := new(dns.Msg)
	query.SetQuestion(dns.Fqdn(name), qtype)
	query.AuthenticatedData = true // "tell me whether you validated it" (RFC 6840 §5.7)
	query.SetEdns0(ednsSize, false)
	return query
}

// usable refuses answers from which nothing can be concluded.
func usable(m *dns.Msg) error {
	if m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
		return fmt.Errorf("answered %s", rcode(m.Rcode))
	}
	if m.Truncated {
		return errors.New("cut its answer over TCP, too")
	}
	// A referral: the server neither knows nor asks for us.
	if _, hasSOA := negativeTTL(m); m.Rcode == dns.RcodeSuccess && len(m.Answer) == 0 && len(m.Ns) > 0 && !hasSOA && !m.Authoritative {
		return errors.New("answered with a referral: it does not resolve for us")
	}
	return nil
}

func rcode(code int) string {
	if s, ok := dns.RcodeToString[code]; ok {
		return s
	}
	return fmt.Sprintf("rcode %d", code)
}

// roundTrip sends one query and waits for its answer. Answers to anything else
// are dropped: on UDP they may be late ones, or forged.
func (r *Resolver) roundTrip(ctx context.Context, network string, server netip.AddrPort, query *dns.Msg) (*dns.Msg, error) {
	dialer := net.Dialer{Control: r.guard}
	raw, err := dialer.DialContext(ctx, network, server.String())
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	if deadline, ok := ctx.Deadline(); ok {
		raw.SetDeadline(deadline)
	}
	defer context.AfterFunc(ctx, func() { raw.SetDeadline(time.Unix(1, 0)) })()

	conn := &dns.Conn{Conn: raw, UDPSize: ednsSize}
	if err := conn.WriteMsg(query); err != nil {
		return nil, err
	}
	for {
		answer, err := conn.ReadMsg()
		switch {
		case err == nil && answers(answer, query):
			return answer, nil
		case err == nil && network == "udp":
			continue
		case err == nil:
			return nil, errors.New("answered another question")
		case network == "udp" && !isNetError(err):
			continue // rubbish in a datagram: the real answer may follow
		default:
			return nil, err
		}
	}
}

// answers says whether a belongs to q. Names are compared without case
// (RFC 4343). Some servers leave the question out of their error answers.
func answers(a, q *dns.Msg) bool {
	if !a.Response || a.Id != q.Id || len(a.Question) > 1 {
		return false
	}
	if len(a.Question) == 0 {
		return a.Rcode != dns.RcodeSuccess && a.Rcode != dns.RcodeNameError
	}
	asked, got := q.Question[0], a.Question[0]
	return got.Qtype == asked.Qtype && got.Qclass == asked.Qclass && wire(got.Name) == wire(asked.Name)
}

func isNetError(err error) bool {
	_, ok := errors.AsType[net.Error](err)
	return ok
}

// guard is the last look before a socket connects.
func (r *Resolver) guard(_, address string, _ syscall.RawConn) error {
	if !r.loopback {
		return nil
	}
	to, err := netip.ParseAddrPort(address)
	if err != nil || !to.Addr().Unmap().IsLoopback() {
		return fmt.Errorf("%s is outside loopback, and only loopback is allowed here", address)
	}
	return nil
}
