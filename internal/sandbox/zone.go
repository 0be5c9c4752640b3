package sandbox

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// zone is everything that the name server knows. It is safe for use by several
// goroutines.
type zone struct {
	ttl     time.Duration
	broken  map[string]SpecialKind // domains whose servers fail or never answer, with all below them
	mu      sync.RWMutex
	records map[string][]dns.RR // by lower-case name with final dot; guarded by mu
	parents map[string]bool     // names that have names below them; guarded by mu
}

// newZone fills a zone from a file; addresses gives the address of each MX host.
func newZone(f *File, addresses map[string]netip.Addr) *zone {
	z := &zone{ttl: f.ttl(), broken: map[string]SpecialKind{}, records: map[string][]dns.RR{}, parents: map[string]bool{}}
	for i := range f.Providers {
		z.addProvider(&f.Providers[i], addresses)
	}
	for _, s := range f.DNS.Special {
		z.addSpecial(f, s, addresses)
	}
	for _, text := range f.DNS.Records {
		if rr, err := parseRecord(text, z.ttl); err == nil { // the check has read it already
			z.add(rr)
		}
	}
	return z
}

func (z *zone) addProvider(p *Provider, addresses map[string]netip.Addr) {
	hosts := p.HostNames()
	for _, name := range hosts {
		z.addAddress(name, addresses[name])
		if reverse, err := dns.ReverseAddr(addresses[name].String()); err == nil {
			z.add(&dns.PTR{Hdr: z.header(reverse, dns.TypePTR), Ptr: dns.Fqdn(name)})
		}
	}
	for _, domain := range p.AllDomains() {
		for i, host := range hosts {
			z.addMX(domain, host, p.preference(i))
		}
	}
}

// deadAddress is a loopback address at which nobody listens.
var deadAddress = netip.MustParseAddr("127.254.254.254")

func (z *zone) addSpecial(f *File, s Special, addresses map[string]netip.Addr) {
	switch s.Kind {
	case ServFail, NoAnswer:
		z.broken[dns.Fqdn(s.Domain)] = s.Kind
	case NullMX:
		z.add(&dns.MX{Hdr: z.header(s.Domain, dns.TypeMX), Preference: 0, Mx: "."})
	case ImplicitMX:
		z.addAddress(s.Domain, addresses[f.provider(s.Provider).HostNames()[0]])
	case DeadMX:
		z.addMX(s.Domain, "nowhere."+s.Domain, 10)
	case Unroutable:
		z.addMX(s.Domain, "mx."+s.Domain, 10)
		z.addAddress("mx."+s.Domain, deadAddress)
	case NXDomain: // nothing to know
	}
}

func (z *zone) header(name string, kind uint16) dns.RR_Header {
	return dns.RR_Header{Name: dns.Fqdn(name), Rrtype: kind, Class: dns.ClassINET, Ttl: uint32(z.ttl.Seconds())}
}

func (z *zone) addMX(domain, host string, preference int) {
	z.add(&dns.MX{Hdr: z.header(domain, dns.TypeMX), Preference: uint16(preference), Mx: dns.Fqdn(host)})
}

func (z *zone) addAddress(name string, a netip.Addr) {
	z.add(&dns.A{Hdr: z.header(name, dns.TypeA), A: net.IP(a.AsSlice())})
}

func (z *zone) add(rr dns.RR) {
	z.mu.Lock()
	defer z.mu.Unlock()
	name := strings.ToLower(rr.Header().Name)
	z.records[name] = append(z.records[name], rr)
	for _, at := range dns.Split(name)[1:] {
		z.parents[name[at:]] = true
	}
}

// maxChain bounds how many aliases are followed.
const maxChain = 8

// look returns what the zone holds for a question: the records (aliases first)
// and the response code. No answer at all is meant when answered is false.
func (z *zone) look(name string, kind uint16) (found []dns.RR, code int, answered bool) {
	name = strings.ToLower(dns.Fqdn(name))
	for domain, how := range z.broken {
		if dns.IsSubDomain(domain, name) {
			return nil, dns.RcodeServerFailure, how != NoAnswer
		}
	}
	z.mu.RLock()
	defer z.mu.RUnlock()
	for range maxChain {
		records, exists := z.records[name]
		if !exists && !z.parents[name] {
			if len(found) > 0 {
				return found, dns.RcodeSuccess, true // an alias that leads nowhere
			}
			return nil, dns.RcodeNameError, true
		}
		alias := ""
		for _, rr := range records {
			if rr.Header().Rrtype == kind {
				found = append(found, rr)
			}
			if c, ok := rr.(*dns.CNAME); ok && kind != dns.TypeCNAME {
				found = append(found, rr)
				alias = strings.ToLower(c.Target)
			}
		}
		if alias == "" {
			break
		}
		name = alias
	}
	return found, dns.RcodeSuccess, true
}

// texts returns the TXT records of a name, each as one string. It is the
// look-up of DKIM keys.
func (z *zone) texts(name string) ([]string, error) {
	found, code, _ := z.look(name, dns.TypeTXT)
	var out []string
	for _, rr := range found {
		if t, ok := rr.(*dns.TXT); ok {
			out = append(out, strings.Join(t.Txt, ""))
		}
	}
	if len(out) == 0 {
		return nil, &net.DNSError{Err: dns.RcodeToString[code], Name: name, IsNotFound: code != dns.RcodeServerFailure, IsTemporary: code == dns.RcodeServerFailure}
	}
	return out, nil
}

// address returns the address of a name, aliases followed.
func (z *zone) address(name string) (netip.Addr, error) {
	found, _, _ := z.look(name, dns.TypeA)
	for _, rr := range found {
		if a, ok := rr.(*dns.A); ok {
			if out, ok := netip.AddrFromSlice(a.A.To4()); ok {
				return out, nil
			}
		}
	}
	return netip.Addr{}, fmt.Errorf("%s has no address in the sandbox's DNS", name)
}
