package provider

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
)

//go:embed providers.yaml
var data []byte

// entry is one provider of providers.yaml.
type entry struct {
	Key        string   `yaml:"key"`
	Name       string   `yaml:"name"`
	MX         []string `yaml:"mx"`       // suffixes of host names
	CustomerIn string   `yaml:"customer"` // "domain", or a pattern with one group for the host; empty: none
	Limits     *Profile `yaml:"limits"`

	customerPattern *regexp.Regexp
}

// table is providers.yaml, ready to look up.
type table struct {
	entries  []*entry
	keys     map[string]*entry
	suffixes map[string]*entry
}

// known returns the built-in table. It is read once, on first use.
var known = sync.OnceValue(func() *table {
	t, err := parse(data)
	if err != nil {
		panic("built-in providers.yaml: " + err.Error()) // a test reads the file: never in a release
	}
	return t
})

func parse(data []byte) (*table, error) {
	t := &table{keys: map[string]*entry{}, suffixes: map[string]*entry{}}
	if err := yaml.UnmarshalWithOptions(data, &t.entries, yaml.Strict()); err != nil {
		return nil, err
	}
	for _, e := range t.entries {
		if t.keys[e.Key] != nil || e.Key == "" || e.Name == "" {
			return nil, fmt.Errorf("provider %q: key taken, or no key or name", e.Key)
		}
		t.keys[e.Key] = e
		for _, suffix := range e.MX {
			if other := t.suffixes[suffix]; other != nil {
				return nil, fmt.Errorf("suffix %s: of %s and of %s", suffix, other.Key, e.Key)
			}
			t.suffixes[suffix] = e
		}
		if e.CustomerIn != "" && e.CustomerIn != customerDomain {
			pattern, err := regexp.Compile(e.CustomerIn)
			if err != nil {
				return nil, fmt.Errorf("provider %s: customer: %w", e.Key, err)
			}
			if pattern.NumSubexp() != 1 {
				return nil, fmt.Errorf("provider %s: customer must be a pattern with one group", e.Key)
			}
			e.customerPattern = pattern
		}
	}
	return t, nil
}

// bySuffix returns the provider whose suffix a host name ends in, nil when there
// is none. The longest suffix wins.
func (t *table) bySuffix(host string) *entry {
	for name := host; name != ""; {
		if e := t.suffixes[name]; e != nil {
			return e
		}
		_, name, _ = strings.Cut(name, ".")
	}
	return nil
}

// customerDomain says that the recipient's domain is the customer.
const customerDomain = "domain"

// customer returns whose gateway the host is.
func (e *entry) customer(domain, host string) string {
	if e.CustomerIn == customerDomain {
		return domain
	}
	if e.customerPattern != nil {
		if m := e.customerPattern.FindStringSubmatch(host); m != nil {
			return m[1]
		}
	}
	return ""
}
