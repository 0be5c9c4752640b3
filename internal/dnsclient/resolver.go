package dnsclient

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// Bounds of what is remembered.
const (
	// MinTTL is the least time for which an answer or a failure is kept. It
	// keeps a TTL of 0, or dead servers, from turning every message into a
	// query; RFC 9520 asks for at least one second.
	MinTTL = 5 * time.Second
	// MaxTTL is the most: an MX that moves is noticed within a day, whatever its
	// old TTL promised.
	MaxTTL = 24 * time.Hour
	// MaxNegativeTTL bounds "there is none". RFC 2308 §5 finds one to three hours
	// sensible; one hour lets list hygiene's first second look be a real one.
	MaxNegativeTTL = time.Hour
)

const (
	defaultTimeout   = 3 * time.Second // of one try; recursive servers answer or give up within that
	defaultCacheSize = 1 << 15         // about 16 MB when full
	rounds           = 2               // every server is asked so many times
	maxCNAMEs        = 8               // as long as common recursive servers follow
	ednsSize         = 1232            // DNS Flag Day 2020: no IP fragments
)

// Config says whom to ask and what to keep. Its zero value asks the servers
// of /etc/resolv.conf.
type Config struct {
	// Servers are the recursive servers, in order of preference.
	// Defaults to those of /etc/resolv.conf.
	Servers []netip.AddrPort
	// LoopbackOnly refuses servers outside 127.0.0.0/8 and ::1, at construction
	// and again at the moment of connecting, and those of /etc/resolv.conf. The
	// sandbox sets it.
	LoopbackOnly bool
	// Timeout bounds one try at one server. Defaults to 3 s.
	Timeout time.Duration
	// CacheSize is the number of (name, type) answers kept; the least recently
	// used goes first. Defaults to 32,768.
	CacheSize int
	// Keep is the longest time for which an answer is kept, for who watches
	// records while somebody publishes them; at least [MinTTL]. Defaults to the
	// bounds above.
	Keep time.Duration
	// Now is the clock by which entries age. Defaults to time.Now.
	Now func() time.Time
}

// Resolver asks and remembers. It is safe for concurrent use and needs no
// closing: its queries end by themselves within their time-outs.
type Resolver struct {
	servers  []netip.AddrPort
	loopback bool
	timeout  time.Duration
	keep     time.Duration // 0: as long as the bounds allow
	now      func() time.Time
	cache    *cache
	flights  flights
	first    atomic.Int32 // index of the server that answered last, asked first
}

// New returns a resolver. It fails when no server is known, or when
// LoopbackOnly is set and the servers are not named or outside loopback.
func New(cfg Config) (*Resolver, error) {
	servers := cfg.Servers
	if len(servers) == 0 && cfg.LoopbackOnly {
		return nil, errors.New("no DNS server is set: the machine's own, even on loopback, would answer for the Internet")
	}
	if len(servers) == 0 {
		var err error
		if servers, err = systemServers("/etc/resolv.conf"); err != nil {
			return nil, err
		}
	}
	for _, s := range servers {
		if !s.IsValid() {
			return nil, errors.New("a DNS server has no valid address and port")
		}
		if cfg.LoopbackOnly && !s.Addr().Unmap().IsLoopback() {
			return nil, fmt.Errorf("DNS server %s is outside loopback, and only loopback is allowed here", s)
		}
	}
	r := &Resolver{servers: servers, loopback: cfg.LoopbackOnly, timeout: cfg.Timeout, keep: cfg.Keep, now: cfg.Now}
	if r.timeout <= 0 {
		r.timeout = defaultTimeout
	}
	if r.now == nil {
		r.now = time.Now
	}
	size := cfg.CacheSize
	if size <= 0 {
		size = defaultCacheSize
	}
	r.cache = newCache(size)
	return r, nil
}

// systemServers reads the nameserver lines of a resolv.conf.
func systemServers(path string) ([]netip.AddrPort, error) {
	conf, err := dns.ClientConfigFromFile(path)
	if err != nil {
		return nil, fmt.Errorf("DNS servers of this machine: %w", err)
	}
	var servers []netip.AddrPort
	for _, s := range conf.Servers {
		if addr, err := netip.ParseAddr(s); err == nil {
			servers = append(servers, netip.AddrPortFrom(addr, 53))
		}
	}
	if len(servers) == 0 {
		return nil, fmt.Errorf("%s names no DNS server: set the servers in the configuration", path)
	}
	return servers, nil
}

// lookup returns what is known of (name, qtype), from the cache or by asking.
// name is in wire form. Only the end of ctx makes an error here; a lookup that
// failed is an outcome, too, and cached.
func (r *Resolver) lookup(ctx context.Context, name string, qtype uint16) (outcome, error) {
	k := key{name, qtype}
	if o, ok := r.cache.get(k, r.now()); ok {
		return o, nil
	}
	return r.flights.do(ctx, k, func(ctx context.Context) outcome {
		// Another flight may have landed between the look into the cache and this one.
		if o, ok := r.cache.get(k, r.now()); ok {
			return o
		}
		o := r.resolve(ctx, name, qtype)
		if ctx.Err() == nil { // what an abandoned query found says nothing
			r.cache.put(k, o)
		}
		return o
	})
}

// resolve asks for name and follows aliases that the answer leaves open.
func (r *Resolver) resolve(ctx context.Context, name string, qtype uint16) outcome {
	ttl := MaxTTL
	ad := true
	for range maxCNAMEs {
		msg, err := r.exchange(ctx, name, qtype)
		if err != nil {
			return r.aged(outcome{kind: failed, err: err}, MinTTL)
		}
		found := read(msg, name, qtype)
		ttl, ad = min(ttl, found.ttl), ad && found.ad
		if found.kind != alias {
			found.ad = ad
			return r.aged(found, ttl)
		}
		name = found.target
	}
	return r.aged(outcome{kind: failed, err: errors.New("too many aliases (CNAME) in a row")}, MinTTL)
}

// aged sets when the outcome expires.
func (r *Resolver) aged(o outcome, ttl time.Duration) outcome {
	limit := MaxTTL
	if o.kind == noName || o.kind == noData {
		limit = MaxNegativeTTL
	}
	if r.keep > 0 {
		limit = min(limit, max(r.keep, MinTTL))
	}
	o.expires = r.now().Add(min(max(ttl, MinTTL), limit))
	return o
}
