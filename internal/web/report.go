package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/pacing/reply"
)

// reportView is what came of a campaign.
type reportView struct {
	campaignView
	AllProviders []tally
	Counted      reportCounted
	Readership   readershipView
	States       []stateLink
	Recipients   recipientsView
}

// tally is a row of figures: of a provider or a domain.
type tally struct {
	Name     string
	Link     string // empty: nothing to link to
	Of       string // the provider of a domain
	Counters campaign.Counters
}

// replyGroup is what servers said, counted.
type replyGroup struct {
	postgres.ReplyGroup
	Outcome string
	When    string // first and last
	Words   string // what it means; empty when no server said anything
	Remedy  string // what Headway does about it
}

// stateLink leads to the recipients in one state.
type stateLink struct {
	State   string
	Words   string
	Count   int64
	Current bool
}

const (
	// tallyRows is how many providers, and how many domains, stand on a row of
	// their own; the others make one more row, so that the column adds up.
	tallyRows = 100
	replyRows = 50
)

// showReport is the report of a campaign, and with ?format=csv its recipients
// for a spreadsheet.
func (s *Server) showReport(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	state := campaign.DeliveryState(r.URL.Query().Get("state"))
	if state != "" && !slices.Contains(campaign.DeliveryStates, state) {
		return errNoPage
	}
	if r.URL.Query().Get("format") == "csv" {
		return s.downloadRecipients(w, r, id, state)
	}
	after, err := keyOf(r, "after")
	if err != nil {
		return err
	}
	view, err := s.report(r.Context(), id)
	if err != nil {
		return err
	}
	search := strings.ToLower(strings.TrimSpace(r.URL.Query().Get("q")))
	view.States = stateLinks(view.Counters, state, search == "")
	view.Recipients = recipientsView{State: state, First: after == 0}
	if search != "" {
		if view.Recipients, err = s.recipientsNamed(r.Context(), id, search); err != nil {
			return err
		}
	} else if state == "" || view.Counters.Of(state) > 0 { // else nobody needs to be looked for
		if view.Recipients, err = s.recipients(r.Context(), id, state, after); err != nil {
			return err
		}
	}
	f := frame{Title: "Report of " + view.Name, Section: "campaigns", Page: view}
	if view.Counted.Running() {
		f.Live = fmt.Sprintf("/campaigns/%d/report/live", id)
	}
	return s.render(w, r, http.StatusOK, "report", f)
}

// reportLive brings what takes a while to count.
func (s *Server) reportLive(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	if _, err := s.snapshots.take(r.Context(), id); err != nil {
		return err
	}
	return s.live(w, r, fmt.Sprintf("report %d", id), func(ctx context.Context) ([]byte, bool, error) {
		snapshot, err := s.snapshots.take(ctx, id)
		if err != nil {
			return nil, false, err
		}
		counted, err := s.countReport(ctx, id, snapshot.Campaign.Counters)
		if err != nil {
			return nil, false, err
		}
		fragment, err := s.draw("report", "live", counted)
		return fragment, !counted.Running(), err
	})
}

// reportCounted is the part of a report that takes a while to count: the largest
// domains, and what servers said.
type reportCounted struct {
	Whole          campaign.Counters
	Domains        []tally
	DomainsCounted freshness
	Replies        []replyGroup
	RepliesCounted freshness
}

// Running reports whether newer figures are on their way.
func (v reportCounted) Running() bool { return v.DomainsCounted.Running || v.RepliesCounted.Running }

// DomainSum adds up the domains. They are counted a moment later than the
// providers, while mail goes out.
func (v reportCounted) DomainSum() (sum campaign.Counters) {
	for _, d := range v.Domains {
		sum = sum.Add(d.Counters)
	}
	return sum
}

func (s *Server) countReport(ctx context.Context, id int64, whole campaign.Counters) (reportCounted, error) {
	view := reportCounted{Whole: whole}
	domains, err := s.service.CampaignDomains(ctx, id, tallyRows, figureWait)
	if err != nil {
		return view, err
	}
	view.DomainsCounted = newFreshness(domains.At, domains.Running)
	if domains.Known {
		view.Domains = domainTallies(domains.Value, whole)
	}
	groups, err := s.service.CampaignReplies(ctx, id, replyRows, figureWait)
	view.RepliesCounted = newFreshness(groups.At, groups.Running)
	for _, g := range groups.Value {
		view.Replies = append(view.Replies, newReplyGroup(g))
	}
	return view, err
}

func (s *Server) report(ctx context.Context, id int64) (reportView, error) {
	snapshot, err := s.snapshots.take(ctx, id)
	if err != nil {
		return reportView{}, err
	}
	view := reportView{campaignView: newCampaignView(snapshot, providerRows)}
	view.AllProviders = providerTallies(snapshot.Providers)
	if view.Counted, err = s.countReport(ctx, id, view.Counters); err != nil {
		return view, err
	}
	readership, err := s.service.Readership(ctx, snapshot.Campaign)
	view.Readership = newReadershipView(readership, snapshot.Campaign.Counters.Delivered)
	return view, err
}

