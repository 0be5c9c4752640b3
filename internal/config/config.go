// Package config reads the settings of a Headway process into one struct:
//
//  1. defaults, as they stand in [Default];
//  2. a TOML file: --config, else $HEADWAY_CONFIG, else headway.toml in the data
//     folder if it is there;
//  3. the environment: HEADWAY_WEB_LISTEN for web.listen, and DATABASE_URL;
//  4. flags: --web-listen for web.listen.
//
// Later ones win. A key that does not exist is an error wherever it stands, so
// that a typing mistake never goes unnoticed. The annotated example file is made
// from the struct's own tags.
package config

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/headwaymail/headway/campaign/health"
)

// Config are the settings of one process. The tag doc is what `headway config
// example` prints above a key.
type Config struct {
	Data      string   `koanf:"data" doc:"Folder for the embedded Postgres, the key file and headway.toml. Empty: /var/lib/headway for root, else the user's data folder."`
	SecretKey string   `koanf:"secret_key" doc:"32 bytes as base64 that seal the signing keys in the database; the same on all nodes. Empty: the file secret.key in the data folder, made at the first start. Keep it with your backups."`
	Roles     []string `koanf:"roles" doc:"What this node does: web (pages and unsubscribe), lanes (sending), bulk (imports, launches), inbound (mail that comes back, where inbound.listen is set)."`
	Database  Database `koanf:"database"`
	Web       Web      `koanf:"web"`
	Sending   Sending  `koanf:"sending"`
	Inbound   Inbound  `koanf:"inbound"`
	Replies   Replies  `koanf:"replies"`
	Health    Health   `koanf:"health"`
	DNS       DNS      `koanf:"dns"`
	Sandbox   Sandbox  `koanf:"sandbox"`
	Log       Log      `koanf:"log"`
}

// Database says where the data is.
type Database struct {
	URL         string `koanf:"url" doc:"Postgres (15 or newer) to use, e.g. postgres://headway@db.internal/headway. Empty: Headway starts its own. $DATABASE_URL is read too."`
	Binaries    string `koanf:"binaries" doc:"Folder with initdb and postgres for the embedded server. Empty: searched, else downloaded."`
	Connections int    `koanf:"connections" doc:"Largest number of connections of this process, 4 to 1000."`
}

// Web says how people reach the pages.
type Web struct {
	Listen         string   `koanf:"listen" doc:"Address of the pages for you and your team. The next free port is taken when it is in use."`
	PublicListen   string   `koanf:"public_listen" doc:"Address that serves nothing but what recipients and monitors need: unsubscribe pages and /healthz. Put your HTTPS proxy in front of this one. Empty: off."`
	PublicURL      string   `koanf:"public_url" doc:"How recipients reach public_listen, e.g. https://news.example.com. Unsubscribe links begin with it."`
	TrackingURL    string   `koanf:"tracking_url" doc:"Where counted links and the image that counts opens lead, if that is another name of the same listener, e.g. https://links.example.com. Empty: public_url."`
	TeamURL        string   `koanf:"team_url" doc:"How your team reaches the pages, e.g. https://headway.example.com. Links in invitations and in mails for forgotten passwords begin with it. Empty: a forgotten password needs an owner."`
	Password       string   `koanf:"password" doc:"Password of the pages (user name: headway) until the first person is entered, who then logs in. Without it, only this machine reaches the pages until then."`
	TLS            string   `koanf:"tls" doc:"off: plain HTTP, behind a proxy that has the certificate. files: HTTPS on both addresses, with web.certificate and web.key. auto: HTTPS with certificates that are fetched and renewed for the names in public_url and team_url; public_listen on port 443 or redirect_listen on port 80 must be reached from outside."`
	Certificate    string   `koanf:"certificate" doc:"PEM file with the certificate chain of both addresses, for tls = files. Read again when it changes."`
	Key            string   `koanf:"key" doc:"PEM file with the key of the certificate."`
	ACMEEmail      string   `koanf:"acme_email" doc:"For tls = auto: where the certificate authority writes when something is wrong. May be empty."`
	ACMEDirectory  string   `koanf:"acme_directory" doc:"For tls = auto: the authority's ACME directory (RFC 8555). With auto you agree to its terms."`
	RedirectListen string   `koanf:"redirect_listen" doc:"Address that leads browsers from http:// to https://, e.g. 0.0.0.0:80: for the names in public_url and team_url. Empty: off."`
	TrustedProxies []string `koanf:"trusted_proxies" doc:"Addresses or networks of proxies whose X-Forwarded-For is believed, e.g. 127.0.0.1 or 10.0.0.0/8: logins are throttled by where they come from."`
}

