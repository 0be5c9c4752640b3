package sandbox

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/headwaymail/headway/pacing/receiver"
)

// File is a whole simulated internet. docs/SANDBOX.md lists every field with
// type, unit, range, default and example.
type File struct {
	Seed      uint64     `yaml:"seed"`      // decides everything left to chance
	Providers []Provider `yaml:"providers"` // who receives mail
	DNS       DNS        `yaml:"dns"`       // names beside those of the providers
	List      Contacts   `yaml:"contacts"`  // the contact list
	People    People     `yaml:"people"`    // what readers do, for providers without people of their own
}

// Provider is one receiver of mail: its domains, its hosts, and how it behaves.
// The keys of [receiver.Spec] stand beside these.
type Provider struct {
	Name    string         `yaml:"name"`    // unique
	Domains []string       `yaml:"domains"` // of its recipients
	Series  *Series        `yaml:"series"`  // more domains of one pattern
	Hosts   Hosts          `yaml:"hosts"`   // its MX hosts
	Share   receiver.Share `yaml:"share"`   // of the good contacts; providers without one share the rest evenly
	Without []Extension    `yaml:"without"` // SMTP extensions that it does not offer
	People  *People        `yaml:"people"`  // its readers; default: those of the file

	receiver.Spec `yaml:",inline"`
}

// Series makes domains from a pattern: "branch{n}.test" with n from 1 to Count.
type Series struct {
	Pattern string `yaml:"pattern"` // holds {n}
	Count   int    `yaml:"count"`   // 1 to 10000
}

// Hosts are the MX hosts of a provider. Each gets an address of its own.
type Hosts struct {
	Count       int      `yaml:"count"`       // 1 to 50; default: as many as names, else 1
	Names       []string `yaml:"names"`       // default mx1, mx2, … under the first domain
	Preferences []int    `yaml:"preferences"` // of the MX records, in order; default 10 for all
}

// Extension is an SMTP extension that can be switched off.
type Extension string

// The extensions that a host offers unless told otherwise.
const (
	StartTLS   Extension = "STARTTLS" // with a certificate that the host signed itself
	Pipelining Extension = "PIPELINING"
	Chunking   Extension = "CHUNKING"
	EightBit   Extension = "8BITMIME"
	SMTPUTF8   Extension = "SMTPUTF8"
	Size       Extension = "SIZE"
)

var extensions = []Extension{StartTLS, Pipelining, Chunking, EightBit, SMTPUTF8, Size}

// DNS is what the name server knows beside the providers' domains and hosts.
type DNS struct {
	TTL     time.Duration `yaml:"ttl"`     // of every record and of negative answers; default 60s
	Records []string      `yaml:"records"` // "name TYPE value" as in a zone file, e.g. "sender.test TXT v=spf1 -all"
	Special []Special     `yaml:"special"` // domains that do not work as domains should
}

// Special is a domain with a peculiarity.
type Special struct {
	Domain   string      `yaml:"domain"`
	Kind     SpecialKind `yaml:"kind"`
	Provider string      `yaml:"provider"` // whose host takes the mail; implicit_mx only
	Contacts int         `yaml:"contacts"` // rows of the contact list at this domain
}

// SpecialKind is how a special domain misbehaves.
type SpecialKind string

// The kinds of special domains.
const (
	NXDomain   SpecialKind = "nxdomain"    // does not exist
	NullMX     SpecialKind = "null_mx"     // says that it takes no mail (RFC 7505)
	ServFail   SpecialKind = "servfail"    // its name servers fail
	NoAnswer   SpecialKind = "no_answer"   // its name servers never answer
	ImplicitMX SpecialKind = "implicit_mx" // has no MX, only an address: mail goes there (RFC 5321 §5.1)
	DeadMX     SpecialKind = "dead_mx"     // its MX has no address
	Unroutable SpecialKind = "unroutable"  // nobody listens at its MX
)

var specialKinds = []SpecialKind{NXDomain, NullMX, ServFail, NoAnswer, ImplicitMX, DeadMX, Unroutable}

// Contacts describes the contact list, a CSV file with one row a contact.
type Contacts struct {
	Count      int             `yaml:"count"`      // rows, bad ones and duplicates included
	Fields     []Field         `yaml:"fields"`     // columns after email; default first_name, last_name, city
	Bad        map[RowKind]int `yaml:"bad"`        // rows with something wrong, by kind
	Duplicates int             `yaml:"duplicates"` // rows whose address stands in another row, half of them in other case
}

// Field is a column of the contact list.
type Field string

// The columns that can be filled.
const (
	FirstName Field = "first_name"
	LastName  Field = "last_name"
	City      Field = "city"
	Language  Field = "language" // two letters
	Joined    Field = "joined"   // a date
	Plan      Field = "plan"     // free, basic or pro
)

var fields = []Field{FirstName, LastName, City, Language, Joined, Plan}

// People says what readers do with a newsletter. Who does it is decided by a
// hash of the address and the seed.
type People struct {
	Unsubscribe receiver.Share `yaml:"unsubscribe"` // unsubscribe with one click after reading their first message
	After       time.Duration  `yaml:"after"`       // how long after receiving it, at least; default 1s
	Within      time.Duration  `yaml:"within"`      // up to this is added at random; default 5s
	Later       receiver.Share `yaml:"later"`       // unsubscribe from their first message when told to, in the middle of another
}

// providerSeed is the seed of one provider: it depends on the name alone, so
// that adding a provider changes no other.
func (f *File) providerSeed(name string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return f.Seed ^ h.Sum64()
}

// AllDomains returns the provider's own domains and those of its series.
func (p *Provider) AllDomains() []string {
	out := append([]string(nil), p.Domains...)
	if p.Series != nil {
		for n := range min(p.Series.Count, maxSeries) {
			out = append(out, p.Series.domain(n+1))
		}
	}
	return out
}

// domain returns the n-th domain of the series.
func (s *Series) domain(n int) string {
	return strings.Replace(s.Pattern, "{n}", strconv.Itoa(n), 1)
}

// HostNames returns the names of the provider's MX hosts.
func (p *Provider) HostNames() []string {
	out := append([]string(nil), p.Hosts.Names...)
	domain := ""
	if all := p.AllDomains(); len(all) > 0 {
		domain = all[0]
	}
	for n := len(out) + 1; n <= min(max(1, p.Hosts.Count), maxHosts); n++ {
		out = append(out, fmt.Sprintf("mx%d.%s", n, domain))
	}
	return out
}

// preference returns the MX preference of the host with this index.
func (p *Provider) preference(host int) int {
	if host < len(p.Hosts.Preferences) {
		return p.Hosts.Preferences[host]
	}
	return 10
}

// people returns what the provider's readers do, with defaults filled in.
func (f *File) people(p *Provider) People {
	out := f.People
	if p.People != nil {
		out = *p.People
	}
	if out.After == 0 {
		out.After = time.Second
	}
	if out.Within == 0 {
		out.Within = 5 * time.Second
	}
	return out
}

// ttl returns the TTL of every record.
func (f *File) ttl() time.Duration {
	if f.DNS.TTL == 0 {
		return time.Minute
	}
	return f.DNS.TTL
}
