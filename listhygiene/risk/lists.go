package risk

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/headwaymail/headway/listhygiene/address"
)

// Set is a set of domains as lower-case A-labels.
type Set map[string]struct{}

// Lists holds the domains that an address is compared with.
type Lists struct {
	Disposable Set
	Free       Set
	// Roles are local parts that count as shared roles beside the built-in ones,
	// as a public list names them. May be nil.
	Roles map[string]bool
}

//go:embed disposable.txt
var disposableSeed string

//go:embed free.txt
var freeSeed string

// SeedLists returns the small lists that the program brings along: the best
// known services, enough to start with.
func SeedLists() Lists {
	return Lists{Disposable: mustSet(disposableSeed), Free: mustSet(freeSeed)}
}

// mustSet reads a list that is part of the program.
func mustSet(list string) Set {
	set, _, err := ReadSet(strings.NewReader(list))
	if err != nil {
		panic(err) // the embedded list is malformed: no input can cause this
	}
	return set
}

// ReadSet reads a public list: one domain a line, with comments after # and
// empty lines. Lines that hold no domain are counted and left out. The error is
// that of r, or says that a file of several lines holds no domain at all.
func ReadSet(r io.Reader) (set Set, skipped int, err error) {
	set = Set{}
	policy := address.Policy{AllowReserved: true}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line, _, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "\ufeff"), "#")
		line = strings.TrimPrefix(strings.TrimSpace(line), "@")
		if line == "" {
			continue
		}
		domain, err := policy.ParseDomain(line)
		if err != nil {
			skipped++
			continue
		}
		set[domain] = struct{}{}
	}
	if err := lines.Err(); err != nil {
		return nil, skipped, fmt.Errorf("read list of domains: %w", err)
	}
	if len(set) == 0 && skipped > 0 {
		return nil, skipped, fmt.Errorf("read list of domains: none of %d lines is a domain; one domain a line is needed", skipped)
	}
	return set, skipped, nil
}

// Has reports whether the set holds a domain, or the domain that was registered
// above it: x.mailinator.com is mailinator.com.
func (s Set) Has(domain string) bool {
	if _, ok := s[domain]; ok {
		return true
	}
	if strings.Count(domain, ".") < 2 {
		return false
	}
	registered, err := publicsuffix.EffectiveTLDPlusOne(domain)
	if err != nil {
		return false
	}
	_, ok := s[registered]
	return ok
}

// IsDisposable reports whether a domain serves addresses that are thrown away.
// Relay services are none, whatever a public list says.
func (l Lists) IsDisposable(domain string) bool {
	return l.Disposable.Has(domain) && !IsRelayAlias(domain)
}

// IsFree reports whether a domain offers mailboxes to anyone. Subdomains of such
// a domain are its owner's and do not count.
func (l Lists) IsFree(domain string) bool {
	_, ok := l.Free[domain]
	return ok
}
