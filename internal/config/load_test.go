package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/headwaymail/headway/internal/config"
)

// given are the sources of one test.
type given struct {
	file    string   // content of headway.toml in the data folder; empty: no file
	environ []string // NAME=value
	args    []string
}

func load(t *testing.T, g given) (config.Config, error) {
	t.Helper()
	data := t.TempDir()
	if g.file != "" {
		write(t, filepath.Join(data, "headway.toml"), g.file)
	}
	return loadFrom(t, g, data)
}

func loadFrom(t *testing.T, g given, data string) (config.Config, error) {
	t.Helper()
	flags := pflag.NewFlagSet("headway", pflag.ContinueOnError)
	config.Flags(flags)
	if err := flags.Parse(g.args); err != nil {
		t.Fatal(err)
	}
	return config.Load(config.Sources{Flags: flags, Environ: g.environ, DataDir: func() (string, error) { return data, nil }})
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestLaterSourcesWin(t *testing.T) {
	t.Parallel()
	file := "[web]\nlisten = \"127.0.0.1:1001\"\n[database]\nurl = \"postgres:///file\"\n"
	tests := []struct {
		name       string
		given      given
		listen     string
		connection string
	}{
		{"defaults", given{}, "127.0.0.1:8080", ""},
		{"file over default", given{file: file}, "127.0.0.1:1001", "postgres:///file"},
		{"environment over file", given{file: file, environ: []string{"HEADWAY_WEB_LISTEN=127.0.0.1:1002"}},
			"127.0.0.1:1002", "postgres:///file"},
		{"flag over environment", given{file: file, environ: []string{"HEADWAY_WEB_LISTEN=127.0.0.1:1002"},
			args: []string{"--web-listen=127.0.0.1:1003"}}, "127.0.0.1:1003", "postgres:///file"},
		{"DATABASE_URL over file", given{file: file, environ: []string{"DATABASE_URL=postgres:///usual"}},
			"127.0.0.1:1001", "postgres:///usual"},
		{"our own variable over DATABASE_URL", given{environ: []string{"HEADWAY_DATABASE_URL=postgres:///own", "DATABASE_URL=postgres:///usual"}},
			"127.0.0.1:8080", "postgres:///own"},
		{"our own variable over DATABASE_URL, the other way round",
			given{environ: []string{"DATABASE_URL=postgres:///usual", "HEADWAY_DATABASE_URL=postgres:///own"}},
			"127.0.0.1:8080", "postgres:///own"},
		{"flag over both", given{environ: []string{"DATABASE_URL=postgres:///usual", "HEADWAY_DATABASE_URL=postgres:///own"},
			args: []string{"--database-url=postgres:///flag"}}, "127.0.0.1:8080", "postgres:///flag"},
		{"an empty DATABASE_URL is none", given{file: file, environ: []string{"DATABASE_URL="}}, "127.0.0.1:1001", "postgres:///file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := load(t, tt.given)
			if err != nil {
				t.Fatal(err)
			}
			if c.Web.Listen != tt.listen || c.Database.URL != tt.connection {
				t.Errorf("listen %q, database %q; want %q, %q", c.Web.Listen, c.Database.URL, tt.listen, tt.connection)
			}
		})
	}
}

func TestNamedFileComesInPlaceOfTheUsualOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	named, other := filepath.Join(dir, "named.toml"), filepath.Join(dir, "other.toml")
	write(t, named, "[log]\nlevel = \"debug\"\n")
	write(t, other, "[log]\nlevel = \"error\"\n")
	usual := "[log]\nlevel = \"warn\"\n"
	for _, tt := range []struct {
		name  string
		given given
		level string
	}{
		{"usual", given{file: usual}, "warn"},
		{"by variable", given{file: usual, environ: []string{"HEADWAY_CONFIG=" + named}}, "debug"},
		{"by flag, over the variable", given{file: usual, environ: []string{"HEADWAY_CONFIG=" + named}, args: []string{"--config", other}}, "error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := load(t, tt.given)
			if err != nil {
				t.Fatal(err)
			}
			if c.Log.Level != tt.level {
				t.Errorf("level %q, want %q", c.Log.Level, tt.level)
			}
		})
	}
	if _, err := load(t, given{args: []string{"--config", filepath.Join(dir, "missing.toml")}}); err == nil || !strings.Contains(err.Error(), "missing.toml") {
		t.Errorf("a named file that does not exist: %v", err)
	}
}

func TestDataFolder(t *testing.T) {
	t.Parallel()
	own := t.TempDir()
	write(t, filepath.Join(own, "headway.toml"), "[log]\nlevel = \"debug\"\n")
	for _, tt := range []struct {
		name  string
		given given
	}{
		{"by flag", given{args: []string{"--data", own}}},
		{"by variable", given{environ: []string{"HEADWAY_DATA=" + own}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := load(t, tt.given)
			if err != nil {
				t.Fatal(err)
			}
			if c.Data != own || c.Log.Level != "debug" {
				t.Errorf("data %q, level %q: the folder or its headway.toml was not taken", c.Data, c.Log.Level)
			}
		})
	}
	c, err := load(t, given{})
	if err != nil || c.Data == "" {
		t.Errorf("without a word: data %q, %v", c.Data, err)
	}
}

