package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/auth"
	"github.com/headwaymail/headway/internal/sandbox"
)

// screenshotsVariable names the environment variable with a folder to which a
// picture of every page is written, in every view. .ci/screenshots sets it.
const screenshotsVariable = "HEADWAY_SCREENSHOTS"

// tour leads through every page of an installation.
type tour struct {
	*bundle
	cookie string // of who is logged in; empty for nobody
	stops  []stop
}

// stop is a page on a tour.
type stop struct {
	name, path string
	then       string // JavaScript that brings the page into the state to look at
}

// letterOfTheMill is a newsletter as somebody would write it.
const letterOfTheMill = `# Apples, and what became of them

Dear {{ first_name | default: "reader" }},

![The weir, at the end of the day](/i/@photo@)

the press ran for nine days, and the cellar is full. This is what we have put
aside for those who come by before Advent:

- **Cloudy juice**, five litres, from the old trees behind the weir
- **Cider vinegar**, aged since last winter
- a few jars of *quince jelly*, as long as they last

[Put a box aside for me](https://mill.test/boxes)

| Open        | until   |
|-------------|---------|
| Thursday    | 6 p.m.  |
| Saturday    | 1 p.m.  |

See you at the mill!
`

// emptyTour leads through an installation of which nothing is known yet.
func emptyTour(t *testing.T) tour {
	_, asks := internet(t)
	b := setup(t, asks, outside)
	return tour{bundle: b, stops: []stop{{"empty-dashboard", "/", ""}, {"empty-setup", "/setup", ""}, {"welcome", "/welcome", ""},
		{"empty-campaigns", "/campaigns", ""}, {"empty-lists", "/lists", ""}, {"empty-imports", "/imports", ""}, {"empty-upload", "/imports/new", ""},
		{"empty-contacts", "/contacts?q=nobody@mill.test", ""}, {"empty-suppressions", "/suppressions", ""}, {"empty-segments", "/segments", ""},
		{"empty-segment", "/segments/new", ""}, {"empty-templates", "/templates", ""}, {"empty-images", "/images", ""}, {"empty-providers", "/providers", ""}, {"empty-delivery", "/domains", ""},
		{"empty-replies", "/replies", ""}, {"empty-queue", "/queue", ""}, {"empty-events", "/events", ""}, {"empty-people", "/people", ""}, {"empty-compose", "/campaigns/new", ""}}}
}

