package web

import (
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/headwaymail/headway/internal/auth"
	"github.com/headwaymail/headway/internal/service"
)

const pass = "four unrelated words"

// cookie logs somebody in and returns the header of their browser.
func (b *bundle) cookie(address string) string {
	b.Helper()
	a := b.post("/login", url.Values{"address": {address}, "password": {pass}, "next": {"/campaigns"}}.Encode())
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/campaigns" {
		b.Fatalf("login of %s: %s\n%s", address, a.Status, a.body)
	}
	return cookieOf(b, a)
}

func cookieOf(b *bundle, a answer) string {
	b.Helper()
	for _, c := range a.Cookies() {
		if c.Name == cookieName {
			if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" {
				b.Errorf("the cookie is %s", c)
			}
			return c.Name + "=" + c.Value
		}
	}
	b.Fatal("no cookie")
	return ""
}

// joined invites somebody and lets them choose a password.
func (b *bundle) joined(owner, address string, role auth.Role) string {
	b.Helper()
	a := b.post("/people/invite", url.Values{"address": {address}, "role": {string(role)}}.Encode(), "Cookie", owner)
	_, link, found := strings.Cut(a.body, "/join/")
	if a.StatusCode != http.StatusOK || !found {
		b.Fatalf("invite %s: %s\n%s", address, a.Status, a.body)
	}
	secret, _, _ := strings.Cut(link, "<")
	if page := b.get("/join/" + secret); !strings.Contains(page.body, address) {
		b.Errorf("the invitation does not name %s", address)
	}
	weak := b.post("/join/"+secret, "password=short")
	if weak.StatusCode != http.StatusUnprocessableEntity {
		b.Errorf("a short password: %s", weak.Status)
	}
	entered := b.post("/join/"+secret, url.Values{"password": {pass}}.Encode())
	if entered.StatusCode != http.StatusSeeOther {
		b.Fatalf("join: %s\n%s", entered.Status, entered.body)
	}
	if again := b.post("/join/"+secret, url.Values{"password": {pass}}.Encode()); again.StatusCode != http.StatusGone {
		b.Errorf("the link is good twice: %s", again.Status)
	}
	return cookieOf(b, entered)
}

func TestPeople(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sample(20)
	b.get("/") // nobody is entered: no login
	if a := b.do(http.MethodGet, b.site.URL+"/login", ""); a.Header.Get("Location") != "/welcome" {
		t.Errorf("without anybody the login leads to %q", a.Header.Get("Location"))
	}
	b.get("/welcome")
	first := b.post("/welcome", url.Values{"address": {"Ann@mill.test"}, "name": {"Ann"}, "password": {pass}}.Encode())
	if first.StatusCode != http.StatusSeeOther {
		t.Fatalf("welcome: %s\n%s", first.Status, first.body)
	}
	if second := b.post("/welcome", url.Values{"address": {"eve@mill.test"}, "password": {pass}}.Encode()); second.Header.Get("Location") != "/login" {
		t.Errorf("a second owner is made: %s", second.Status)
	}
	owner := b.cookie("ann@MILL.test")
	b.contains(b.get("/people", "Cookie", owner), "Ann", "made the first account")
	draft := b.post("/campaigns/autosave", newsletter().Encode(), "Cookie", owner)
	if !strings.Contains(draft.body, `"id":`) {
		t.Fatalf("%s %s", draft.Status, draft.body)
	}
	b.contains(b.get("/people", "Cookie", owner), `began <a href="/campaigns/`)
	editor, analyst := b.joined(owner, "bob@mill.test", auth.Editor), b.joined(owner, "cleo@mill.test", auth.Analyst)

	pause, people := "/campaigns/"+strconv.FormatInt(id, 10)+"/pause", "/people"
	for name, tc := range map[string]struct {
		cookie string
		want   map[string]int // by path; a POST where it begins with "!"
	}{
		"nobody":  {"", map[string]int{"/campaigns?page=2": 303, "/live": 401, "!" + pause: 401, "!/people/invite": 401, "/setup": 303, "/setup/live": 401, "/metrics": 303}},
		"analyst": {analyst, map[string]int{"/": 200, "/metrics": 200, "!" + pause: 403, people: 403, "!/providers/1/hold": 403, "/setup": 200, "!/setup/test": 403}},
		"editor":  {editor, map[string]int{"/": 200, "!/providers/1/hold": 422, people: 403, "!/people/role": 403, "!/setup/domain": 403, "!/setup/dismiss": 403}},
		"owner":   {owner, map[string]int{"/": 200, people: 200}},
		"made up": {cookieName + "=" + strings.Repeat("A", 43), map[string]int{"/": 303}},
	} {
		for path, want := range tc.want {
			var a answer
			if form, isPost := strings.CutPrefix(path, "!"); isPost {
				a = b.post(form, "", "Cookie", tc.cookie)
			} else {
				a = b.do(http.MethodGet, b.site.URL+path, "", "Cookie", tc.cookie)
			}
			if a.StatusCode != want {
				t.Errorf("%s, %s: %s, want %d", name, path, a.Status, want)
			}
		}
	}
	if a := b.do(http.MethodGet, b.site.URL+"/campaigns?page=2", ""); a.Header.Get("Location") != "/login?next=%2Fcampaigns%3Fpage%3D2" {
		t.Errorf("sent to %q", a.Header.Get("Location"))
	}
	if a := b.post(pause, "", "Cookie", editor); a.StatusCode != http.StatusSeeOther {
		t.Errorf("an editor pauses: %s", a.Status)
	}

	// Who is locked out is out at once; the last owner stays.
	form := func(address string, more ...string) string {
		v := url.Values{"address": {address}}
		if len(more) > 0 {
			v.Set("role", more[0])
		}
		return v.Encode()
	}
	b.post("/people/disable", form("bob@mill.test"), "Cookie", owner)
	if a := b.do(http.MethodGet, b.site.URL+"/", "", "Cookie", editor); a.StatusCode != http.StatusSeeOther {
		t.Errorf("locked out, and still in: %s", a.Status)
	}
	if a := b.post("/login", url.Values{"address": {"bob@mill.test"}, "password": {pass}}.Encode()); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("locked out, and logs in: %s", a.Status)
	}
	for _, try := range []answer{b.post("/people/disable", form("ann@mill.test"), "Cookie", owner),
		b.post("/people/role", form("ann@mill.test", "analyst"), "Cookie", owner)} {
		if try.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(try.body, "last owner") {
			t.Errorf("the last owner leaves: %s", try.Status)
		}
	}
	b.post("/logout", "", "Cookie", owner)
	if a := b.do(http.MethodGet, b.site.URL+"/", "", "Cookie", owner); a.StatusCode != http.StatusSeeOther {
		t.Errorf("logged out, and still in: %s", a.Status)
	}
	if n := b.number(`select count(*) from users where password like '%four%' or password !~ '^\$argon2id\$'`); n > 0 {
		t.Errorf("%d passwords are not hashed", n)
	}
}

