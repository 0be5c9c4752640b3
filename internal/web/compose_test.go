package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/headwaymail/headway/internal/auth"
)

// newsletter is a form that is filled in.
func newsletter(change ...string) url.Values {
	form := url.Values{"name": {"Autumn"}, "from_name": {"The Mill"}, "from_address": {"news@sender.test"}, "subject": {"Leaves"},
		"body": {"Hello {{ first_name | default: \"friend\" }}"}, "format": {"markdown"}, "layout": {"newsletter"}, "postal_address": {"1 Harbour Lane"}}
	for i := 0; i+1 < len(change); i += 2 {
		form.Set(change[i], change[i+1])
	}
	return form
}

// write saves a newsletter and returns its path.
func (b *bundle) write(form url.Values) string {
	b.Helper()
	a := b.post("/campaigns", form.Encode())
	path, _, found := strings.Cut(a.Header.Get("Location"), "/edit?saved")
	if a.StatusCode != http.StatusSeeOther || !found {
		b.Fatalf("saved as %s, %q\n%s", a.Status, a.Header.Get("Location"), a.body)
	}
	return path
}

func (b *bundle) key() {
	b.Helper()
	if _, err := b.server.service.GenerateDKIM(context.Background(), "sender.test", ""); err != nil {
		b.Fatal(err)
	}
}

func TestComposeKeepsWhatIsWritten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.contains(b.get("/campaigns"), `href="/campaigns/new"`)
	path := b.write(newsletter("body", "", "subject", ""))
	b.contains(b.get(path+"/edit?saved"), "Saved.", `id="subject-problem"`, "The message has no subject", `id="body-problem"`, `aria-invalid="true"`)
	b.contains(b.get("/campaigns/new"), `value="The Mill"`, `value="news@sender.test"`, "1 Harbour Lane", `value="newsletter" checked`) // of the last campaign
	for name, form := range map[string]url.Values{
		"Liquid":   newsletter("body", "Hi\n{{ first_name"),
		"sender":   newsletter("from_address", "nobody"),
		"Reply-To": newsletter("reply_to", "nobody at all"),
	} {
		if a := b.post(path+"/edit", form.Encode()); a.StatusCode != http.StatusSeeOther {
			t.Errorf("%s: %s", name, a.Status)
		}
		if a := b.get(path + "/edit"); !strings.Contains(a.body, `class="beside"`) {
			t.Errorf("%s: no problem is shown", name)
		}
	}
	long := b.post(path+"/edit", newsletter("body", strings.Repeat("leaf ", 120_000)).Encode())
	if long.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("600 KB: %s", long.Status)
	}
	b.contains(long, "Nothing was saved: The content is too long")
	b.post(path+"/edit", newsletter("format", "html", "body", "<p>Hi</p>").Encode())
	b.contains(b.get(path+"/edit"), `value="html" checked`, "&lt;p&gt;Hi&lt;/p&gt;")
	b.contains(b.get("/campaigns?search=LEAV"), "Autumn")
	b.contains(b.get("/campaigns?search=100%25"), "No campaign has “100%”")

	clone := b.post(path+"/clone", "")
	b.contains(b.get(clone.Header.Get("Location")), `value="Autumn (copy)"`)
	again := b.post(strings.TrimSuffix(clone.Header.Get("Location"), "/edit")+"/clone", "")
	b.contains(b.get(again.Header.Get("Location")), `value="Autumn (copy 2)"`)
	b.contains(b.get(path+"/delete"), "Delete “Autumn”?")
	if a := b.post(path+"/delete", ""); a.StatusCode != http.StatusSeeOther || b.do(http.MethodGet, b.site.URL+path, "").StatusCode != http.StatusNotFound {
		t.Error("the draft is still there")
	}
}

// No field can bring a header of its own along, however it is written.
func TestHeadersCannotBeInjected(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raw := regexp.MustCompile(`(?s)<pre class="source"[^>]*>(.*?)</pre>`)
	for _, field := range []string{"from_name", "from_address", "reply_to", "subject", "preheader", "name"} {
		for _, breaks := range []string{"\r\n", "\n", "\r", "\u2028", "\x00\n", "\r\n "} {
			value := "news@sender.test" + breaks + "Bcc: everybody@sender.test" + breaks + breaks + "body"
			path := b.write(newsletter(field, value))
			page := b.get(path + "/preview?show=raw").body
			source := raw.FindStringSubmatch(page)
			if source == nil {
				continue // refused: nothing can be composed
			}
			head, _, _ := strings.Cut(source[1], "\n\n")
			for line := range strings.SplitSeq(strings.ToLower(head), "\n") {
				if strings.HasPrefix(line, "bcc:") {
					t.Errorf("%s with %q adds a header:\n%s", field, breaks, head)
				}
			}
		}
	}
}

func TestPreviewsRunNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := b.write(newsletter("format", "html", "body", `<!doctype html><html><body><script>alert(1)</script><img src=x onerror=alert(2)>
<form action="https://evil.test"><button>Go</button></form><a href="https://mill.example/">Mill</a></body></html>`))
	letter := b.get(path + "/preview/html")
	policy := letter.Header.Get("Content-Security-Policy")
	for _, part := range []string{"sandbox;", "default-src 'none'", "form-action 'none'", "base-uri 'none'", "frame-ancestors 'self'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy %q lacks %s", policy, part)
		}
	}
	if strings.Contains(policy, "script") || strings.Contains(policy, "allow-") || letter.Header.Get("X-Frame-Options") != "SAMEORIGIN" {
		t.Errorf("%q, %q", policy, letter.Header.Get("X-Frame-Options"))
	}
	around := b.get(path + "/preview")
	b.contains(around, `sandbox title="`, `src="/campaigns/1/preview/html?`)
	if strings.Contains(around.body, "alert(") || strings.Contains(around.Header.Get("Content-Security-Policy"), "unsafe") {
		t.Error("the newsletter's script stands in the page itself")
	}
	b.contains(b.get(path+"/preview?show=text"), "Mill &lt;https://mill.example/&gt;")
	b.contains(b.get(path+"/preview?as=nobody@else.test"), "There is no contact with this address")
	b.contains(b.post(path+"/test", "to=me@north.test"), "a DKIM key for sender.test")
	b.key()
	b.contains(b.post(path+"/test", "to=nobody"), "cannot be mailed")
	if a := b.do(http.MethodGet, b.site.URL+path+"/test/1", ""); a.StatusCode != http.StatusNotFound {
		t.Errorf("a campaign that is no test is shown as one: %s", a.Status)
	}
	plain := b.write(newsletter())
	b.contains(b.get(plain+"/preview/html?dark=1"), "Hello friend", "(min-width: 0)", `content="dark"`)
}

// Pages that change something ask for the role and for our own page.
func TestWhoMayCompose(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sample(20)
	draft := fmt.Sprintf("/campaigns/%d", b.draft("Winter"))
	changing := []string{"/campaigns", draft + "/edit", draft + "/test", draft + "/audience", draft + "/schedule", draft + "/clone", draft + "/delete"}
	for _, path := range changing {
		a := b.do(http.MethodPost, b.site.URL+path, newsletter().Encode(), "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "cross-site")
		if a.StatusCode != http.StatusForbidden {
			t.Errorf("%s from another site: %s", path, a.Status)
		}
	}
	if a := b.post("/welcome", url.Values{"address": {"ann@mill.test"}, "name": {"Ann"}, "password": {pass}}.Encode()); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	analyst := b.joined(b.cookie("ann@mill.test"), "cleo@mill.test", auth.Analyst)
	for _, path := range changing {
		if a := b.post(path, newsletter().Encode(), "Cookie", analyst); a.StatusCode != http.StatusForbidden {
			t.Errorf("an analyst posts to %s: %s", path, a.Status)
		}
		if a := b.post(path, newsletter().Encode()); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("nobody posts to %s: %s", path, a.Status)
		}
	}
	for path, want := range map[string]int{"/campaigns/new": 403, draft + "/edit": 403, draft + "/audience": 403, draft + "/schedule": 403,
		draft + "/delete": 403, draft + "/preview": 200, draft + "/preview/html": 200} {
		if a := b.do(http.MethodGet, b.site.URL+path, "", "Cookie", analyst); a.StatusCode != want {
			t.Errorf("an analyst opens %s: %s, want %d", path, a.Status, want)
		}
	}
	if n := b.number(`select count(*) from campaigns`); n != 2 {
		t.Errorf("%d campaigns, want 2", n)
	}
}

func TestAudienceAddsUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sample(100)
	path := fmt.Sprintf("/campaigns/%d", b.draft("Winter"))
	b.exec(`insert into lists (name, created_at) values ('Second', now()), ('Never', now())`)
	b.exec(`insert into list_members (list_id, contact_id, status, since) select 2, id, 'subscribed', now() from contacts where id <= 30`)
	b.exec(`insert into list_members (list_id, contact_id, status, since) select 3, id, 'subscribed', now() from contacts where id in (1, 2)`)
	b.exec(`update contacts set status = 'unsubscribed' where id in (3, 4, 5)`)
	b.exec(`update contacts set status = 'cleaned' where id = 6`)
	b.exec(`update contacts set verdict = 'undeliverable', reasons = '{domain_missing}' where id = 7`)
	b.exec(`update contacts set verdict = 'risky', reasons = '{role_account}' where id in (8, 9)`)
	if a := b.post(path+"/audience", "in=1&in=2&out=3"); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	row := regexp.MustCompile(`<th scope="row">([A-Za-z ]+)(?:<span.*?</span>)?</th><td class="n">(−?[\d,]+)</td></tr>`)
	var page answer
	for deadline := time.Now().Add(time.Minute); ; {
		if page = b.get(path + "/audience"); !strings.Contains(page.body, "Being counted") || time.Now().After(deadline) {
			break
		}
	}
	got := ""
	for _, m := range row.FindAllStringSubmatch(page.body, -1) {
		got += m[1] + " " + m[2] + "; "
	}
	const want = "In lists and segments 130; On several of them −30; Left out by choice −2; Unsubscribed −3; Suppressed −1; Undeliverable −1; Held −2; Will receive 91; "
	if got != want {
		t.Errorf("%s\nwant %s\n%s", got, want, page.body)
	}
	b.contains(page, "Northmail")
	b.contains(b.post(path+"/audience", "in=1&out=1"), "both chosen and left out")
	launched := b.launch("Autumn") // to the first list only, judged in the same way
	if n := b.number(`select (audience ->> 'will_receive')::bigint from campaigns where id = $1`, launched); n != 93 {
		t.Errorf("a launch reaches %d", n)
	}
}

