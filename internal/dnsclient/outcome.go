package dnsclient

import (
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// kind tells the outcomes of a lookup apart.
type kind uint8

const (
	some   kind = iota // records were found
	noData             // the name exists without records of this type
	noName             // the name does not exist
	failed             // nobody could say
	alias              // the answer ended at another name that must be asked for
)

// outcome is what one (name, type) came to. Only the slice of its type is set.
type outcome struct {
	kind    kind
	mx      []MX
	addrs   []netip.Addr
	txt     []string
	names   []string
	ad      bool
	ttl     time.Duration // as the records said
	expires time.Time
	target  string // for alias
	err     error  // for failed
}

// error returns the outcome as an [Error], or nil when records were found.
func (o outcome) error(name string, qtype uint16) error {
	e := &Error{Name: name, Type: dns.TypeToString[qtype]}
	switch o.kind {
	case some:
		return nil
	case noName:
		e.Err = ErrNoDomain
	case noData:
		e.Err = ErrNoRecords
	default:
		e.Err, e.Temporary = o.err, true
	}
	return e
}

// read takes the records of (name, qtype) out of a usable answer, following
// the aliases inside it.
func read(msg *dns.Msg, name string, qtype uint16) outcome {
	o := outcome{ttl: MaxTTL, ad: msg.AuthenticatedData}
	owner, aliases := name, 0
	for aliases <= maxCNAMEs {
		target, ttl, ok := cname(msg, owner)
		if !ok || qtype == dns.TypeCNAME {
			break
		}
		owner, aliases = target, aliases+1
		o.ttl = min(o.ttl, ttl)
	}
	for _, rr := range msg.Answer {
		if wire(rr.Header().Name) == owner && rr.Header().Rrtype == qtype && o.add(rr) {
			o.ttl = min(o.ttl, seconds(rr.Header().Ttl))
		}
	}
	negative, hasSOA := negativeTTL(msg)
	switch {
	case len(o.mx)+len(o.addrs)+len(o.txt)+len(o.names) > 0:
		o.kind = some
	case msg.Rcode == dns.RcodeNameError: // of the last name in the chain (RFC 6604 §3)
		o.kind, o.ttl = noName, min(o.ttl, negative)
	case aliases > 0 && !hasSOA:
		o.kind, o.target = alias, owner
	default:
		o.kind, o.ttl = noData, min(o.ttl, negative)
	}
	return o
}

// add keeps one record's data; false when it is of no use.
func (o *outcome) add(rr dns.RR) bool {
	switch rr := rr.(type) {
	case *dns.MX:
		o.mx = append(o.mx, MX{Host: wire(rr.Mx), Preference: rr.Preference})
	case *dns.A:
		addr, ok := netip.AddrFromSlice(rr.A.To4())
		if !ok {
			return false
		}
		o.addrs = append(o.addrs, addr)
	case *dns.AAAA:
		addr, ok := netip.AddrFromSlice(rr.AAAA.To16())
		if !ok {
			return false
		}
		o.addrs = append(o.addrs, addr.Unmap())
	case *dns.TXT:
		o.txt = append(o.txt, unescape(strings.Join(rr.Txt, "")))
	case *dns.PTR:
		o.names = append(o.names, wire(rr.Ptr))
	default:
		return false
	}
	return true
}

func cname(msg *dns.Msg, owner string) (target string, ttl time.Duration, ok bool) {
	for _, rr := range msg.Answer {
		if c, is := rr.(*dns.CNAME); is && wire(c.Hdr.Name) == owner {
			return wire(c.Target), seconds(c.Hdr.Ttl), true
		}
	}
	return "", 0, false
}

// negativeTTL is the smaller of the SOA record's own TTL and its MINIMUM field
// (RFC 2308 §5). Without SOA a negative answer should not be kept at all (§5),
// so it gets the least.
func negativeTTL(msg *dns.Msg) (ttl time.Duration, hasSOA bool) {
	for _, rr := range msg.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			return seconds(min(soa.Hdr.Ttl, soa.Minttl)), true
		}
	}
	return MinTTL, false
}

// seconds reads a TTL; one with the top bit set counts as 0 (RFC 2181 §8).
func seconds(ttl uint32) time.Duration {
	if ttl > 1<<31-1 {
		return 0
	}
	return time.Duration(ttl) * time.Second
}

// unescape undoes the presentation form in which the DNS library hands over
// TXT data: \DDD for bytes outside printable ASCII, \" and \\.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\\' || i+1 == len(s):
			b = append(b, s[i])
		case i+3 < len(s) && digit(s[i+1]) && digit(s[i+2]) && digit(s[i+3]):
			b = append(b, (s[i+1]-'0')*100+(s[i+2]-'0')*10+s[i+3]-'0')
			i += 3
		default:
			i++
			b = append(b, s[i])
		}
	}
	return string(b)
}

func digit(c byte) bool { return '0' <= c && c <= '9' }