func TestEveryTypeFromEverySource(t *testing.T) {
	t.Parallel()
	want := config.Default()
	want.Roles = []string{"web", "lanes"}
	want.Sending.Lanes, want.Sending.SMTPPort, want.Sending.Timeout = 12, 2525, 90*time.Second
	want.Sandbox.Enabled = true
	want.DNS.Servers = []string{"127.0.0.1:5354", "127.0.0.2"}
	for _, tt := range []struct {
		name  string
		given given
	}{
		{"file", given{file: `roles = ["web", "lanes"]
[sending]
lanes = 12
smtp_port = 2525
timeout = "90s"
[sandbox]
enabled = true
[dns]
servers = ["127.0.0.1:5354", "127.0.0.2"]
`}},
		{"environment", given{environ: []string{"HEADWAY_ROLES=web, lanes", "HEADWAY_SENDING_LANES=12", "HEADWAY_SENDING_SMTP_PORT=2525",
			"HEADWAY_SENDING_TIMEOUT=90s", "HEADWAY_SANDBOX_ENABLED=true", "HEADWAY_DNS_SERVERS=127.0.0.1:5354,127.0.0.2"}}},
		{"flags", given{args: []string{"--roles=web,lanes", "--sending-lanes=12", "--sending-smtp-port=2525", "--sending-timeout=1m30s",
			"--sandbox-enabled", "--dns-servers=127.0.0.1:5354,127.0.0.2"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := load(t, tt.given)
			if err != nil {
				t.Fatal(err)
			}
			got.Data = ""
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestErrorsNameKeyAndCure: whoever reads one must know where to go and what to
// write there.
func TestErrorsNameKeyAndCure(t *testing.T) {
	t.Parallel()
	const sandbox = "[sandbox]\nenabled = true\n"
	tests := []struct {
		name  string
		given given
		words []string // all in the error
	}{
		{"unknown key in the file", given{file: "[web]\nlissten = \"x\"\n"}, []string{"headway.toml", `"web.lissten"`, "headway config example"}},
		{"key in the wrong section", given{file: "[web]\nlanes = 3\n"}, []string{`"web.lanes"`, "did you mean sending.lanes?"}},
		{"unknown section", given{file: "[weeb]\n"}, []string{`"weeb"`, "headway config example"}},
		{"a setting for a section", given{file: "web = 3\n"}, []string{"web", "section"}},
		{"no TOML", given{file: "web:\n  listen: x\n"}, []string{"headway.toml", "line 1, column 4"}},
		{"unknown variable", given{environ: []string{"HEADWAY_WEB_LISSTEN=x"}}, []string{"HEADWAY_WEB_LISSTEN", "headway config example"}},
		{"word for a number", given{environ: []string{"HEADWAY_SENDING_LANES=many"}}, []string{"sending.lanes", "many", "number"}},
		{"word for a switch", given{file: "[sandbox]\nenabled = \"perhaps\"\n"}, []string{"sandbox.enabled", "true or false"}},
		{"number for a time", given{file: "[sending]\ntimeout = \"5\"\n"}, []string{"sending.timeout", "5m"}},
		{"role", given{args: []string{"--roles=web,postman"}}, []string{"roles", "postman", "web, lanes, bulk"}},
		{"no role", given{file: "roles = []\n"}, []string{"roles", "web, lanes, bulk"}},
		{"too few connections", given{args: []string{"--database-connections=3"}}, []string{"database.connections", "between 4 and 1000"}},
		{"database of another kind", given{environ: []string{"DATABASE_URL=mysql://root@db.example/x"}}, []string{"database.url", "postgres://"}},
		{"too many lanes", given{args: []string{"--sending-lanes=5001"}}, []string{"sending.lanes", "between 1 and 5000"}},
		{"short timeout", given{args: []string{"--sending-timeout=10ms"}}, []string{"sending.timeout", "10ms"}},
		{"no such TLS", given{args: []string{"--web-tls=on"}}, []string{"web.tls", "off, files or auto"}},
		{"files without files", given{args: []string{"--web-tls=files"}}, []string{"web.certificate and web.key"}},
		{"a certificate for nothing", given{args: []string{"--web-certificate=cert.pem"}}, []string{"web.tls"}},
		{"auto without a name", given{args: []string{"--web-tls=auto", "--web-team-url=http://127.0.0.1"}}, []string{"web.public_url", "https://"}},
		{"a redirect to nowhere", given{args: []string{"--web-redirect-listen=0.0.0.0:80"}}, []string{"web.redirect_listen", "proxy"}},
		{"a team's address without a scheme", given{args: []string{"--web-team-url=headway.example.com"}}, []string{"web.team_url"}},
		{"another port for real", given{args: []string{"--sending-smtp-port=2525"}}, []string{"sending.smtp_port", "25", "sandbox.enabled"}},
		{"no such port", given{file: sandbox + "[dns]\nservers = [\"127.0.0.1\"]\n[sending]\nsmtp_port = 65561\n"}, []string{"sending.smtp_port", "65535"}},
		{"source by name", given{args: []string{"--sending-source=mail.example.com"}}, []string{"sending.source", "IP address"}},
		{"relay that signs by one rule only", given{file: "[sending]\nrelays = [\"a.test smtp://ann:hunter2@r.test?signs=yes\", \"* smtp://r.test\"]\n"},
			[]string{"sending.relays", "rules 1 and 2", "r.test", "signs=yes in both"}},
		{"HELO name", given{args: []string{"--sending-helo-name=my server"}}, []string{"sending.helo_name", "mail.example.com"}},
		{"bounce domain", given{args: []string{"--sending-bounce-domain=you@bounces.example.com"}}, []string{"sending.bounce_domain", "bounces.example.com"}},
		{"public URL without https", given{args: []string{"--web-public-url=http://news.example.com"}}, []string{"web.public_url", "https://"}},
		{"tracking URL without https", given{args: []string{"--web-tracking-url=http://links.example.com"}}, []string{"web.tracking_url", "https://"}},
		{"tracking URL with a query", given{args: []string{"--web-tracking-url=https://links.example.com/?a=b"}}, []string{"web.tracking_url", "https://news.example.com"}},
		{"public URL without a scheme", given{args: []string{"--web-public-url=news.example.com"}}, []string{"web.public_url", "https://news.example.com"}},
		{"address of the pages", given{args: []string{"--web-listen=8080"}}, []string{"web.listen", "127.0.0.1:8080"}},
		{"public address", given{args: []string{"--web-public-listen=:https:"}}, []string{"web.public_listen", "0.0.0.0:8081"}},
		{"DNS server by name", given{args: []string{"--dns-servers=resolver.example"}}, []string{"dns.servers", "127.0.0.1"}},
		{"sandbox without DNS", given{file: sandbox}, []string{"dns.servers", "headway sandbox prints it"}},
		{"sandbox with the world's DNS", given{file: sandbox + "[dns]\nservers = [\"127.0.0.1:5354\", \"192.0.2.53\"]\n"},
			[]string{"dns.servers", "192.0.2.53", "loopback"}},
		{"sandbox from a public address", given{file: sandbox + "[dns]\nservers = [\"127.0.0.1\"]\n[sending]\nsource = \"192.0.2.1\"\n"},
			[]string{"sending.source", "192.0.2.1", "127.0.0.1"}},
		{"wrong clock for real", given{args: []string{"--sandbox-clock=/tmp/clock"}}, []string{"sandbox.clock", "sandbox.enabled"}},
		{"log level", given{args: []string{"--log-level=loud"}}, []string{"log.level", "debug, info, warn or error"}},
		{"log format", given{args: []string{"--log-format=xml"}}, []string{"log.format", "text or json"}},
		{"secret key", given{args: []string{"--secret-key=hunter2"}}, []string{"secret_key", "openssl rand -base64 32"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, tt.given)
			if err == nil {
				t.Fatal("nothing was wrong with it")
			}
			for _, word := range tt.words {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q does not say %q", err, word)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("gives a secret away: %q", err)
			}
		})
	}
}

func TestExampleHoldsTheDefaults(t *testing.T) {
	t.Parallel()
	want, err := load(t, given{})
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{"as printed": config.Example(), "uncommented": uncomment(config.Example())} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := load(t, given{file: file})
			if err != nil {
				t.Fatal(err)
			}
			want, got := want, got
			want.Data, got.Data = "", ""
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-default +example)\n%s", diff)
			}
		})
	}
}

