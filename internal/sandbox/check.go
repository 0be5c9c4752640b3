package sandbox

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/strictyaml"
)

// checker finds mistakes of meaning in a file that was read.
type checker struct {
	file      *File
	positions *strictyaml.Positions
	problems  []Problem

	domains map[string]string // domain → path of what it belongs to
	hosts   map[string]string // MX host name → path of the provider
}

// check returns every mistake of meaning in the file.
func (f *File) check(positions *strictyaml.Positions) []Problem {
	c := &checker{file: f, positions: positions, domains: map[string]string{}, hosts: map[string]string{}}
	if len(f.Providers) == 0 {
		c.fault("providers", "is missing; describe at least one provider")
	}
	c.providers()
	c.people("people", &f.People)
	c.special()
	c.records()
	c.contacts()
	return c.problems
}

func (c *checker) fault(path, format string, args ...any) {
	c.problems = append(c.problems, c.positions.Problem(path, format, args...))
}

// Bounds of a provider: each host needs an address and a socket, and a mistyped
// number of domains should not fill the memory.
const (
	maxHosts  = 50
	maxSeries = 10_000
)

func (c *checker) providers() {
	names := map[string]bool{}
	total := 0.0
	for i := range c.file.Providers {
		p := &c.file.Providers[i]
		path := fmt.Sprintf("providers[%d]", i)
		switch {
		case p.Name == "":
			c.fault(path+".name", "is missing; give the provider a name")
		case names[p.Name]:
			c.fault(path+".name", "%q is the name of two providers; change one", p.Name)
		}
		names[p.Name] = true
		c.providerDomains(path, p)
		c.providerHosts(path, p)
		c.without(path, p)
		if total += float64(p.Share); total > 1+1e-9 {
			c.fault(path+".share", "brings the shares of the providers to %.4g%%, more than 100%%", total*100)
		}
		if p.People != nil {
			c.people(path+".people", p.People)
		}
		for _, problem := range p.Check(len(p.HostNames())) {
			c.fault(path+"."+problem.Path, "%s", problem.Text)
		}
	}
	c.everyoneHasAProvider(total)
}

// everyoneHasAProvider faults shares that leave contacts over.
func (c *checker) everyoneHasAProvider(total float64) {
	for i := range c.file.Providers {
		if c.file.Providers[i].Share == 0 {
			return // takes what is left
		}
	}
	if len(c.file.Providers) > 0 && total < 1-1e-9 {
		c.fault("providers", "have %.4g%% of the contacts together and every one has a share; make it 100%%, or leave out one share, which then takes the rest", total*100)
	}
}

func (c *checker) providerDomains(path string, p *Provider) {
	if len(p.Domains) == 0 && p.Series == nil {
		c.fault(path+".domains", "is missing; write the domains of its recipients, e.g. [northmail.test]")
	}
	for i, d := range p.Domains {
		c.domain(fmt.Sprintf("%s.domains[%d]", path, i), d)
	}
	if s := p.Series; s != nil {
		at := path + ".series"
		if strings.Count(s.Pattern, "{n}") != 1 {
			c.fault(at+".pattern", `%q does not hold {n} once; write e.g. "branch{n}.test"`, s.Pattern)
			return
		}
		if s.Count < 1 || s.Count > maxSeries {
			c.fault(at+".count", "is %d; write a number of domains from 1 to %d", s.Count, maxSeries)
			return
		}
		for n := range s.Count {
			if !c.domain(at+".pattern", s.domain(n+1)) {
				return // the others are wrong in the same way
			}
		}
	}
	for _, address := range slices.Sorted(maps.Keys(p.Mailboxes.Named)) {
		_, domain, _ := strings.Cut(address, "@")
		if !slices.Contains(p.AllDomains(), domain) {
			c.fault(path+".mailboxes.named."+address, "%s is not a domain of this provider", domain)
		}
	}
}

// domain checks a domain and that nothing else has it.
func (c *checker) domain(path, name string) bool {
	if why := badName(name); why != "" {
		c.fault(path, "%s", why)
		return false
	}
	if where, taken := c.domains[name]; taken {
		c.fault(path, "%s stands at %s already; a domain has one owner", name, where)
		return false
	}
	c.domains[name] = path
	return true
}

func (c *checker) providerHosts(path string, p *Provider) {
	h := p.Hosts
	if h.Count < 0 || h.Count > maxHosts {
		c.fault(path+".hosts.count", "is %d; write a number from 1 to %d", h.Count, maxHosts)
		return
	}
	if h.Count > 0 && len(h.Names) > h.Count {
		c.fault(path+".hosts.names", "has %d names for %d hosts", len(h.Names), h.Count)
	}
	names := p.HostNames()
	if len(h.Preferences) > len(names) {
		c.fault(path+".hosts.preferences", "has %d preferences for %d hosts", len(h.Preferences), len(names))
	}
	for i, pref := range h.Preferences {
		if pref < 0 || pref > 65535 {
			c.fault(fmt.Sprintf("%s.hosts.preferences[%d]", path, i), "is %d; write a number from 0 to 65535", pref)
		}
	}
	for i, name := range names {
		at := fmt.Sprintf("%s.hosts.names[%d]", path, i)
		if why := badName(name); why != "" && i < len(h.Names) {
			c.fault(at, "%s", why)
			continue
		}
		if where, taken := c.hosts[name]; taken {
			c.fault(at, "%s is a host of %s already; a host has one owner", name, where)
		}
		c.hosts[name] = path
	}
}

func (c *checker) without(path string, p *Provider) {
	seen := map[Extension]bool{}
	for i, e := range p.Without {
		at := fmt.Sprintf("%s.without[%d]", path, i)
		switch {
		case !slices.Contains(extensions, e):
			c.fault(at, "%q is not an extension that can be switched off; write %s", e, words(extensions))
		case seen[e]:
			c.fault(at, "%s occurs twice", e)
		}
		seen[e] = true
	}
}

func (c *checker) people(path string, p *People) {
	if p.Unsubscribe+p.Later > 1+1e-9 {
		c.fault(path, "more than 100%% unsubscribe; unsubscribe and later add up to at most 100%%")
	}
	for key, d := range map[string]time.Duration{"after": p.After, "within": p.Within} {
		if d < 0 {
			c.fault(path+"."+key, "must not be negative")
		}
	}
}

// badName says what is wrong with a domain or host name, or nothing.
func badName(name string) string {
	labels := strings.Split(name, ".")
	if len(labels) < 2 || len(name) > 253 {
		return fmt.Sprintf("%q is not a domain; write e.g. northmail.test", name)
	}
	for _, l := range labels {
		plain := func(r rune) bool { return r == '-' || (r >= '0' && r <= '9') || (r >= 'a' && r <= 'z') }
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || strings.ContainsFunc(l, func(r rune) bool { return !plain(r) }) {
			return fmt.Sprintf("%q is not a domain; labels consist of a to z, 0 to 9 and inner dashes, in lower case", name)
		}
	}
	if !reserved(name) {
		return fmt.Sprintf("%q could be somebody's real domain; use one that ends in .test, .example or .invalid (RFC 2606)", name)
	}
	return ""
}

// reserved reports whether a name ends in a top-level domain that can never
// belong to anybody (RFC 2606 §2).
func reserved(name string) bool {
	for _, tld := range []string{".test", ".example", ".invalid"} {
		if strings.HasSuffix(name, tld) {
			return true
		}
	}
	return false
}

// words lists the values of a type of text.
func words[T ~string](all []T) string {
	out := make([]string, len(all))
	for i, w := range all {
		out[i] = string(w)
	}
	return strings.Join(out, ", ")
}
