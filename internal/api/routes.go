package api

import (
	"net/http"

	"github.com/headwaymail/headway/internal/service"
)

// route is one call that can be made. The server, the OpenAPI document and the
// tests are made from the same table.
type route struct {
	method  string
	path    string // below Prefix, with {parameters}
	name    string // the operation's, for generated clients
	summary string
	scope   string
	paged   bool // takes limit and cursor
	body    any  // a value of the body's type; nil without one
	answer  any  // a value of the answer's type
	serve   func(*call) (any, error)
}

// spans reports whether the call is about the last days, and takes how many.
func (r route) spans() bool {
	_, report := r.answer.(DeliveryReport)
	return report
}

// changes reports whether the call changes something.
func (r route) changes() bool { return r.method != http.MethodGet }

func routes() []route {
	const read, operate = service.ScopeRead, service.ScopeOperate
	return []route{
		{"GET", "/providers", "listProviders", "All providers that mail was ever meant for, by name", read, true, nil, Page[Provider]{}, listProviders},
		{"GET", "/providers/{provider}", "getProvider", "One provider: its pace, why, and what was learned of it", read, false, nil, Provider{}, getProvider},
		{"GET", "/providers/{provider}/events", "listProviderEvents", "Changes of a provider's pace, newest first", read, true, nil, Page[PaceEvent]{}, listEvents},
		{"GET", "/providers/{provider}/replies", "listProviderReplies", "What a provider refused or put off in the last 24 hours, most frequent first", read, true, nil, Page[ReplyGroup]{}, providerReplies},
		{"POST", "/providers/{provider}/hold", "holdProvider", "Send nothing to a provider until a time", operate, false, HoldBody{}, Overruled{}, holdProvider},
		{"POST", "/providers/{provider}/release", "releaseProvider", "End a provider's hold or pause now", operate, false, ReleaseBody{}, Overruled{}, releaseProvider},
		{"POST", "/providers/{provider}/cap", "capProvider", "Never send faster to a provider than a rate; 0 lifts the cap", operate, false, CapBody{}, Overruled{}, capProvider},
		{"POST", "/providers/{provider}/reset", "resetProvider", "Forget everything that was learned of a provider", operate, false, ResetBody{}, Overruled{}, resetProvider},
		{"GET", "/campaigns", "listCampaigns", "Campaigns, newest first", read, true, nil, Page[Campaign]{}, listCampaigns},
		{"GET", "/campaigns/{campaign}", "getCampaign", "One campaign with its counters", read, false, nil, Campaign{}, getCampaign},
		{"GET", "/campaigns/{campaign}/providers", "listCampaignProviders", "A campaign's counters by provider, largest first", read, true, nil, Page[CampaignProvider]{}, campaignProviders},
		{"GET", "/campaigns/{campaign}/replies", "listCampaignReplies", "What servers refused or put off, grouped, most frequent first", read, true, nil, Page[ReplyGroup]{}, campaignReplies},
		{"GET", "/campaigns/{campaign}/readers", "getCampaignReaders", "What readers did with a campaign's messages, people and programs apart", read, false, nil, Readers{}, campaignReaders},
		{"POST", "/campaigns/{campaign}/window", "setCampaignWindow", "In which hours a campaign's mail goes out, until it is over", operate, false, WindowBody{}, Campaign{}, setCampaignWindow},
		{"POST", "/campaigns/{campaign}/pause", "pauseCampaign", "Stop sending; what waits goes on waiting", operate, false, NoBody{}, Campaign{}, pauseCampaign},
		{"POST", "/campaigns/{campaign}/resume", "resumeCampaign", "Go on after a pause", operate, false, NoBody{}, Campaign{}, resumeCampaign},
		{"POST", "/campaigns/{campaign}/cancel", "cancelCampaign", "Stop for good; what has not gone out does not", operate, false, NoBody{}, Campaign{}, cancelCampaign},
		{"GET", "/campaigns/{campaign}/audience", "getCampaignAudience", "Who a campaign goes to, and who is left out and why", read, false, nil, Audience{}, campaignAudience},
		{"GET", "/queue", "listQueue", "What waits to be sent, by campaign and provider", read, true, nil, Page[QueueLine]{}, listQueue},
		{"POST", "/queue/retry", "retryQueue", "Let what was put off be tried now, at one provider or at all", operate, false, QueueRetryBody{}, QueueRetried{}, retryQueue},
		{"GET", "/delivery", "listDelivery", "What came of all campaigns of the last days, by provider, largest first", read, true, nil, DeliveryReport{}, deliveryByProvider},
		{"GET", "/delivery/domains", "listDeliveryDomains", "The same by domain", read, true, nil, DeliveryReport{}, deliveryByDomain},
		{"GET", "/providers/{provider}/delivery", "listProviderDelivery", "The same by the domains of one provider", read, true, nil, DeliveryReport{}, deliveryOfProvider},
		{"GET", "/segments", "listSegments", "All segments by name, those that come with Headway last", read, true, nil, Page[Segment]{}, listSegments},
		{"GET", "/segments/{segment}", "getSegment", "One segment with its rule and its last count", read, false, nil, Segment{}, getSegment},
		{"GET", "/segments/{segment}/count", "countSegment", "One segment, counted a minute ago at most", read, false, nil, Segment{}, countSegment},
		{"GET", "/imports", "listImports", "Files of contacts that were imported, newest first", read, true, nil, Page[Import]{}, listImports},
		{"POST", "/imports", "addImport", "Import contacts: the body is the file, CSV, TSV, text, gzip, zip or .xlsx; what is to be done with it is in the query", operate, false, Upload{}, Import{}, addImport},
		{"GET", "/imports/{import}", "getImport", "One import: how far it is, and what became of its rows", read, false, nil, Import{}, getImport},
		{"GET", "/imports/{import}/rejects", "getImportRejects", "The refused rows as CSV, to be mended and imported again", read, false, nil, CSV{}, importRejects},
		{"POST", "/imports/{import}/carry-out", "carryOutImport", "Import what a dry run checked, without another upload", operate, false, ConsentBody{}, Import{}, carryOutImport},
		{"POST", "/imports/{import}/undo", "undoImport", "Take an import back; unsubscribes and suppressions stay", operate, false, NoBody{}, Import{}, undoImport},
		{"GET", "/lists", "listLists", "All lists, by name", read, true, nil, Page[List]{}, listLists},
		{"GET", "/templates", "listTemplates", "Layouts of your own, by name", read, true, nil, Page[Template]{}, listTemplates},
		{"POST", "/templates", "addTemplate", "Add a layout", operate, false, TemplateBody{}, TemplateSource{}, addTemplate},
		{"GET", "/templates/{template}", "getTemplate", "One layout with its HTML", read, false, nil, TemplateSource{}, getTemplate},
		{"POST", "/templates/{template}", "changeTemplate", "Change a layout; what is missing stays. Drafts take it when they are saved", operate, false, TemplateBody{}, TemplateSource{}, changeTemplate},
		{"POST", "/templates/{template}/delete", "deleteTemplate", "Delete a layout; drafts keep their copy", operate, false, NoBody{}, Deleted{}, deleteTemplate},
		{"GET", "/images", "listImages", "Images that newsletters may show, newest first", read, true, nil, Page[Image]{}, listImages},
		{"POST", "/images", "addImage", "Add a picture: the body is the file. One that is there already is the same image", operate, false, File{}, Image{}, addImage},
		{"GET", "/images/{image}", "getImage", "One image, and what shows it in a newsletter", read, false, nil, Image{}, getImage},
		{"POST", "/images/{image}/describe", "describeImage", "Say what an image shows", operate, false, AltBody{}, Image{}, describeImage},
		{"POST", "/images/{image}/delete", "deleteImage", "Delete an image that nothing shows", operate, false, NoBody{}, Deleted{}, deleteImage},
	}
}

// Page is a part of a collection.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitzero" doc:"The cursor of the next part; missing at the end."`
}

// NoBody is the body of calls that need none.
type NoBody struct{}

// newPage turns the part of a collection that a call asks for into its answer.
func newPage[From, To any](p page, all []From, view func(From) To) Page[To] {
	part, next := cut(p, all)
	return Page[To]{Items: views(part, view), Next: next}
}

func views[From, To any](all []From, view func(From) To) []To {
	items := make([]To, len(all))
	for i, one := range all {
		items[i] = view(one)
	}
	return items
}
