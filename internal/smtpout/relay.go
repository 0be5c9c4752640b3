package smtpout

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/headwaymail/headway/internal/dnsclient"
	"github.com/headwaymail/headway/pacing/provider"
)

// Relay is a server that takes mail in place of the recipients' own mail hosts
// (a smarthost).
type Relay struct {
	Host     string // name or address
	Port     uint16
	Implicit bool // TLS from the first byte (RFC 8314 §3.3), not by STARTTLS
	TLS      TLSMode
	User     string // for AUTH; empty: none
	Password string
	Signs    bool // it signs what it takes (DKIM): messages go to it unsigned
}

// Key names the relay as a provider: it has a pace of its own.
func (r Relay) Key() string {
	return "relay:" + net.JoinHostPort(r.Host, strconv.Itoa(int(r.Port)))
}

// Name is for people.
func (r Relay) Name() string { return "Relay " + r.Host }

// RelayRule sends mail for some domains to a relay.
type RelayRule struct {
	// Match lists whose mail it takes: "*" for all, "example.test",
	// "*.example.test" for the domains below, "provider:google" for all domains
	// of a provider.
	Match []string
	Relay Relay
}

// ParseRelayRule reads a rule such as
//
//   - smtp+starttls://user:password@smtp.example.com:587
//     example.test *.example.test smtp://10.0.0.25
//     provider:google smtps://user@smtp.example.com?password_file=/run/secrets/relay
//
// The schemes are smtp (port 25, STARTTLS where it is offered), smtp+starttls
// (port 587, STARTTLS with a certificate that holds) and smtps (port 465, TLS
// from the first byte). "tls=required" wants encryption with whatever
// certificate, "tls=off" none. "signs=yes" says that the relay signs what it
// takes, so that messages go to it without a signature of ours. Errors never
// repeat the address: it may hold a password.
func ParseRelayRule(text string) (RelayRule, error) {
	words := strings.Fields(text)
	if len(words) < 2 {
		return RelayRule{}, errors.New(`a relay rule is a list of domains and an address, such as "* smtp+starttls://user:password@smtp.example.com:587"`)
	}
	rule := RelayRule{Match: words[:len(words)-1]}
	for i, match := range rule.Match {
		rule.Match[i] = strings.ToLower(match)
		if strings.Contains(match, "://") {
			return RelayRule{}, errors.New("a relay rule has one address, as its last word")
		}
	}
	u, err := url.Parse(words[len(words)-1])
	if err != nil || u.Hostname() == "" || u.Path != "" {
		return RelayRule{}, errors.New("the last word of a relay rule is not an address such as smtp://relay.example.com:25")
	}
	rule.Relay, err = relayAt(u)
	return rule, err
}

func relayAt(u *url.URL) (Relay, error) {
	r := Relay{Host: strings.ToLower(u.Hostname()), User: u.User.Username()}
	r.Password, _ = u.User.Password()
	switch u.Scheme {
	case "smtp":
		r.Port = 25
	case "smtp+starttls":
		r.Port, r.TLS = 587, TLSVerified
	case "smtps":
		r.Port, r.TLS, r.Implicit = 465, TLSVerified, true
	default:
		return r, fmt.Errorf("relay %s: %q is not smtp, smtp+starttls or smtps", r.Host, u.Scheme)
	}
	if port := u.Port(); port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return r, fmt.Errorf("relay %s: the port is not between 1 and 65535", r.Host)
		}
		r.Port = uint16(n)
	}
	for option, values := range u.Query() {
		switch value := values[len(values)-1]; {
		case option == "tls" && value == "required":
			r.TLS = TLSRequired
		case option == "tls" && value == "off" && !r.Implicit:
			r.TLS = TLSOff
		case option == "tls":
			return r, fmt.Errorf("relay %s: tls=%s is neither required nor off", r.Host, value)
		case option == "signs" && (value == "yes" || value == "no"):
			r.Signs = value == "yes"
		case option == "signs":
			return r, fmt.Errorf("relay %s: signs=%s is neither yes nor no", r.Host, value)
		case option == "password_file":
			text, err := os.ReadFile(value)
			if err != nil {
				return r, fmt.Errorf("relay %s: %w", r.Host, err)
			}
			r.Password = strings.TrimRight(string(text), "\r\n")
		default:
			return r, fmt.Errorf("relay %s: there is no option %q; there are tls, signs and password_file", r.Host, option)
		}
	}
	if (r.User == "") != (r.Password == "") {
		return r, fmt.Errorf("relay %s: user and password belong together", r.Host)
	}
	return r, nil
}

// Relays finds the relay of a domain, if it has one. The first rule that fits
// wins.
type Relays struct {
	Rules    []RelayRule
	Resolver Resolver // asked only where a rule names a provider
}

// For returns the relay that takes a domain's mail; ok is false when its own
// mail hosts do.
func (r *Relays) For(ctx context.Context, domain string) (relay Relay, ok bool, err error) {
	if r == nil || len(r.Rules) == 0 {
		return Relay{}, false, nil
	}
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	who := sync.OnceValue(func() string {
		var mx dnsclient.MXAnswer
		if mx, err = r.Resolver.MX(ctx, domain); dnsclient.Temporary(err) {
			return ""
		}
		err = nil // a domain without mail hosts is no provider's
		return identify(domain, mx)
	})
	for _, rule := range r.Rules {
		fit := fits(rule.Match, domain, who)
		if err != nil { // perhaps this rule, perhaps not
			return Relay{}, false, err
		}
		if fit {
			return rule.Relay, true, nil
		}
	}
	return Relay{}, false, nil
}

// fits says whether one of the patterns is about a domain. Its provider is asked
// for only when a pattern names one.
func fits(patterns []string, domain string, provider func() string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if key, names := strings.CutPrefix(pattern, "provider:"); names {
			return key == provider()
		}
		parent, below := strings.CutPrefix(pattern, "*.")
		return pattern == "*" || pattern == domain || below && strings.HasSuffix(domain, "."+parent)
	})
}

// identify returns the key of the provider with these mail hosts.
func identify(domain string, mx dnsclient.MXAnswer) string {
	hosts := make([]provider.Host, len(mx.Hosts))
	for i, h := range mx.Hosts {
		hosts[i] = provider.Host{Name: h.Host, Pref: h.Preference}
	}
	return provider.Identify(domain, hosts).Key
}
