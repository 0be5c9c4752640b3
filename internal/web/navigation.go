package web

// nearLink is a page of the same part of the navigation.
type nearLink struct{ Section, Words, Path string }

// nearby are the parts of the navigation that hold several pages, by the entry
// that leads to them.
var nearby = map[string][]nearLink{
	"campaigns": {{"campaigns", "Campaigns", "/campaigns"}, {"templates", "Templates", "/templates"}, {"images", "Images", "/images"}},
	"contacts": {{"lists", "Lists", "/lists"}, {"segments", "Segments", "/segments"}, {"imports", "Import", "/imports"},
		{"suppressions", "Suppressions", "/suppressions"}},
	"deliverability": {{"providers", "Providers", "/providers"}, {"domains", "Domains", "/domains"}, {"queue", "Queue", "/queue"}, {"replies", "Replies", "/replies"},
		{"events", "Events", "/events"}, {"setup", "Setup", "/setup"}},
}

// groups say to which part a page belongs, by its section.
var groups = map[string]string{"campaigns": "campaigns", "templates": "campaigns", "images": "campaigns", "contact": "contacts", "lists": "contacts", "segments": "contacts", "imports": "contacts",
	"suppressions": "contacts", "providers": "deliverability", "domains": "deliverability", "queue": "deliverability", "replies": "deliverability", "events": "deliverability", "setup": "deliverability"}

// Group is the part of the navigation that the page stands in; empty for one
// that stands alone.
func (f frame) Group() string { return groups[f.Section] }

// Near are the pages of the same part.
func (f frame) Near() []nearLink { return nearby[f.Group()] }