// newReplyGroup explains a group.
func newReplyGroup(g postgres.ReplyGroup) replyGroup {
	group := replyGroup{ReplyGroup: g, Outcome: campaign.DeliveryState(g.Outcome).Words(),
		When: stamp(g.First) + " – " + stamp(g.Last)}
	if g.Count == 1 || stamp(g.First) == stamp(g.Last) {
		group.When = stamp(g.Last)
	}
	group.Words, group.Remedy = reply.Explain(reply.Class(g.Class), g.Code, g.Outcome == string(campaign.Bounced))
	return group
}

func providerLink(id int64) string {
	if id == 0 {
		return ""
	}
	return "/providers/" + strconv.FormatInt(id, 10)
}

// providerTallies are the largest providers, and one row for all others: the JSON
// has each of them.
func providerTallies(providers []service.LiveProvider) []tally {
	var rows []tally
	rest := tally{}
	for i, p := range providers {
		if i >= tallyRows && len(providers) > tallyRows+1 {
			rest.Counters = rest.Counters.Add(p.Counters)
			continue
		}
		rows = append(rows, tally{Name: p.Name, Link: providerLink(p.Provider), Counters: p.Counters})
	}
	if rest.Counters.Targeted > 0 {
		rest.Name = plural(int64(len(providers)-tallyRows), "smaller provider", "smaller providers")
		rows = append(rows, rest)
	}
	return rows
}

// domainTallies are the largest domains, and one row for all others. Domains
// are counted a moment later than the whole: what has moved since goes into
// that row or shows as it is, never as less than nothing.
func domainTallies(domains []postgres.DomainCounters, whole campaign.Counters) []tally {
	rows := make([]tally, 0, len(domains)+1)
	var sum campaign.Counters
	for _, d := range domains {
		rows = append(rows, tally{Name: d.Domain, Of: d.Provider, Counters: d.Counters})
		sum = sum.Add(d.Counters)
	}
	if len(domains) < tallyRows {
		return rows
	}
	rest := campaign.Counters{}
	for _, state := range campaign.DeliveryStates {
		n := max(whole.Of(state)-sum.Of(state), 0)
		rest.Count(state, n)
		rest.Targeted += n
	}
	if rest.Targeted > 0 {
		rows = append(rows, tally{Name: "All other domains", Counters: rest})
	}
	return rows
}

// stateLinks are the recipients by state, those that there are.
func stateLinks(c campaign.Counters, current campaign.DeliveryState, marked bool) []stateLink {
	links := []stateLink{{Words: "All", Count: c.Targeted, Current: marked && current == ""}}
	for _, state := range barOrder {
		if n := c.Of(state); n > 0 || state == current {
			links = append(links, stateLink{State: string(state), Words: state.Words(), Count: n, Current: marked && state == current})
		}
	}
	return links
}

// recipientsView is a page of recipients.
type recipientsView struct {
	State campaign.DeliveryState // of all of them; empty: any
	Rows  []recipientRow
	First bool  // no page is before this one
	Next  int64 // where the next page begins; 0 when there is none

	Search string // how their addresses begin; empty: any
	More   bool   // more are called like that
}

type recipientRow struct {
	postgres.Recipient
	When string
}

// recipientsLength is how many recipients stand on a page.
const recipientsLength = 100

// recipientsNamed are the recipients whose address begins like a search.
func (s *Server) recipientsNamed(ctx context.Context, id int64, search string) (recipientsView, error) {
	found, more, err := s.service.Store.RecipientsNamed(ctx, id, search, recipientsLength+1)
	view := recipientsView{First: true, Search: search, More: more || len(found) > recipientsLength}
	now := time.Now()
	for _, r := range found[:min(len(found), recipientsLength)] {
		view.Rows = append(view.Rows, recipientRow{r, moment(r.UpdatedAt, now)})
	}
	return view, err
}

// recipients is one page of a campaign's recipients, by contact id.
func (s *Server) recipients(ctx context.Context, id int64, state campaign.DeliveryState, after int64) (recipientsView, error) {
	view := recipientsView{State: state, First: after == 0}
	found, err := s.service.Store.Recipients(ctx, id, state, after, recipientsLength+1)
	if err != nil {
		return view, err
	}
	if len(found) > recipientsLength {
		found = found[:recipientsLength]
		view.Next = found[recipientsLength-1].Contact
	}
	now := time.Now()
	for _, r := range found {
		view.Rows = append(view.Rows, recipientRow{r, moment(r.UpdatedAt, now)})
	}
	return view, nil
}
