package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/secret"
)

// Roles that a node can have.
var allRoles = []string{"web", "lanes", "bulk", "inbound"}

// Check returns an error that names the first setting that cannot be used, and
// says what to write instead.
func (c Config) Check() error {
	for _, check := range []func() error{c.checkNode, c.Database.check, c.checkWeb, c.checkSending, c.checkInbound, c.Health.check, c.checkDNS, c.Log.check} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c Config) checkNode() error {
	for _, role := range c.Roles {
		if !slices.Contains(allRoles, role) {
			return fmt.Errorf("roles: %q is not a role; choose from %s", role, strings.Join(allRoles, ", "))
		}
	}
	if len(c.Roles) == 0 {
		return fmt.Errorf("roles: at least one of %s is needed", strings.Join(allRoles, ", "))
	}
	if c.SecretKey == "" {
		return nil
	}
	_, err := secret.Open(c.SecretKey, c.Data)
	return err
}

// check looks at the URL's scheme only; it is not repeated in the error, since
// it may hold a password.
func (d Database) check() error {
	scheme, _, isURL := strings.Cut(d.URL, "://")
	switch {
	case d.URL == "", isURL && (scheme == "postgres" || scheme == "postgresql"), !isURL && strings.Contains(d.URL, "="):
	default:
		return fmt.Errorf("database.url: this is not the address of a Postgres database; write it like postgres://headway@db.internal/headway")
	}
	if d.Connections < 4 || d.Connections > 1000 {
		return fmt.Errorf("database.connections: %d is not between 4 and 1000", d.Connections)
	}
	return nil
}

func (c Config) checkWeb() error {
	if !isListenAddress(c.Web.Listen) {
		return fmt.Errorf("web.listen: %q is not an address such as 127.0.0.1:8080", c.Web.Listen)
	}
	if c.Web.PublicListen != "" && !isListenAddress(c.Web.PublicListen) {
		return fmt.Errorf("web.public_listen: %q is not an address such as 0.0.0.0:8081", c.Web.PublicListen)
	}
	if err := c.Web.checkTLS(); err != nil {
		return err
	}
	for _, text := range c.Web.TrustedProxies {
		if _, err := network(text); err != nil {
			return fmt.Errorf("web.trusted_proxies: %q is neither an address nor a network such as 10.0.0.0/8", text)
		}
	}
	if u, err := url.Parse(c.Web.TeamURL); c.Web.TeamURL != "" &&
		(err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.RawQuery != "" || u.Fragment != "") {
		return fmt.Errorf("web.team_url: %q is not a web address such as https://headway.example.com", c.Web.TeamURL)
	}
	if err := c.checkURL("web.public_url", c.Web.PublicURL); err != nil {
		return err
	}
	return c.checkURL("web.tracking_url", c.Web.TrackingURL)
}

// checkURL checks an address that readers are led to, if it is set.
func (c Config) checkURL(key, text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%s: %q is not a web address such as https://news.example.com", key, text)
	}
	if u.Scheme != "https" && !c.Sandbox.Enabled {
		return fmt.Errorf("%s: %q must begin with https:// (RFC 8058 asks for HTTPS in one-click links)", key, text)
	}
	return nil
}

func (w Web) checkTLS() error {
	switch w.TLS {
	case "off", "":
		if w.Certificate != "" || w.Key != "" {
			return fmt.Errorf("web.certificate and web.key are used with web.tls = \"files\" only")
		}
		if w.RedirectListen != "" {
			return fmt.Errorf("web.redirect_listen leads to https://, which web.tls = \"off\" leaves to your proxy; let that one redirect")
		}
	case "files":
		if w.Certificate == "" || w.Key == "" {
			return fmt.Errorf("web.tls = \"files\" needs web.certificate and web.key")
		}
	case "auto":
		if len(w.SecureNames()) == 0 {
			return fmt.Errorf("web.tls = \"auto\" gets certificates for the names in web.public_url and web.team_url; set one of them to an address that begins with https://")
		}
		if w.Certificate != "" || w.Key != "" {
			return fmt.Errorf("web.certificate and web.key are used with web.tls = \"files\" only")
		}
	default:
		return fmt.Errorf("web.tls: %q is not off, files or auto", w.TLS)
	}
	if w.RedirectListen != "" && !isListenAddress(w.RedirectListen) {
		return fmt.Errorf("web.redirect_listen: %q is not an address such as 0.0.0.0:80", w.RedirectListen)
	}
	return nil
}

// SecureNames returns the host names of public_url and team_url that are reached
// by HTTPS, each once.
func (w Web) SecureNames() []string {
	var names []string
	for _, text := range []string{w.PublicURL, w.TeamURL} {
		u, err := url.Parse(text)
		if err == nil && u.Scheme == "https" && u.Hostname() != "" && !slices.Contains(names, strings.ToLower(u.Hostname())) {
			names = append(names, strings.ToLower(u.Hostname()))
		}
	}
	return names
}

