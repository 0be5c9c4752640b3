package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headwaymail/headway/campaign/token"
	"github.com/headwaymail/headway/internal/postgres"
)

const form = "application/x-www-form-urlencoded"

// traces counts what unsubscribing leaves in the database.
func (b *bundle) traces() int64 {
	b.Helper()
	return b.number(`select (select count(*) from suppressions)
	                      + (select count(*) from list_members where status = 'unsubscribed')
	                      + (select count(*) from contacts where status = 'unsubscribed')`)
}

func TestUnsubscribeLooksWithoutTouching(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sample(20)
	url := b.public.URL + "/u/" + b.link(id, 1)

	for _, method := range []string{http.MethodGet, http.MethodHead} {
		a := b.do(method, url, "")
		if a.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", method, a.Status)
		}
		for name, want := range map[string]string{"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow",
			"Cache-Control": "no-store", "Set-Cookie": "", "Content-Security-Policy": publicPolicy} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", method, name, got, want)
			}
		}
		if method == http.MethodGet {
			b.contains(a, "reader1@d1-2.test", "“Weekly news”", "The Weekly", `<button class="button main wide">Unsubscribe</button>`)
			if strings.Contains(a.body, "<script") {
				t.Error("the page brings a script")
			}
		}
	}
	if n := b.traces(); n != 0 {
		t.Errorf("looking left %d traces", n)
	}
}

func TestUnsubscribeByTheForm(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		choice, scope, says, later string
	}{
		"these lists": {"lists", "list", "gets no more mail sent to “Weekly news”", "Leave everything"},
		"everything":  {"everything", "global", "gets no more newsletters from us", "gets no newsletters from us"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			id := b.sample(20)
			path := "/u/" + b.link(id, 1)
			for range 2 { // saying it twice does no harm
				a := b.post(path, "leave="+test.choice)
				if a.StatusCode != http.StatusOK {
					t.Fatalf("%s\n%s", a.Status, a.body)
				}
				b.contains(a, "You are unsubscribed", test.says)
			}
			b.contains(b.get(path), "You have left already", test.later) // and the link says so later, too
			if n := b.number(`select count(*) from suppressions where scope = $1 and reason = 'unsubscribed'`, test.scope); n != 1 {
				t.Errorf("%d suppressions of scope %s, want 1", n, test.scope)
			}
		})
	}
}

func TestUnsubscribeByOneClick(t *testing.T) {
	t.Parallel()
	multipart := "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n"
	for name, test := range map[string]struct{ kind, body string }{
		"form":             {form, "List-Unsubscribe=One-Click"},
		"multipart":        {"multipart/form-data; boundary=x", multipart},
		"no kind is named": {"", "List-Unsubscribe=One-Click"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c *Config) { c.Password = "secret" })
			id := b.sample(20)
			for _, site := range []string{b.public.URL, b.site.URL} {
				began := time.Now()
				// As a web mail's server sends it, or as the worst browser would.
				a := b.do(http.MethodPost, site+"/u/"+b.link(id, 1), test.body,
					"Content-Type", test.kind, "Origin", "https://webmail.test", "Sec-Fetch-Site", "cross-site")
				if took := time.Since(began); took > time.Second {
					t.Errorf("took %s", took)
				}
				if a.StatusCode != http.StatusOK || a.body != "You are unsubscribed.\n" || a.Header.Get("Set-Cookie") != "" {
					t.Errorf("%s %q, cookie %q", a.Status, a.body, a.Header.Get("Set-Cookie"))
				}
			}
			if n := b.number(`select count(*) from suppressions where scope = 'list'`); n != 1 {
				t.Errorf("%d suppressions, want 1", n)
			}
			if n := b.number(`select count(*) from list_members where status = 'unsubscribed'`); n != 1 {
				t.Errorf("%d memberships left, want 1", n)
			}
		})
	}
}

func TestUnsubscribeRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sample(20)
	good := b.link(id, 1)
	forged := good[:len(good)-3] + "aaa"
	messageID := b.tokens.Mint(token.Claims{Purpose: token.MessageID, Campaign: id, Contact: 1, Day: time.Now()})
	for name, test := range map[string]struct {
		method, token, body string
		header              []string
		status              int
		says                string
	}{
		"forged":           {http.MethodGet, forged, "", nil, 404, "This link does not work"},
		"cut short":        {http.MethodGet, good[:10], "", nil, 404, "This link does not work"},
		"another purpose":  {http.MethodGet, messageID, "", nil, 404, "This link does not work"},
		"forged one-click": {http.MethodPost, forged, "List-Unsubscribe=One-Click", nil, 404, "This link does not work"},
		"unknown contact":  {http.MethodGet, b.link(id, 999), "", nil, 404, "We do not know this address any more"},
		"nothing chosen":   {http.MethodPost, good, "", nil, 400, "Nothing was chosen"},
		"other words":      {http.MethodPost, good, "List-Unsubscribe=Maybe", nil, 400, "Nothing was chosen"},
		"another site's form": {http.MethodPost, good, "leave=everything",
			[]string{"Sec-Fetch-Site", "cross-site"}, 403, "This came from another site"},
		"too long": {http.MethodPost, good, "leave=" + strings.Repeat("x", bodyLimit), nil, 400, "This form could not be read"},
		"PUT":      {http.MethodPut, good, "", nil, 405, "That does not work here"},
	} {
		t.Run(name, func(t *testing.T) {
			a := b.do(test.method, b.public.URL+"/u/"+test.token, test.body, append([]string{"Content-Type", form}, test.header...)...)
			if a.StatusCode != test.status {
				t.Errorf("%s, want %d", a.Status, test.status)
			}
			b.contains(a, test.says)
			if a.Header.Get("Referrer-Policy") != "no-referrer" {
				t.Error("the page passes its address on")
			}
		})
	}
	if n := b.traces(); n != 0 {
		t.Errorf("refused requests left %d traces", n)
	}
	if strings.Contains(b.log.String(), good) || strings.Contains(b.log.String(), forged) {
		t.Error("the log holds a link")
	}
}

// An erased contact has nothing left to unsubscribe; the mail program is not
// to try again for ever.
func TestUnsubscribeOfTheErased(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sample(20)
	a := b.do(http.MethodPost, b.public.URL+"/u/"+b.link(id, 999), "List-Unsubscribe=One-Click", "Content-Type", form)
	if a.StatusCode != http.StatusOK {
		t.Errorf("%s", a.Status)
	}
}

// A test message goes to no list: leaving it means leaving everything.
func TestUnsubscribeWithoutLists(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sample(20)
	b.exec(`delete from campaign_lists where campaign_id = $1`, id)
	b.contains(b.get("/u/"+b.link(id, 1)), `name="leave" value="everything"`)
	a := b.post("/u/"+b.link(id, 1), "List-Unsubscribe=One-Click")
	if a.StatusCode != http.StatusOK || b.number(`select count(*) from suppressions where scope = 'global'`) != 1 {
		t.Errorf("%s", a.Status)
	}
}

