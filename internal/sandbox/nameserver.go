package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"

	"github.com/miekg/dns"
)

// nameserver answers for a zone over UDP and TCP on one port of 127.0.0.1.
type nameserver struct {
	zone     *zone
	before   func(dns.Question) // called with each question; may wait; may be nil
	servers  [2]*dns.Server
	addr     string
	finished sync.WaitGroup
}

// listenAttempts is how often a free port is looked for that is free everywhere.
const listenAttempts = 50

func startNameserver(z *zone, before func(dns.Question)) (*nameserver, error) {
	n := &nameserver{zone: z, before: before}
	for attempt := range listenAttempts {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("start the name server: %w", err)
		}
		udp, err := net.ListenPacket("udp", tcp.Addr().String())
		if err != nil {
			_ = tcp.Close()
			if errors.Is(err, syscall.EADDRINUSE) && attempt < listenAttempts-1 {
				continue
			}
			return nil, fmt.Errorf("start the name server: %w", err)
		}
		n.addr = tcp.Addr().String()
		n.servers = [2]*dns.Server{{Listener: tcp, Handler: n}, {PacketConn: udp, Handler: n}}
		break
	}
	var up sync.WaitGroup
	for _, s := range n.servers {
		up.Add(1)
		s.NotifyStartedFunc = up.Done
		n.finished.Go(func() { _ = s.ActivateAndServe() }) // it ends by Shutdown
	}
	up.Wait()
	return n, nil
}

func (n *nameserver) stop(ctx context.Context) error {
	err := errors.Join(n.servers[0].ShutdownContext(ctx), n.servers[1].ShutdownContext(ctx))
	n.finished.Wait()
	return err
}

// ServeDNS implements dns.Handler.
func (n *nameserver) ServeDNS(w dns.ResponseWriter, request *dns.Msg) {
	response := new(dns.Msg)
	response.SetReply(request)
	response.Authoritative = true
	response.RecursionAvailable = true // the sandbox is a resolver and all name servers in one
	size := dns.MinMsgSize
	if opt := request.IsEdns0(); opt != nil {
		size = max(size, int(opt.UDPSize()))
		response.SetEdns0(dns.DefaultMsgSize, false)
	}
	if len(request.Question) != 1 || request.Question[0].Qclass != dns.ClassINET {
		response.Rcode = dns.RcodeRefused
	} else {
		q := request.Question[0]
		if n.before != nil {
			n.before(q)
		}
		found, code, answered := n.zone.look(q.Name, q.Qtype)
		if !answered {
			return
		}
		response.Answer, response.Rcode = found, code
		if len(found) == 0 && code != dns.RcodeServerFailure {
			response.Ns = []dns.RR{n.zone.authority(q.Name)}
		}
	}
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
		response.Truncate(size)
	}
	_ = w.WriteMsg(response) // whoever asked has gone
}

// authority is the SOA record that says how long a negative answer may be
// kept (RFC 2308 §5).
func (z *zone) authority(name string) dns.RR {
	labels := dns.SplitDomainName(name)
	top := "."
	if len(labels) > 0 {
		top = labels[len(labels)-1] + "."
	}
	seconds := uint32(z.ttl.Seconds())
	return &dns.SOA{
		Hdr: z.header(top, dns.TypeSOA), Ns: "ns.sandbox.invalid.", Mbox: "hostmaster.sandbox.invalid.",
		Serial: 1, Refresh: seconds, Retry: seconds, Expire: seconds, Minttl: seconds,
	}
}
