package frame

import (
	"slices"
	"strings"
	"testing"
)

// The thinking of the product: values in, values out, the time as an argument.
var pure = []string{"campaign", "pacing", "listhygiene"}

// What would let the world into it. Below net, netip and url only name things.
var (
	worldly = []string{"net", "net/http", "net/smtp", "net/mail", "net/textproto", "net/rpc", "crypto/tls", "database/sql",
		"os/exec", "os/signal", "syscall", "log/slog", module + "/internal"}
	namesOnly = []string{"net/netip", "net/url"}
)

func TestDomainPackagesArePure(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, p := range allPackages(t) {
		if !inside(p.folder(), pure...) || inside(p.folder(), testSupport...) {
			continue
		}
		seen++
		for _, imported := range p.Imports {
			if inside(imported, worldly...) && !slices.Contains(namesOnly, imported) {
				t.Errorf("%s imports %s; it must be a function of values and a time", p.folder(), imported)
			}
		}
	}
	if seen < len(pure) {
		t.Errorf("found %d packages in %v", seen, pure)
	}
}

// technologies says where each may be imported. Whoever needs one elsewhere
// calls the package that holds it, or argues here why not.
var technologies = []struct {
	path   string
	places []string
	why    string // of places that are not obvious
}{
	{"github.com/jackc/pgx/v5", []string{"internal/postgres", "internal/jobs", "internal/delivery", "internal/service"},
		"jobs and service carry transactions from River and the store to each other; " +
			"delivery holds the connection on which notifications arrive"},
	{"database/sql", []string{"internal/postgres"}, "goose speaks it"},
	{"github.com/pressly/goose/v3", []string{"internal/postgres"}, ""},
	{"github.com/riverqueue/river", []string{"internal/jobs", "internal/postgres"}, "postgres runs River's migrations"},
	{"github.com/miekg/dns", []string{"internal/dnsclient", "internal/sandbox"}, ""},
	{"github.com/emersion/go-smtp", []string{"internal/sandbox", "internal/inbound"}, "only as the receiving side: sessions are ours"},
	{"github.com/emersion/go-msgauth", []string{"internal/sandbox", "internal/doctor"}, "only as the verifier: signatures are ours"},
	{"github.com/spf13/cobra", []string{"internal/cli"}, ""},
	{"github.com/knadh/koanf", []string{"internal/config"}, ""},
	{"github.com/prometheus/client_golang", []string{"internal/delivery", "internal/web"}, "web serves what is counted"},
	{"html/template", []string{"internal/web"}, "it drops what newsletters need; see campaign/message"},
}

func TestEachTechnologyHasItsPlace(t *testing.T) {
	t.Parallel()
	for _, p := range allPackages(t) {
		if inside(p.folder(), testSupport...) {
			continue
		}
		for _, imported := range p.Imports {
			for _, technology := range technologies {
				if inside(imported, technology.path) && !inside(p.folder(), technology.places...) {
					t.Errorf("%s imports %s, whose place is %s", p.folder(), imported, strings.Join(technology.places, ", "))
				}
			}
		}
	}
}

// TestFrontDoorsHoldNoSQL keeps the pages and the commands to what the service
// offers: they import neither a driver nor write a statement of their own.
func TestFrontDoorsHoldNoSQL(t *testing.T) {
	t.Parallel()
	doors := []string{"internal/web", "internal/cli", "internal/api"}
	for _, technology := range technologies {
		for _, door := range doors {
			if driver := technology.path == "database/sql" || strings.HasPrefix(technology.path, "github.com/jackc/"); driver &&
				inside(door, technology.places...) {
				t.Errorf("%s is allowed to import %s", door, technology.path)
			}
		}
	}
	for _, p := range allPackages(t) {
		if !inside(p.folder(), doors...) {
			continue
		}
		for _, text := range stringsOf(t, p) {
			if looksLikeSQL.MatchString(text.value) {
				t.Errorf("%s holds SQL: %.60q; its place is internal/postgres", text.at, text.value)
			}
		}
	}
}