// Proxies returns the networks of trusted_proxies.
func (w Web) Proxies() []netip.Prefix {
	var proxies []netip.Prefix
	for _, text := range w.TrustedProxies {
		if p, err := network(text); err == nil {
			proxies = append(proxies, p)
		}
	}
	return proxies
}

// network reads an address or a network.
func network(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.Prefix(addr.BitLen())
	}
	return netip.ParsePrefix(text)
}

// isListenAddress reports whether text is a host, which may be empty, and the
// number of a port.
func isListenAddress(text string) bool {
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

func (c Config) checkSending() error {
	s := c.Sending
	if s.Lanes < 1 || s.Lanes > 5000 {
		return fmt.Errorf("sending.lanes: %d is not between 1 and 5000", s.Lanes)
	}
	if s.Timeout < time.Second {
		return fmt.Errorf("sending.timeout: %s is too short; receivers may take minutes (RFC 5321 allows 10)", s.Timeout)
	}
	if s.SMTPPort != 25 && !c.Sandbox.Enabled {
		return fmt.Errorf("sending.smtp_port: %d can only be used with sandbox.enabled: MX records carry no port, and mail servers listen on 25", s.SMTPPort)
	}
	if s.SMTPPort < 1 || s.SMTPPort > 65535 {
		return fmt.Errorf("sending.smtp_port: %d is not between 1 and 65535", s.SMTPPort)
	}
	if s.HELOName != "" && !isDomain(s.HELOName) {
		return fmt.Errorf("sending.helo_name: %q is not a name such as mail.example.com", s.HELOName)
	}
	if s.BounceDomain != "" && !isDomain(s.BounceDomain) {
		return fmt.Errorf("sending.bounce_domain: %q is not a domain such as bounces.example.com", s.BounceDomain)
	}
	if _, err := s.RelayRules(); err != nil {
		return err
	}
	if s.Source == "" {
		return nil
	}
	source, err := netip.ParseAddr(s.Source)
	if err != nil {
		return fmt.Errorf("sending.source: %q is not an IP address", s.Source)
	}
	if c.Sandbox.Enabled && !source.IsLoopback() {
		return fmt.Errorf("sending.source: %s is not a loopback address such as 127.0.0.1; with sandbox.enabled nothing leaves this machine", source)
	}
	return nil
}

func (c Config) checkInbound() error {
	i := c.Inbound
	if (i.Certificate == "") != (i.Key == "") {
		return fmt.Errorf("inbound.certificate and inbound.key belong together: set both or none")
	}
	if i.Listen == "" {
		return nil
	}
	if !isListenAddress(i.Listen) {
		return fmt.Errorf("inbound.listen: %q is not an address such as 0.0.0.0:25", i.Listen)
	}
	if c.Sending.BounceDomain == "" && !c.Sandbox.Enabled {
		return fmt.Errorf("inbound.listen: without sending.bounce_domain no mail comes back; set it, or leave inbound.listen empty")
	}
	host, _, _ := net.SplitHostPort(i.Listen)
	if ip, err := netip.ParseAddr(host); c.Sandbox.Enabled && (err != nil || !ip.IsLoopback()) {
		return fmt.Errorf("inbound.listen: %s is not a loopback address such as 127.0.0.1:2525; with sandbox.enabled nothing leaves this machine", i.Listen)
	}
	return nil
}

// domain has two labels at least, of letters, digits and inner hyphens.
var domain = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

// isDomain reports whether text is a domain name of at most 253 characters
// (RFC 1035 section 2.3.4).
func isDomain(text string) bool { return len(text) <= 253 && domain.MatchString(text) }

func (h Health) check() error {
	if err := h.Thresholds().Check(); err != nil {
		return fmt.Errorf("health: %w", err)
	}
	return nil
}

func (c Config) checkDNS() error {
	if c.Sandbox.Clock != "" && !c.Sandbox.Enabled {
		return fmt.Errorf("sandbox.clock: a clock may be wrong on purpose only with sandbox.enabled")
	}
	servers, err := c.DNSServers()
	if err != nil || !c.Sandbox.Enabled {
		return err
	}
	if len(servers) == 0 {
		return fmt.Errorf("dns.servers: the sandbox's own DNS server must be named, e.g. [\"127.0.0.1:5354\"]; headway sandbox prints it")
	}
	for _, server := range servers {
		if !server.Addr().IsLoopback() {
			return fmt.Errorf("dns.servers: %s is not a loopback address; with sandbox.enabled nothing leaves this machine", server)
		}
	}
	return nil
}

func (l Log) check() error {
	if levels := []string{"debug", "info", "warn", "error"}; !slices.Contains(levels, l.Level) {
		return fmt.Errorf("log.level: %q is not debug, info, warn or error", l.Level)
	}
	if formats := []string{"", "text", "json"}; !slices.Contains(formats, l.Format) {
		return fmt.Errorf("log.format: %q is not text or json", l.Format)
	}
	return nil
}
