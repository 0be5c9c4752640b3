package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/headwaymail/headway/campaign/token"
)

// reader puts contact 1 of the sample on two more lists, of which one has a name
// for readers and the other is nothing that readers know of, and off a third.
func (b *bundle) reader() (path string) {
	b.Helper()
	id := b.sample(20)
	b.exec(`insert into lists (name, public_name, created_at) values ('leads-2024-cold', 'Offers & more', now()), ('Old', '', now()), ('Foreign', '', now()), ('Between us', '', now())`)
	b.exec(`insert into list_members (list_id, contact_id, status, since) values (2, 1, 'subscribed', now()), (3, 1, 'unsubscribed', now())`)
	b.exec(`insert into list_members (list_id, contact_id, status, since) values (4, 2, 'subscribed', now()), (5, 1, 'subscribed', now())`)
	return "/u/" + b.link(id, 1) + "/lists"
}

// on returns the lists that contact 1 gets, of those that they know: subscribed,
// and nothing holds.
func (b *bundle) on() int64 {
	b.Helper()
	return b.number(`select coalesce(sum(10 ^ (m.list_id - 1)), 0)::bigint from list_members m join contacts c on c.id = m.contact_id
	                  where c.id = 1 and m.list_id < 5 and m.status = 'subscribed' and not exists (select from suppressions s
	                        where (s.key = c.address_key or s.canonical_key = c.canonical_key) and coalesce(s.list_id, m.list_id) = m.list_id)`)
}

func TestPreferencesLookWithoutTouching(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := b.reader()
	before := b.traces()
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		a := b.do(method, b.public.URL+path, "")
		if a.StatusCode != http.StatusOK || a.Header.Get("Content-Security-Policy") != publicPolicy || a.Header.Get("X-Robots-Tag") == "" ||
			a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %s %v", method, a.Status, a.Header)
		}
	}
	a := b.do(http.MethodGet, b.public.URL+path, "")
	b.contains(a, "reader1@d1-2.test", "Weekly news", "Offers &amp; more", "The Weekly")
	for _, hidden := range []string{"leads-2024-cold", "Old", "Foreign", "Between us", "<script"} {
		if strings.Contains(a.body, hidden) {
			t.Errorf("the page shows %q", hidden)
		}
	}
	if n := b.traces(); n != before {
		t.Errorf("looking left %d traces", n-before)
	}
}

func TestPreferences(t *testing.T) {
	t.Parallel()
	// The digits of on say who is on which list: 1 Weekly news, 10 Offers.
	for name, test := range map[string]struct {
		posts []string
		on    int64
		says  string
	}{
		"stay":                             {[]string{"shown=1&keep=1&shown=2&keep=2"}, 11, "ticked, and nothing else"},
		"leave one":                        {[]string{"shown=1&keep=1&shown=2"}, 1, "ticked, and nothing else"},
		"leave all":                        {[]string{"shown=1&shown=2"}, 0, "nothing from us"},
		"saying it twice":                  {[]string{"shown=1&shown=2", "shown=1&shown=2"}, 0, "nothing from us"},
		"what was not shown stays":         {[]string{"shown=1"}, 10, ""},
		"nothing was shown":                {[]string{""}, 11, ""},
		"come back":                        {[]string{"shown=1&shown=2", "shown=1&shown=2&keep=2"}, 10, ""},
		"a list that was never theirs":     {[]string{"shown=4&keep=4&shown=1&keep=1"}, 11, ""},
		"a list that others took them off": {[]string{"shown=3&keep=3"}, 11, ""},
		"kept without being shown":         {[]string{"shown=1&shown=2", "keep=1"}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			path := b.reader()
			for _, form := range test.posts {
				a := b.post(path, form)
				if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != path+"?saved" {
					t.Fatalf("%s to %q\n%s", a.Status, a.Header.Get("Location"), a.body)
				}
				b.contains(b.get(path+"?saved"), test.says)
			}
			if on := b.on(); on != test.on {
				t.Errorf("on the lists %d, want %d", on, test.on)
			}
			if n := b.number(`select count(*) from list_members where contact_id = 2 and status = 'unsubscribed'`); n != 0 {
				t.Error("somebody else was taken off a list")
			}
		})
	}
}