// busyTour leads through an installation at work: campaigns in every state, with
// long names, large figures and none, and people of every role.
func busyTour(t *testing.T) tour {
	world, asks := internet(t)
	b := setup(t, asks, func(c *Config) { c.Banner = "Sandbox: everything here is simulated. Short retries; stops only warn." })
	sending := b.busy()
	b.hygiene()
	b.key()
	b.publish(world)
	photo, unused := b.gallery(), b.newest()
	draft := b.write(newsletter("name", "Apples of November", "from_name", "The Mill at the Weir", "subject", "{{ first_name | default: 'Dear reader' }}, the apples are in",
		"preheader", "Nine days at the press, and what is left for you", "body", strings.Replace(letterOfTheMill, "@photo@", photo, 1), "postal_address", "The Mill at the Weir\n1 Harbour Lane\nExampleton"))
	b.post(draft+"/audience", "in=1")
	test := b.post(draft+"/test", "to=ann%40mill.test").Header.Get("Location")
	series := b.write(newsletter("name", "Weekly letter", "subject", "What the leaves say this week"))
	b.post(series+"/audience", "in=1")
	b.post(series+"/schedule", url.Values{"when": {"at"}, "day": {time.Now().AddDate(0, 0, 3).Format(time.DateOnly)}, "time": {"09:00"},
		"zone": {"Europe/Warsaw"}, "repeat": {"FREQ=WEEKLY"}}.Encode())
	b.exec(`insert into campaigns (name, state, content, settings, created_at, updated_at, series_of, series_number)
	        select 'Weekly letter, 1 Nov 2026', 'finished', content, settings, now(), now(), id, 1 from campaigns where name = 'Weekly letter'`)
	paused, cancelled, large := b.others()
	b.post("/templates", url.Values{"id": {"0"}, "name": {"The Mill"}, "html": {firstTemplate}}.Encode())
	left := b.link(sending, 2)
	b.do(http.MethodPost, b.public.URL+"/u/"+left, "List-Unsubscribe=One-Click", "Content-Type", "application/x-www-form-urlencoded")
	owner, join := b.team()

	at := func(id int64, rest string) string { return fmt.Sprintf("/campaigns/%d%s", id, rest) }
	return tour{b, owner, []stop{
		{"dashboard", "/", ""}, {"setup", "/setup", ""}, {"setup-records", "/setup", openAll},
		{"campaigns", "/campaigns", ""}, {"campaigns-search", "/campaigns?search=winter", ""}, {"campaigns-none", "/campaigns?search=nothing+like+it", ""},
		{"campaign-sending", at(sending, ""), ""}, {"campaign-draft", "/campaigns/4", ""}, {"campaign-scheduled", "/campaigns/3", ""},
		{"campaign-finished", "/campaigns/1", ""}, {"campaign-paused", at(paused, ""), ""}, {"campaign-cancelled", at(cancelled, ""), ""},
		{"campaign-large", at(large, ""), ""}, {"campaign-series", series, ""},
		{"cancel", at(sending, "/cancel"), ""}, {"retry", "/campaigns/1/retry", ""}, {"delete", draft + "/delete", ""},
		{"report", at(sending, "/report"), ""}, {"report-deferred", at(sending, "/report?state=deferred"), ""}, {"report-large", at(large, "/report"), ""},
		{"compose", draft + "/edit?saved", ""}, {"compose-details", draft + "/edit", openAll}, {"compose-wrong", "/campaigns/4/edit", ""},
		{"preview", draft + "/preview", ""}, {"preview-dark", draft + "/preview?show=phone-dark", ""}, {"preview-text", draft + "/preview?show=text", ""},
		{"preview-raw", draft + "/preview?show=raw", ""}, {"test", test, ""},
		{"audience", draft + "/audience", ""}, {"schedule", draft + "/schedule", ""}, {"schedule-blocked", "/campaigns/4/schedule", openAll},
		{"delivery", "/domains", ""}, {"delivery-domains", "/domains?by=domain&for=1y", ""}, {"providers", "/providers", ""}, {"provider", "/providers/1", ""}, {"provider-held", "/providers/3", ""}, {"provider-long-name", "/providers/5", ""},
		{"hold", "/providers/1/hold", ""}, {"hold-preview", "/providers/1/hold?for=2h&note=they+asked+us+to+wait", ""},
		{"cap-wrong", "/providers/1/cap?rate=fast&note=", ""}, {"release", "/providers/3/release", ""}, {"reset", "/providers/1/reset", ""}, {"replies", "/replies", ""}, {"queue", "/queue", ""}, {"queue-retry", "/queue/retry", ""}, {"queue-retried", "/queue?retried=42", ""}, {"events", "/events", ""}, {"events-trouble", "/events?show=trouble", ""},
		{"lists", "/lists", ""}, {"list", "/lists/1", ""}, {"list-action", "/lists/1/ask/mend-typos", ""}, {"list-edit", "/lists/1/edit", ""}, {"members", "/lists/1/members", ""},
		{"contacts", "/contacts?q=reader1", ""}, {"contact", "/contacts/7", ""}, {"contact-mailed", "/contacts/1", ""}, {"contact-suppress", "/contacts/8/suppress", ""},
		{"contact-erase", "/contacts/7/erase", ""}, {"lift", "/suppressions/lift?what=old@gone.test", ""},
		{"suppressions", "/suppressions", ""}, {"segments", "/segments", ""}, {"segment", "/segments/4", ""}, {"segment-built-in", "/segments/2", ""}, {"segment-new", "/segments/new", ""},
		{"imports", "/imports", ""}, {"import", "/imports/1", ""}, {"import-failed", "/imports/2", ""}, {"import-running", "/imports/3", ""},
		{"import-columns", "/imports/4/columns", ""}, {"import-checked", "/imports/5", ""}, {"refused", "/imports/1/undo", ""}, {"upload", "/imports/new", openAll},
		{"templates", "/templates", ""}, {"template", "/templates/1", ""}, {"template-new", "/templates/new", ""},
		{"images", "/images", ""}, {"images-refused", "/images", refuseOne}, {"image", "/images/" + photo, ""}, {"image-unused", "/images/" + unused, ""},
		{"people", "/people", ""}, {"login", "/login", signedOut}, {"forgot", "/forgot", signedOut}, {"join", join, ""}, {"link-over", "/join/" + strings.Repeat("A", 43), ""},
		{"missing", "/campaigns/99", ""}, {"unsubscribe", "/u/" + b.link(sending, 1), ""}, {"unsubscribed", "/u/" + left, ""}, {"forged", "/u/nonsense", ""},
	}}
}

