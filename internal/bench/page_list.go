package bench

import (
	"fmt"
	"time"

	"github.com/headwaymail/headway/campaign/token"
	"github.com/headwaymail/headway/internal/postgres"
)

// pageStop is one page with what is on it.
type pageStop struct {
	route string // as internal/web/routes.go names it
	path  string
	live  bool // an event stream: until its first event
	open  bool // for those who are not logged in
}

// notPages are routes that answer with something else than a page, and why they
// are not measured.
var notPages = map[string]string{
	"GET /imports/{id}/rejected.csv":       "a download",
	"GET /lists/{id}/verdicts.csv":         "a download",
	"GET /lists/{id}/members.csv":          "a download",
	"GET /contacts/{id}/export.json":       "a download",
	"GET /suppressions.csv":                "a download",
	"GET /domains.csv":                     "a download",
	"GET /domains.json":                    "a download",
	"GET /campaigns/{id}/test/{test}":      "exists once a test was sent",
	"GET /campaigns/{id}/test/{test}/live": "exists once a test was sent",
	"GET /images/{name}":                   "exists once an image was uploaded",
	"GET /images/{name}/thumbnail":         "an image",
	"GET /welcome":                         "exists until there is an owner",
	"GET /metrics":                         "for monitors",
	"GET /readyz":                          "for monitors",
	"GET /healthz":                         "for monitors",
	"GET /assets/":                         "counted with the pages",
}

// pageStops are all pages, those of campaigns, lists and providers for the largest
// of them. mint makes a reader's link.
func pageStops(of postgres.BenchSubjects, join string, mint func(token.Purpose) string) []pageStop {
	at := func(format string, id int64) string { return fmt.Sprintf(format, id) }
	stops := []pageStop{
		{route: "GET /{$}", path: "/"}, {route: "GET /live", path: "/live", live: true},
		{route: "GET /setup", path: "/setup"}, {route: "GET /setup/live", path: "/setup/live", live: true},
		{route: "GET /campaigns", path: "/campaigns"}, {route: "GET /campaigns", path: "/campaigns?search=apples"},
		{route: "GET /campaigns", path: "/campaigns?search=weekly&before=100000"}, {route: "GET /campaigns/new", path: "/campaigns/new"},
	}
	for _, id := range []int64{of.Large, of.Medium, of.Small, of.Paused, of.Cancelled, of.Scheduled, of.Series, of.Draft} {
		stops = append(stops, pageStop{route: "GET /campaigns/{id}", path: at("/campaigns/%d", id)})
	}
	for _, id := range []int64{of.Large, of.Medium, of.Small} {
		stops = append(stops, pageStop{route: "GET /campaigns/{id}/report", path: at("/campaigns/%d/report", id)})
		for _, state := range []string{"delivered", "bounced", "in_doubt"} {
			stops = append(stops, pageStop{route: "GET /campaigns/{id}/report", path: at("/campaigns/%d/report?state="+state, id)})
		}
	}
	stops = append(stops,
		pageStop{route: "GET /campaigns/{id}/live", path: at("/campaigns/%d/live", of.Large), live: true},
		pageStop{route: "GET /campaigns/{id}/cancel", path: at("/campaigns/%d/cancel", of.Large)},
		pageStop{route: "GET /campaigns/{id}/retry", path: at("/campaigns/%d/retry", of.Medium)},
		pageStop{route: "GET /campaigns/{id}/edit", path: at("/campaigns/%d/edit", of.Draft)},
		pageStop{route: "GET /campaigns/{id}/preview", path: at("/campaigns/%d/preview", of.Draft)},
		pageStop{route: "GET /campaigns/{id}/preview/html", path: at("/campaigns/%d/preview/html", of.Draft)},
		pageStop{route: "GET /campaigns/{id}/delete", path: at("/campaigns/%d/delete", of.Draft)},
		pageStop{route: "GET /providers", path: "/providers"}, pageStop{route: "GET /providers/live", path: "/providers/live", live: true},
		pageStop{route: "GET /providers/{id}", path: at("/providers/%d", of.Provider)},
		pageStop{route: "GET /providers/{id}/live", path: at("/providers/%d/live", of.Provider), live: true},
		pageStop{route: "GET /queue", path: "/queue"}, pageStop{route: "GET /queue/live", path: "/queue/live", live: true},
		pageStop{route: "GET /queue/retry", path: "/queue/retry"},
		pageStop{route: "GET /events", path: "/events"}, pageStop{route: "GET /events", path: "/events?show=trouble"},
		pageStop{route: "GET /events/live", path: "/events/live", live: true},
	)
	for _, verb := range []string{"hold", "release", "cap", "reset"} {
		stops = append(stops, pageStop{route: "GET /providers/{id}/{verb}", path: at("/providers/%d/"+verb, of.Provider)})
	}
	stops = append(append(stops, contactStops(of)...), readerStops(join, mint)...)
	return append(stops, countingStops(of)...)
}