// uncomment makes settings of the lines that show a default.
func uncomment(example string) string {
	var b strings.Builder
	for line := range strings.Lines(example) {
		if bare, is := strings.CutPrefix(line, "# "); is {
			if name, _, found := strings.Cut(bare, " = "); found && !strings.Contains(name, " ") {
				line = bare
			}
		}
		b.WriteString(line)
	}
	return b.String()
}

// FuzzFile: whatever a file says, loading ends with usable settings or an error
// that names the file or a setting.
func FuzzFile(f *testing.F) {
	f.Add(config.Example())
	f.Add(uncomment(config.Example()))
	for _, seed := range []string{"", "[web]", "web.listen = \"127.0.0.1:1\"", "\"web.listen\" = 3", "web = []", "[[web]]\nlisten = \"x\"",
		"roles = \"web\"", "roles = [1, [2]]", "[sending]\ntimeout = 1979-05-27", "[sending]\nlanes = 1e3", "[dns]\nservers = {a = 1}",
		"[sandbox]\nenabled = 1\n", "data = \"\\u0000\"", "[log]\nlevel = 'info'\nlevel = 'warn'"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		c, err := load(t, given{file: file + "\n"})
		if err != nil {
			if err.Error() == "" || strings.Contains(err.Error(), "panic") {
				t.Errorf("error %q", err)
			}
			return
		}
		if err := c.Check(); err != nil {
			t.Errorf("accepted settings that cannot be used: %v", err)
		}
		if c.Data == "" {
			t.Error("no data folder")
		}
	})
}