// Sending says who we are to the receiving servers.
type Sending struct {
	Source       string        `koanf:"source" doc:"Local IP address that mail is sent from. Must be set for real sending."`
	HELOName     string        `koanf:"helo_name" doc:"Name that the source address has in DNS, forwards and backwards."`
	BounceDomain string        `koanf:"bounce_domain" doc:"Domain of the return path, e.g. bounces.example.com. Its MX should lead to you."`
	SMTPPort     int           `koanf:"smtp_port" doc:"Port of the receiving servers. Anything but 25 is refused outside the sandbox."`
	Relays       []string      `koanf:"relays" doc:"Servers that take mail in place of the recipients' own: rules of domains and an address, the first that fits, the same on all nodes. E.g. \"* smtp+starttls://user@smtp.example.com:587?password_file=/run/secrets/relay\", \"example.com *.example.com smtp://10.0.0.25\", \"provider:google smtps://user:password@smtp.example.com\". With ?signs=yes the relay signs (DKIM), and messages go to it unsigned."`
	TLSRequired  []string      `koanf:"tls_required" doc:"Whose mail is never sent in the clear: \"*\", \"example.com\", \"*.example.com\", \"provider:google\"."`
	Lanes        int           `koanf:"lanes" doc:"Largest number of connections to receiving servers at one time, 1 to 5000."`
	Timeout      time.Duration `koanf:"timeout" doc:"Longest time for one message, from MAIL to the final reply."`
	WarmUp       bool          `koanf:"warmup" doc:"The source address is new to receivers: send little at first, more each day. Off in the sandbox."`
}

// Inbound says where mail is taken that comes back to the bounce domain.
type Inbound struct {
	Listen      string `koanf:"listen" doc:"Address for failure reports, complaints and unsubscribe mails, e.g. 0.0.0.0:25. The MX of sending.bounce_domain must lead there. Only addresses that Headway signed are taken. Empty: off."`
	Certificate string `koanf:"certificate" doc:"PEM file with the certificate chain for STARTTLS. Read again at each connection, so that it can be renewed. Empty: no STARTTLS."`
	Key         string `koanf:"key" doc:"PEM file with the key of the certificate."`
}

// Replies says what mail servers' words mean.
type Replies struct {
	Rules string `koanf:"rules" doc:"YAML file with rules of your own, tried before the built-in ones; they look like those of pacing/reply/rules.yaml. After a change, run headway replies reclassify."`
}

// Health says from which shares, in percent, the reports colour a figure.
type Health struct {
	BounceWatch    float64 `koanf:"bounce_watch" doc:"Hard bounces in percent from which a provider or domain is to be watched in the delivery report."`
	BounceAct      float64 `koanf:"bounce_act" doc:"Hard bounces in percent above which something must be done."`
	ComplaintWatch float64 `koanf:"complaint_watch" doc:"Complaints in percent of what was accepted from which to watch. Gmail asks for less than 0.1."`
	ComplaintAct   float64 `koanf:"complaint_act" doc:"Complaints in percent from which something must be done. Gmail: never 0.3."`
}

// Thresholds returns the lines of the reports.
func (h Health) Thresholds() health.Thresholds {
	return health.Thresholds{BounceWatch: h.BounceWatch, BounceAct: h.BounceAct, ComplaintWatch: h.ComplaintWatch, ComplaintAct: h.ComplaintAct}
}

func newHealth(t health.Thresholds) Health {
	return Health{BounceWatch: t.BounceWatch, BounceAct: t.BounceAct, ComplaintWatch: t.ComplaintWatch, ComplaintAct: t.ComplaintAct}
}

// DNS says whom we ask.
type DNS struct {
	Servers []string `koanf:"servers" doc:"Resolvers as address or address:port. Empty: those of /etc/resolv.conf."`
}

// Sandbox ties the process to a simulated internet.
type Sandbox struct {
	Enabled bool   `koanf:"enabled" doc:"Send to a sandbox only: DNS questions go to dns.servers, which must be loopback addresses, and no connection leaves this machine."`
	Clock   string `koanf:"clock" doc:"A file with the number of seconds by which this node's clock is wrong, read again and again, to see what a clock that jumps does."`
}

// Log says what is told to the operator.
type Log struct {
	Level  string `koanf:"level" doc:"debug, info, warn or error."`
	Format string `koanf:"format" doc:"text or json. Empty: coloured text on a terminal, else text."`
}

// Default returns the settings that hold when nothing else is said.
func Default() Config {
	return Config{
		Roles:    []string{"web", "lanes", "bulk", "inbound"},
		Database: Database{Connections: 24},
		Web:      Web{Listen: "127.0.0.1:8080", TLS: "off", ACMEDirectory: "https://acme-v02.api.letsencrypt.org/directory"},
		Sending:  Sending{SMTPPort: 25, Lanes: 256, Timeout: 5 * time.Minute},
		Health:   newHealth(health.Default()),
		Log:      Log{Level: "info"},
	}
}

// DNSServers returns the resolvers to ask, with port 53 where none is given.
func (c Config) DNSServers() ([]netip.AddrPort, error) {
	servers := make([]netip.AddrPort, 0, len(c.DNS.Servers))
	for _, text := range c.DNS.Servers {
		server, err := netip.ParseAddrPort(text)
		if err != nil {
			addr, addrErr := netip.ParseAddr(text)
			if addrErr != nil {
				return nil, fmt.Errorf("dns.servers: %q is not an address such as 127.0.0.1 or 127.0.0.1:5354", text)
			}
			server = netip.AddrPortFrom(addr, 53)
		}
		servers = append(servers, server)
	}
	return servers, nil
}

// Has reports whether the node has a role.
func (c Config) Has(role string) bool { return slices.Contains(c.Roles, role) }