// What the page says is what happens, by the page and by one click, whatever the
// campaign went to.
func TestUnsubscribeDoesWhatThePageSays(t *testing.T) {
	t.Parallel()
	const (
		segments = `insert into segments (name, rule, created_at, updated_at) values ('Oslo', $1, now(), now())`
		chosen   = `insert into campaign_segments (campaign_id, segment_id, exclude) select $1, id, $2 from segments where name = 'Oslo'`
		anybody  = `{"match": "all", "conditions": [{"subject": "known", "op": "within", "value": "90"}]}`
		ofAList  = `{"match": "all", "conditions": [{"subject": "list", "op": "is", "value": "Weekly news"}]}`
	)
	for name, test := range map[string]struct {
		begin func(b *bundle, id int64)
		says  []string // of the lists that are left; none for everything
		on    int64    // on which lists they are after leaving what the page offers first, as of [bundle.on]
	}{
		"one list": {func(*bundle, int64) {}, []string{"Weekly news"}, 10},
		"several lists": {func(b *bundle, id int64) {
			b.exec(`insert into campaign_lists (campaign_id, list_id, exclude) values ($1, 2, false)`, id)
		}, []string{"Weekly news", "Offers &amp; more"}, 0},
		"a list, without another": {func(b *bundle, id int64) {
			b.exec(`insert into campaign_lists (campaign_id, list_id, exclude) values ($1, 2, true)`, id)
		}, []string{"Weekly news"}, 10},
		"a list, without a segment": {func(b *bundle, id int64) {
			b.exec(segments, anybody)
			b.exec(chosen, id, true)
		}, []string{"Weekly news"}, 10},
		"a segment": {func(b *bundle, id int64) {
			b.exec(`delete from campaign_lists where campaign_id = $1`, id)
			b.exec(segments, anybody)
			b.exec(chosen, id, false)
		}, nil, 0},
		"a segment of one list": {func(b *bundle, id int64) {
			b.exec(`delete from campaign_lists where campaign_id = $1`, id)
			b.exec(segments, ofAList)
			b.exec(chosen, id, false)
		}, nil, 0},
		"a list and a segment": {func(b *bundle, id int64) {
			b.exec(segments, anybody)
			b.exec(chosen, id, false)
		}, nil, 0},
		"nothing, as a test": {func(b *bundle, id int64) {
			b.exec(`delete from campaign_lists where campaign_id = $1`, id)
		}, nil, 0},
	} {
		for _, way := range []string{"page", "one click", "mail"} {
			t.Run(name+" by "+way, func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				path := strings.TrimSuffix(b.reader(), "/lists")
				id := b.number(`select max(id) from campaigns`)
				test.begin(b, id)
				asks, choice := b.get(path), "everything"
				if len(test.says) > 0 {
					choice = "lists"
					b.contains(asks, "“"+strings.Join(slices.Sorted(slices.Values(test.says)), "”, “")+"”")
				} else {
					b.contains(asks, "no more newsletters from us, whichever they are")
				}
				for _, list := range []string{"Weekly news", "Offers &amp; more"} {
					if named := strings.Contains(asks.body, "“"+list+"”") || strings.Contains(asks.body, list+"”"); named != slices.Contains(test.says, list) {
						t.Errorf("the page names %s: %v", list, named)
					}
				}
				switch way {
				case "page":
					if other := "lists"; choice == "everything" {
						if a := b.post(path, "leave="+other); a.StatusCode != http.StatusBadRequest {
							t.Errorf("what was not offered: %s", a.Status)
						}
					}
					b.contains(b.post(path, "leave="+choice), "You are unsubscribed")
				case "one click":
					b.post(path, "List-Unsubscribe=One-Click")
				case "mail":
					if _, _, err := b.store.Unsubscribe(t.Context(), postgres.Unsubscribe{Campaign: id, Contact: 1, By: "mail", At: time.Now()}); err != nil {
						t.Fatal(err)
					}
				}
				if on := b.on(); on != test.on {
					t.Errorf("on the lists %d, want %d", on, test.on)
				}
				left := b.number(`select count(*) from suppressions where scope = 'global'`) == 1
				if left != (len(test.says) == 0) {
					t.Errorf("everything was left: %v", left)
				}
				b.contains(b.get(path), "You have left already")
			})
		}
	}
}

// Who may be reached by a segment, but is on no list that readers have a name for,
// is not told that nothing comes.
func TestPreferencesOfSegments(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := b.reader()
	id := b.number(`select max(id) from campaigns`)
	b.exec(`delete from campaign_lists where campaign_id = $1`, id)
	b.exec(`update lists set public_name = ''`)
	b.exec(`insert into campaign_segments (campaign_id, segment_id, exclude) select $1, min(id), false from segments`, id)
	b.contains(b.get(path), "not divided into newsletters", "Leave everything", "Pause for 30 days")
	b.post(strings.TrimSuffix(path, "/lists"), "leave=everything")
	b.contains(b.get(path), "You get no newsletters from us.")
}