// countingStops are the pages whose figures look at every contact or attempt. They
// come last: what they begin goes on when they are there.
func countingStops(of postgres.BenchSubjects) []pageStop {
	at := func(format string, id int64) string { return fmt.Sprintf(format, id) }
	return []pageStop{
		{route: "GET /campaigns/{id}/retry/live", path: at("/campaigns/%d/retry/live", of.Medium), live: true},
		{route: "GET /campaigns/{id}/report/live", path: at("/campaigns/%d/report/live", of.Large), live: true},
		{route: "GET /lists/live", path: "/lists/live", live: true},
		{route: "GET /lists/{id}/ask/{action}/live", path: at("/lists/%d/ask/remove-dead/live", of.List), live: true},
		{route: "GET /imports/{id}/undo/live", path: at("/imports/%d/undo/live", of.Import), live: true},
		{route: "GET /replies", path: "/replies"}, {route: "GET /replies", path: "/replies?for=7d"},
		{route: "GET /replies/live", path: "/replies/live", live: true},
		{route: "GET /domains", path: "/domains"}, {route: "GET /domains", path: "/domains?by=domain&for=1y"},
		{route: "GET /domains", path: at("/domains?provider=%d&for=1y", of.Provider)},
		{route: "GET /domains/live", path: "/domains/live", live: true},
		{route: "GET /segments", path: "/segments"}, {route: "GET /segments/live", path: "/segments/live", live: true},
		{route: "GET /segments/{id}", path: at("/segments/%d", of.Segment)},
		{route: "GET /segments/{id}/live", path: at("/segments/%d/live", of.Segment), live: true},
		{route: "GET /campaigns/{id}/audience", path: at("/campaigns/%d/audience", of.Draft)},
		{route: "GET /campaigns/{id}/audience/live", path: at("/campaigns/%d/audience/live", of.Draft), live: true},
		{route: "GET /campaigns/{id}/schedule", path: at("/campaigns/%d/schedule", of.Draft)},
	}
}

// contactStops are the pages of contacts, lists and files.
func contactStops(of postgres.BenchSubjects) []pageStop {
	at := func(format string, id int64) string { return fmt.Sprintf(format, id) }
	stops := []pageStop{
		{route: "GET /imports", path: "/imports"}, {route: "GET /imports/live", path: "/imports/live", live: true},
		{route: "GET /imports/new", path: "/imports/new"}, {route: "GET /imports/{id}", path: at("/imports/%d", of.Import)},
		{route: "GET /imports/{id}/live", path: at("/imports/%d/live", of.Import), live: true},
		{route: "GET /imports/{id}/columns", path: at("/imports/%d/columns", of.Upload)},
		{route: "GET /imports/{id}/undo", path: at("/imports/%d/undo", of.Import)},
		{route: "GET /lists", path: "/lists"}, {route: "GET /lists/{id}", path: at("/lists/%d", of.List)},
		{route: "GET /lists/{id}/live", path: at("/lists/%d/live", of.List), live: true},
		{route: "GET /lists/{id}/edit", path: at("/lists/%d/edit", of.List)},
		{route: "GET /lists/{id}/members", path: at("/lists/%d/members", of.List)},
		{route: "GET /lists/{id}/members", path: at("/lists/%d/members?q=greta", of.List)},
		{route: "GET /lists/{id}/members", path: at("/lists/%d/members?status=unconfirmed&verdict=risky", of.List)},
		{route: "GET /contacts", path: "/contacts?q=anna"}, {route: "GET /contacts", path: "/contacts?q=nobody"},
		{route: "GET /contacts/{id}", path: at("/contacts/%d", of.Contact)}, {route: "GET /contacts/{id}/erase", path: at("/contacts/%d/erase", of.Contact)},
		{route: "GET /suppressions", path: "/suppressions"}, {route: "GET /suppressions", path: "/suppressions?q=anna"},
		{route: "GET /suppressions", path: "/suppressions?reason=complained"}, {route: "GET /suppressions/lift", path: "/suppressions/lift?what=" + of.Suppressed},
		{route: "GET /segments/new", path: "/segments/new"},
		{route: "GET /templates", path: "/templates"}, {route: "GET /templates/{id}", path: at("/templates/%d", of.Template)},
		{route: "GET /templates/{id}/look", path: at("/templates/%d/look", of.Template)},
		{route: "GET /people", path: "/people"}, {route: "GET /images", path: "/images"},
	}
	for _, action := range []string{"hold-risky", "send-risky", "mend-typos", "remove-dead", "trust-unproven", "try-unproven"} {
		stops = append(stops, pageStop{route: "GET /lists/{id}/ask/{action}", path: at("/lists/%d/ask/"+action, of.List)})
	}
	for _, verb := range []string{"suppress", "unsubscribe"} {
		stops = append(stops, pageStop{route: "GET /contacts/{id}/{verb}", path: at("/contacts/%d/"+verb, of.Contact)})
	}
	return stops
}

// readerStops are the pages for those who are not logged in.
func readerStops(join string, mint func(token.Purpose) string) []pageStop {
	return []pageStop{
		{route: "GET /login", path: "/login", open: true}, {route: "GET /forgot", path: "/forgot", open: true},
		{route: "GET /join/{secret}", path: "/join/" + join, open: true},
		{route: "GET /u/{token}", path: "/u/" + mint(token.Unsubscribe), open: true},
		{route: "GET /u/{token}/lists", path: "/u/" + mint(token.Unsubscribe) + "/lists", open: true},
		{route: "GET /u/message", path: "/u/message", open: true},
		{route: "GET /v/{token}", path: "/v/" + mint(token.View), open: true},
		{route: "GET /c/{token}", path: "/c/" + mint(token.Click), open: true},
		{route: "GET /o/{token}", path: "/o/" + mint(token.Open), open: true},
	}
}

// mintFor makes the links of one reader of one campaign.
func mintFor(keys *token.Keyring, of postgres.BenchSubjects) func(token.Purpose) string {
	return func(p token.Purpose) string {
		c := token.Claims{Purpose: p, Campaign: of.Medium, Contact: of.Contact, Day: time.Now()}
		if p == token.Click {
			c.Link = 1
		}
		return keys.Mint(c)
	}
}