// Whoever tries passwords must wait; a login elsewhere does not.
func TestLoginIsThrottled(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	if err := b.server.service.FirstOwner(t.Context(), service.NewUser{Address: "ann@mill.test"}, pass); err != nil {
		t.Fatal(err)
	}
	try := func(password, from string) int {
		return b.post("/login", url.Values{"address": {"ann@mill.test"}, "password": {password}}.Encode(), "X-Forwarded-For", from).StatusCode
	}
	for i := range 5 {
		if got := try("wrong", "192.0.2.1"); got != http.StatusUnprocessableEntity {
			t.Fatalf("try %d: %d", i, got)
		}
	}
	sixth := try(pass, "192.0.2.1")
	for more := 0; sixth == http.StatusSeeOther && more < 8; more++ { // a busy machine took longer than the wait was: it doubles
		try("wrong", "192.0.2.1")
		sixth = try(pass, "192.0.2.1")
	}
	if sixth != http.StatusTooManyRequests {
		t.Errorf("the sixth try: %d", sixth)
	}
	other := b.post("/login", url.Values{"address": {"eve@mill.test"}, "password": {"x"}}.Encode(), "X-Forwarded-For", "192.0.2.7")
	if other.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("somebody else: %s", other.Status)
	}
}

func TestAfterLogin(t *testing.T) {
	t.Parallel()
	for wanted, want := range map[string]string{
		"/campaigns/3?x=1": "/campaigns/3?x=1", "": "/", "//evil.example": "/", "https://evil.example": "/",
		`/\evil.example`: "/", "/login?next=/": "/", "/a\r\nSet-Cookie: x": "/",
	} {
		if got := afterLogin(wanted); got != want {
			t.Errorf("%q leads to %q", wanted, got)
		}
	}
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	s := &Server{proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	for _, tc := range []struct{ remote, forwarded, want string }{
		{"192.0.2.1:5", "", "192.0.2.1"},
		{"192.0.2.1:5", "198.51.100.1", "192.0.2.1"}, // not from a proxy of ours
		{"10.1.2.3:5", "198.51.100.1", "198.51.100.1"},
		{"10.1.2.3:5", "6.6.6.6, 198.51.100.1, 10.0.0.9", "198.51.100.1"}, // the first is made up
		{"10.1.2.3:5", "nonsense", "10.1.2.3"},
		{"[2001:db8:1:2:3::4]:5", "", "2001:db8:1:2::/64"},
		{"[::ffff:192.0.2.1]:5", "", "192.0.2.1"},
	} {
		r := &http.Request{RemoteAddr: tc.remote, Header: http.Header{}}
		if tc.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tc.forwarded)
		}
		if got := s.network(r); got != tc.want {
			t.Errorf("%s for %q: %q, want %q", tc.remote, tc.forwarded, got, tc.want)
		}
	}
}