func TestComingBack(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		also string // happens between leaving everything and coming back
		on   int64
	}{
		"after leaving everything":          {``, 1},
		"after a complaint as well":         {`insert into suppressions (scope, kind, key, reason, created_at) select 'global', 'address', address_key, 'complained', now() from contacts where id = 1`, 0},
		"after bounces":                     {`insert into suppressions (scope, kind, key, reason, created_at) select 'global', 'address', address_key, 'bounced', now() from contacts where id = 1`, 0},
		"when the domain is suppressed":     {`insert into suppressions (scope, kind, key, reason, created_at) values ('global', 'domain', 'd1-2.test', 'manual', now())`, 0},
		"when an operator entered the wish": {`update suppressions set evidence = '{"by": "page"}'`, 0},
		"as another spelling that left":     {`update suppressions set key = 'reader1+x@d1-2.test'`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			path := b.reader()
			if a := b.post(strings.TrimSuffix(path, "/lists"), "leave=everything"); a.StatusCode != http.StatusOK {
				t.Fatal(a.Status)
			}
			if test.also != "" {
				b.exec(test.also)
			}
			b.post(path, "shown=1&keep=1&shown=2&shown=3&keep=3") // the third was left before, in some other way
			if on := b.on(); on != test.on {
				t.Fatalf("on the lists %d, want %d", on, test.on)
			}
			if test.on == 0 {
				return
			}
			if n := b.number(`select count(*) from list_members where contact_id = 1 and list_id = 1 and consent ->> 'ip' = '127.0.0.1'`); n != 1 {
				t.Error("the consent is not on record")
			}
			if n := b.number(`select count(*) from suppressions where list_id in (2, 5)`); n != 2 {
				t.Error("the other lists are not left any more")
			}
			if n := b.number(`select count(*) from contacts where id = 1 and status = 'active'`); n != 1 {
				t.Error("the contact is not active again")
			}
			if n := b.number(`select count(*) from suppression_lifts where lifted_by = 'the reader'`); n == 0 {
				t.Error("nothing says that the suppression was lifted")
			}
		})
	}
}

func TestPreferencesRefuse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := b.reader()
	good := strings.TrimSuffix(strings.TrimPrefix(path, "/u/"), "/lists")
	for name, test := range map[string]struct {
		path, form string
		header     []string
		status     int
	}{
		"forged":             {"/u/" + good[:len(good)-3] + "aaa/lists", "shown=1", nil, http.StatusNotFound},
		"another purpose":    {"/u/" + b.mint(token.View, 1, 1) + "/lists", "shown=1", nil, http.StatusNotFound},
		"from another site":  {path, "shown=1", []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		"a list with a word": {path, "shown=one", nil, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			if a := b.post(test.path, test.form, test.header...); a.StatusCode != test.status {
				t.Errorf("%s, want %d", a.Status, test.status)
			}
			if on := b.on(); on != 11 {
				t.Errorf("on the lists %d", on)
			}
		})
	}
	if _, err := b.server.service.Erase(t.Context(), "reader1@d1-2.test"); err != nil {
		t.Fatal(err)
	}
	if a := b.do(http.MethodGet, b.public.URL+path, ""); a.StatusCode != http.StatusNotFound || !strings.Contains(a.body, "We do not know this address") {
		t.Errorf("after the erasure: %s", a.Status)
	}
}

func TestListsHaveNamesForReaders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := strings.TrimSuffix(b.reader(), "/lists")
	if a := b.post("/lists/1/rename", "name=Weekly+news&public_name=The+%3CSunday%3E+letter"); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	b.contains(b.get("/lists/1/edit"), `value="The &lt;Sunday&gt; letter"`)
	b.contains(b.do(http.MethodGet, b.public.URL+path, ""), "“The &lt;Sunday&gt; letter”")
	if a := b.post("/lists/1/rename", "name=Weekly+news&public_name="); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	b.contains(b.do(http.MethodGet, b.public.URL+path, ""), "“Weekly news”")
}
