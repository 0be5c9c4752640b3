package sandbox

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

func (c *checker) special() {
	for i, s := range c.file.DNS.Special {
		path := fmt.Sprintf("dns.special[%d]", i)
		c.domain(path+".domain", s.Domain)
		if !slices.Contains(specialKinds, s.Kind) {
			c.fault(path+".kind", "%q is not a kind of special domain; write %s", s.Kind, words(specialKinds))
		}
		if s.Contacts < 0 {
			c.fault(path+".contacts", "must not be negative")
		}
		known := slices.ContainsFunc(c.file.Providers, func(p Provider) bool { return p.Name == s.Provider })
		switch {
		case s.Kind == ImplicitMX && !known:
			c.fault(path+".provider", "%q is not a provider; name the one whose host takes the mail", s.Provider)
		case s.Kind != ImplicitMX && s.Provider != "":
			c.fault(path+".provider", "has no effect; only implicit_mx has a provider")
		}
	}
	for i, s := range c.file.DNS.Special {
		for _, host := range slices.Sorted(maps.Keys(c.hosts)) {
			if s.Kind.hides() && under(host, s.Domain) {
				c.fault(fmt.Sprintf("dns.special[%d].domain", i), "the MX host %s is under %s and could not be found", host, s.Domain)
			}
		}
	}
}

// hides reports whether no name under such a domain can be looked up.
func (k SpecialKind) hides() bool { return k == NXDomain || k == ServFail || k == NoAnswer }

// under reports whether a name is a domain or below it.
func under(name, domain string) bool {
	return name == domain || strings.HasSuffix(name, "."+domain)
}

func (c *checker) records() {
	d := c.file.DNS
	if d.TTL != 0 && (d.TTL < time.Second || d.TTL > 24*time.Hour) {
		c.fault("dns.ttl", "is %s; write a time from 1s to 24h", d.TTL)
	}
	for i, text := range d.Records {
		path := fmt.Sprintf("dns.records[%d]", i)
		rr, err := parseRecord(text, c.file.ttl())
		if err != nil {
			c.fault(path, "%s", err)
			continue
		}
		name := strings.TrimSuffix(rr.Header().Name, ".")
		if !reserved(name) && !strings.HasSuffix(name, ".in-addr.arpa") {
			c.fault(path, "%q could be somebody's real name; use one that ends in .test, .example, .invalid or .in-addr.arpa", name)
		}
		c.owner(path, rr, name)
	}
}

// owner faults records that contradict what the file says elsewhere, or that
// lead off loopback.
func (c *checker) owner(path string, rr dns.RR, name string) {
	switch rr := rr.(type) {
	case *dns.MX:
		if where, taken := c.domains[name]; taken {
			c.fault(path, "%s has the MX records of %s already", name, where)
		}
	case *dns.A:
		if a, _ := netip.AddrFromSlice(rr.A.To4()); !a.IsLoopback() {
			c.fault(path, "%s is not on loopback; the sandbox only knows 127.0.0.0/8", rr.A)
		}
	case *dns.AAAA:
		if a, _ := netip.AddrFromSlice(rr.AAAA); !a.IsLoopback() {
			c.fault(path, "%s is not on loopback; the sandbox only knows ::1", rr.AAAA)
		}
	}
	for _, s := range c.file.DNS.Special {
		if s.Kind.hides() && under(name, s.Domain) {
			c.fault(path, "is never seen, since %s is %s", s.Domain, s.Kind)
		}
	}
}

// parseRecord reads "name TYPE value". A text need not be quoted.
func parseRecord(text string, ttl time.Duration) (dns.RR, error) {
	parts := strings.Fields(text)
	if len(parts) < 3 {
		return nil, fmt.Errorf("%q is not a record; write \"name TYPE value\", e.g. \"sender.test TXT v=spf1 -all\"", text)
	}
	name, kind := dns.Fqdn(strings.ToLower(parts[0])), strings.ToUpper(parts[1])
	rest := strings.TrimSpace(strings.TrimSpace(text)[len(parts[0]):])
	value := strings.TrimSpace(rest[len(parts[1]):])
	if kind == "TXT" && !strings.HasPrefix(value, `"`) {
		return textRecord(name, value, ttl), nil
	}
	rr, err := dns.NewRR(fmt.Sprintf("%s %d IN %s %s", name, int(ttl.Seconds()), kind, value))
	if err != nil || rr == nil {
		return nil, fmt.Errorf("%q is not a record; write \"name TYPE value\" as in a zone file: %v", text, err)
	}
	return rr, nil
}

// textRecord makes a TXT record, cut into strings of 255 octets (RFC 1035 §3.3).
func textRecord(name, value string, ttl time.Duration) *dns.TXT {
	rr := &dns.TXT{Hdr: dns.RR_Header{Name: dns.Fqdn(strings.ToLower(name)), Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: uint32(ttl.Seconds())}}
	for len(value) > 255 {
		rr.Txt = append(rr.Txt, value[:255])
		value = value[255:]
	}
	rr.Txt = append(rr.Txt, value)
	return rr
}

func (c *checker) contacts() {
	list := c.file.List
	if list.Count < 0 || list.Count > 100_000_000 {
		c.fault("contacts.count", "is %d; write a number of rows from 0 to 100000000", list.Count)
	}
	seen := map[Field]bool{}
	for i, f := range list.Fields {
		path := fmt.Sprintf("contacts.fields[%d]", i)
		switch {
		case !slices.Contains(fields, f):
			c.fault(path, "%q is not a column that can be filled; write %s", f, words(fields))
		case seen[f]:
			c.fault(path, "%s occurs twice", f)
		}
		seen[f] = true
	}
	used := list.Duplicates
	if list.Duplicates < 0 {
		c.fault("contacts.duplicates", "must not be negative")
	}
	for _, kind := range slices.Sorted(maps.Keys(list.Bad)) {
		path := "contacts.bad." + string(kind)
		if !slices.Contains(badKinds, kind) {
			c.fault(path, "%q is not a kind of bad row; write %s", kind, words(badKinds))
		}
		if list.Bad[kind] < 0 {
			c.fault(path, "must not be negative")
		}
		used += list.Bad[kind]
	}
	for _, s := range c.file.DNS.Special {
		used += s.Contacts
	}
	if used > 0 && used >= list.Count {
		c.fault("contacts", "has %d rows, but bad rows, duplicates and special domains take %d of them; raise count", list.Count, used)
	}
}