// Who saves an audience that somebody else has changed since it was opened is told,
// and replaces their choice only knowingly.
func TestAudienceIsOvertaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sample(20)
	b.exec(`insert into lists (name, created_at) values ('Second', now())`)
	path := fmt.Sprintf("/campaigns/%d/audience", b.draft("Winter"))
	based := func(a answer) string {
		t.Helper()
		found := regexp.MustCompile(`name="based" value="([0-9a-f]+)"`).FindStringSubmatch(a.body)
		if found == nil {
			t.Fatalf("no mark of what was opened:\n%s", a.body)
		}
		return "&based=" + found[1]
	}
	opened := based(b.get(path))
	for range 2 { // the second from another window, with the same choice
		if a := b.post(path, "in=2"+opened); a.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s\n%s", a.Status, a.body)
		}
	}
	late := b.post(path, "in=1&out=2"+opened)
	if late.StatusCode != http.StatusConflict {
		t.Fatalf("saved over another choice: %s", late.Status)
	}
	b.contains(late, "somebody saved other readers: it goes to “Second”")
	if n := b.number(`select count(*) from campaign_lists l join campaigns c on c.id = l.campaign_id where c.name = 'Winter' and list_id = 2 and not exclude`); n != 1 {
		t.Error("the choice of the one who was quicker is gone")
	}
	if a := b.post(path, "in=1&out=2"+based(late)); a.StatusCode != http.StatusSeeOther {
		t.Errorf("knowingly: %s", a.Status)
	}
	b.contains(b.get(path), `value="1" checked`)
}

func TestSchedule(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sample(50)
	path := b.write(newsletter())
	b.contains(b.get(path+"/schedule"), "a DKIM key for sender.test", "No list and no segment is chosen", `id="start" disabled`)
	if a := b.post(path+"/schedule", "when=now&zone=UTC"); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("what is in the way was passed: %s", a.Status)
	}
	b.key()
	b.post(path+"/audience", "in=1")
	later := time.Now().Add(62 * time.Hour)
	at := url.Values{"when": {"at"}, "day": {later.Format(time.DateOnly)}, "time": {"09:00"}, "zone": {"Europe/Warsaw"}, "lifetime": {"24h"}}
	for name, wrong := range map[string]struct{ field, value, says string }{
		"zone":      {"zone", "Warsaw", "is not a time zone"},
		"past":      {"day", "2020-01-01", "has passed"},
		"time":      {"time", "", "is not a time"},
		"finish by": {"finish_day", "2020-01-01", "It must be after the start"},
	} {
		form := url.Values{}
		for k, v := range at {
			form[k] = v
		}
		form.Set(wrong.field, wrong.value)
		if wrong.field == "finish_day" {
			form.Set("finish_at", "10:00")
		}
		a := b.post(path+"/schedule", form.Encode())
		if a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", name, a.Status)
		}
		b.contains(a, wrong.says)
	}
	if a := b.post(path+"/schedule", at.Encode()); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	b.contains(b.get(path), "Scheduled", "09:00 Europe/Warsaw, in ", "for 1 d.", `id="do-unschedule"`)
	if a := b.do(http.MethodGet, b.site.URL+path+"/edit", ""); a.StatusCode != http.StatusConflict {
		t.Errorf("a scheduled campaign is edited: %s", a.Status)
	}
	b.post(path+"/unschedule", "")
	b.get(path + "/edit")

	// Above a size, the number is typed.
	b.exec(`insert into contacts (address, address_key, canonical_key, domain_id, status_since, created_at, updated_at)
	        select a, a, a, 1, now(), now(), now() from generate_series(1, 10001) k cross join lateral (select 'more' || k || '@d1-1.test' as a) x`)
	b.exec(`insert into list_members (list_id, contact_id, status, since) select 1, id, 'subscribed', now() from contacts where address like 'more%'`)
	b.post(path+"/audience", "in=1")
	b.contains(b.post(path+"/schedule", "when=now&zone=UTC"), "type the number to confirm", "10,051")
	if a := b.post(path+"/schedule", "when=now&zone=UTC&count=10,051"); a.StatusCode != http.StatusSeeOther {
		t.Errorf("confirmed: %s", a.Status)
	}
	if n := b.number(`select count(*) from campaigns where state = 'sending'`); n != 2 {
		t.Errorf("%d are being sent", n)
	}
}