const (
	// openAll opens what is folded.
	openAll = `document.querySelectorAll("details").forEach(d => d.open = true)`
	// refuseOne shows what is said of a file that is no picture.
	refuseOne = `{ const p = document.createElement("p"); p.className = "problem"; p.textContent = "holiday.heic was not taken: the file is a HEIC photo, which most mail programs do not show. Export it as JPEG."; document.querySelector(".title").after(p); }`
	// signedOut marks a page for those who are not logged in.
	signedOut = "signed out"
)

// gallery uploads images of every kind, and returns the name of one.
func (b *bundle) gallery() string {
	b.Helper()
	b.add("logo-of-the-mill-in-all-its-colours-final-version-2-with-corrections-by-cleopatra.png", "The Mill", asPNG(hills(320, 90, 220)))
	b.add("turning.gif", "", asGIF(hills(160, 160, 0), hills(160, 160, 250)))
	b.add("tall.png", "A poster of the Advent market, with the hours at which it is open, a drawing of the mill, and more than anybody will read out", asPNG(hills(300, 1400, 120)))
	photo := b.add("IMG_4711.jpg", "The weir, at the end of the day", asJPEG(hills(1800, 900, 40)))
	b.exec(`update images set created_at = now() - interval '3 days'`)
	return photo
}

// newest uploads an image that nothing shows.
func (b *bundle) newest() string {
	b.Helper()
	return b.add("quince.jpg", "", asJPEG(hills(500, 400, 160)))
}

// publish sets up who sends, and publishes its records but for one.
func (b *bundle) publish(world *sandbox.Sandbox) {
	b.Helper()
	c := &b.server.service.Config
	c.Sending.BounceDomain, c.Sending.HELOName, c.Sending.Source = "bounces.sender.test", "mail.sender.test", "198.51.100.7"
	c.Inbound.Listen, c.Web.PublicURL = "127.0.0.1:2525", b.public.URL
	records, err := b.server.service.DKIMRecords(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	for _, record := range []string{"bounces.sender.test TXT v=spf1 include:other.test ~all", records[0].Name + " TXT " + records[0].Value,
		"bounces.sender.test MX 10 mail.sender.test.", "mail.sender.test A 198.51.100.7", "7.100.51.198.in-addr.arpa PTR vm7.host.test.",
		"other.test TXT v=spf1 ip4:203.0.113.0/24 -all"} {
		if err := world.AddRecord(record); err != nil {
			b.Fatal(err)
		}
	}
}

// others adds a campaign that is paused, one that was cancelled, and one of
// twenty million recipients.
func (b *bundle) others() (paused, cancelled, large int64) {
	b.Helper()
	paused = b.launch("Spring sale")
	b.progress(paused, 0, campaign.Delivered, 700, "")
	b.exec(`update campaigns set state = 'paused', launched_at = now() - interval '1 hour' where id = $1`, paused)
	cancelled = b.launch("Invitation to the open day (wrong date)")
	b.progress(cancelled, 0, campaign.Delivered, 31, "")
	b.progress(cancelled, 0, campaign.DeliveryCancelled, 5000, "")
	b.exec(`update campaigns set state = 'cancelled', launched_at = now() - interval '5 days', finished_at = now() - interval '5 days' where id = $1`, cancelled)
	large = b.launch("Terms of service, all countries")
	b.progress(large, 0, campaign.Delivered, 4937, "")
	b.progress(large, 0, campaign.Bounced, 51, "550 5.1.1 no such user here")
	b.progress(large, 0, campaign.Expired, 12, "")
	for _, table := range []string{"campaign_providers", "campaign_domains"} {
		b.exec(`update `+table+` set targeted = 4001 * targeted, queued = 4001 * queued, deferred = 4001 * deferred, delivered = 4001 * delivered,
		        bounced = 4001 * bounced, expired = 4001 * expired, suppressed = 4001 * suppressed, cancelled = 4001 * cancelled, in_doubt = 4001 * in_doubt
		        where campaign_id = $1`, large)
	}
	b.exec(`update campaigns set state = 'finished', launched_at = now() - interval '9 days', finished_at = now() - interval '8 days',
	               audience = '{"in_lists": 20004999, "unsubscribed": 20005, "suppressed": 4000, "will_receive": 19980994}' where id = $1`, large)
	b.exec(`insert into campaign_events (campaign_id, at, kind, words)
	        select id, launched_at, 'launched', 'Launched.' from campaigns where launched_at is not null and id in (1, $1, $2, $3)
	        union all
	        select id, finished_at, state::text, case state when 'cancelled' then 'Cancelled by Ann Weaver, pages.' else 'Every recipient is in a final state.' end
	          from campaigns where finished_at is not null and id in (1, $1, $2, $3)`, paused, cancelled, large)
	return paused, cancelled, large
}

// team makes accounts of every kind. It returns the cookie of the owner and the
// path of an invitation.
func (b *bundle) team() (owner, join string) {
	b.Helper()
	b.post("/welcome", url.Values{"address": {"ann@mill.test"}, "name": {"Ann Weaver"}, "password": {pass}}.Encode())
	owner = b.cookie("ann@mill.test")
	link := func(address, name string, role auth.Role) string {
		a := b.post("/people/invite", url.Values{"address": {address}, "name": {name}, "role": {string(role)}}.Encode(), "Cookie", owner)
		if a.StatusCode != http.StatusSeeOther {
			b.Fatalf("invite %s: %s\n%s", address, a.Status, a.body)
		}
		return address
	}
	link("bob@mill.test", "Bob", auth.Editor)
	link("cleopatra.featherstonehaugh-cholmondeley@marketing.subsidiary.mill.test", "Cleopatra Featherstonehaugh-Cholmondeley", auth.Analyst)
	b.exec(`update users set password = 'x', last_login_at = now() - interval '3 days' where address_key = 'bob@mill.test'`)
	b.post("/people/disable", "address=bob%40mill.test", "Cookie", owner)
	secret, kept := auth.NewSecret()
	b.exec(`insert into users (address, address_key, name, role, created_at) values ('dee@mill.test', 'dee@mill.test', 'Dee', 'editor', now())`)
	b.exec(`insert into user_links (kept, user_id, purpose, created_at, expires_at)
	        select $1, id, 'invite', now(), now() + interval '1 day' from users where address_key = 'dee@mill.test'`, kept)
	return owner, "/join/" + secret
}

// visit opens a stop. Its answer may be any that a page can give.
func (tr tour) visit(ctx context.Context, s stop) {
	tr.Helper()
	cookie := tr.cookie
	if s.then == signedOut {
		cookie = ""
	}
	name, value, _ := strings.Cut(cookie, "=")
	if _, err := chromedp.Call(ctx, network.ClearBrowserCookies, cdp.Empty{}); err != nil {
		tr.Fatal(err)
	}
	if value != "" {
		if _, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: name, Value: value, URL: tr.site.URL}); err != nil {
			tr.Fatal(err)
		}
	}
	err := chromedp.Do(ctx, chromedp.Navigate(tr.site.URL+s.path))
	if err != nil && !strings.Contains(err.Error(), "status") {
		tr.Fatalf("%s: %v", s.path, err)
	}
	if s.then != "" && s.then != signedOut {
		if _, err := chromedp.Run(ctx, chromedp.Evaluate[chromedp.Void](s.then)); err != nil {
			tr.Fatalf("%s: %v", s.path, err)
		}
	}
}

// Every page fits its window, is sound to axe-core, and can be looked at.
func TestPagesInABrowser(t *testing.T) {
	ctx := browser(t)
	tours := []tour{emptyTour(t), busyTour(t)}
	t.Run("fit a phone", func(t *testing.T) {
		if err := phone.begin(ctx); err != nil {
			t.Fatal(err)
		}
		for _, tour := range tours {
			for _, stop := range tour.stops {
				tour.visit(ctx, stop)
				checkWidth(t, ctx, stop.name)
			}
		}
	})
	t.Run("axe", func(t *testing.T) { checkWithAxe(t, ctx, tours) })
	if folder := os.Getenv(screenshotsVariable); folder != "" {
		t.Run("screenshots", func(t *testing.T) { takePictures(t, ctx, tours, folder) })
	}
}

func checkWidth(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	over, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - window.innerWidth`))
	if err != nil {
		t.Fatal(err)
	}
	if over > 0 {
		t.Errorf("%s: %d pixels stick out to the right", name, over)
	}
}

func takePictures(t *testing.T, ctx context.Context, tours []tour, folder string) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, v := range views {
		if err := v.begin(ctx); err != nil {
			t.Fatal(err)
		}
		for _, tour := range tours {
			for _, stop := range tour.stops {
				tour.visit(ctx, stop)
				checkWidth(t, ctx, stop.name+", "+v.name)
				if err := v.stretch(ctx); err != nil {
					t.Fatal(err)
				}
				picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(folder, stop.name+"-"+v.name+".png"), picture, 0o644); err != nil {
					t.Fatal(err)
				}
				n++
				if err := v.begin(ctx); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	t.Logf("%d pictures are in %s", n, folder)
}
