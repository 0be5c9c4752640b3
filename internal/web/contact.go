package web

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/campaign/engagement"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/listhygiene"
)

// contactView is the page of one person.
type contactView struct {
	postgres.Person
	At       time.Time
	Standing string // the status in words
	Why      string // what stands behind the status
	Bad      bool   // not to be mailed
	Paused   bool   // for a while, by their own wish
	Since    string
	Verdict  string
	Fill     string
	Means    string
	Grounds  []string // reasons of the verdict
	Names    []contactField
	Belongs  []belongingView
	Barred   []barView
	Feed     []contactEvent
}

type contactField struct{ Name, Value string }

// belongingView is a list that the person is or was on.
type belongingView struct {
	postgres.Membership
	When   string
	Ground string // of the consent
}

// barView is a suppression.
type barView struct {
	postgres.SuppressionEntry
	Words    string
	Where    string
	When     string
	Until    string
	Note     string
	Evidence []contactField
	Liftable bool
	Expired  bool
}

// contactEvent is one line of the timeline.
type contactEvent struct {
	At    time.Time
	When  string
	Words string
	Why   string
	Tone  string
}

// statusWords tell apart who left and whom we cannot reach.
var statusWords = map[string]string{"active": "Active", "unconfirmed": "Unconfirmed: they have not confirmed yet",
	"unsubscribed": "Unsubscribed: they left", "cleaned": "Cleaned: we cannot reach them", "complained": "Complained: they reported a message as spam"}

func newBarView(e postgres.SuppressionEntry, now time.Time) barView {
	reason := listhygiene.SuppressionReason(e.Reason)
	v := barView{SuppressionEntry: e, Words: capital(reason.Words()), Where: "everywhere", When: stamp(e.CreatedAt),
		Note: service.NoteOf(e), Liftable: reason.Liftable()}
	if e.List != "" {
		v.Where = "for the list “" + e.List + "”"
	}
	if e.ExpiresAt != nil {
		v.Until, v.Expired = stamp(*e.ExpiresAt), !e.ExpiresAt.After(now)
	}
	var evidence map[string]any
	if json.Unmarshal(e.Evidence, &evidence) == nil {
		for name, value := range evidence {
			if text := fmt.Sprint(value); name != "note" && name != "reply" && text != "" && text != "0" {
				v.Evidence = append(v.Evidence, contactField{strings.ReplaceAll(name, "_", " "), text})
			}
		}
		slices.SortFunc(v.Evidence, func(a, b contactField) int { return cmp.Compare(a.Name, b.Name) })
	}
	return v
}

func newContactView(p postgres.Person, lifts []postgres.Lifted, now time.Time) contactView {
	verdict := listhygiene.Verdict(p.Verdict)
	v := contactView{Person: p, At: now, Standing: cmp.Or(statusWords[p.Status], p.Status), Since: stamp(p.StatusSince),
		Verdict: p.Verdict, Fill: verdictFills[verdict], Means: capital(verdict.Words())}
	for _, r := range p.Reasons {
		v.Grounds = append(v.Grounds, capital(listhygiene.Reason(r).Words()))
	}
	for name, value := range p.Fields {
		v.Names = append(v.Names, contactField{name, value})
	}
	slices.SortFunc(v.Names, func(a, b contactField) int { return cmp.Compare(a.Name, b.Name) })
	v.Bad = p.Status != "active" && p.Status != "unconfirmed"
	for _, e := range p.Suppressions {
		bar := newBarView(e, now)
		v.Barred = append(v.Barred, bar)
		if bar.Expired {
			continue
		}
		if e.Reason == string(postgres.Paused) {
			v.Paused = true
			continue
		}
		if e.Scope == "global" {
			v.Bad = true
			if p.Status == "active" {
				v.Standing = "Suppressed"
			}
			v.Why, v.Since = strings.Trim(bar.Words+": "+bar.Note, ": "), bar.When
		}
	}
	if v.Paused = v.Paused && !v.Bad; v.Paused { // what holds for good says more
		v.Standing, v.Why, v.Since = pauseStanding(v.Barred)
	}
	for _, m := range p.Lists {
		v.Belongs = append(v.Belongs, belongingView{Membership: m, When: stamp(m.Since), Ground: consentWords(m)})
	}
	v.Feed = contactFeed(p, lifts, now)
	return v
}

// pauseStanding says the pause that holds longest, and since when.
func pauseStanding(bars []barView) (words, why, since string) {
	var longest barView
	for _, bar := range bars {
		if bar.Reason == string(postgres.Paused) && !bar.Expired && (longest.ExpiresAt == nil || bar.ExpiresAt.After(*longest.ExpiresAt)) {
			longest = bar
		}
	}
	return "Paused until " + longest.Until, "They chose to get nothing until then. It ends by itself.", longest.When
}

// consentWords say on what grounds a person is on a list.
func consentWords(m postgres.Membership) string {
	var words []string
	if m.FileName != "" {
		words = append(words, "from the file "+m.FileName)
	}
	if m.Stated != "" {
		words = append(words, "stated for the import: "+m.Stated)
	}
	var own map[string]any
	if json.Unmarshal(m.Consent, &own) == nil {
		names := make([]string, 0, len(own))
		for name, value := range own {
			names = append(names, strings.ReplaceAll(name, "_", " ")+" "+fmt.Sprint(value))
		}
		slices.Sort(names)
		words = append(words, names...)
	}
	if len(words) == 0 {
		return "No consent is on record."
	}
	return capital(strings.Join(words, "; ")) + "."
}

// contactFeed makes one timeline of messages, memberships and suppressions, the
// newest first.
func contactFeed(p postgres.Person, lifts []postgres.Lifted, now time.Time) []contactEvent {
	feed := []contactEvent{{At: p.CreatedAt, Words: "Became known."}}
	for _, e := range p.Timeline {
		state := campaign.DeliveryState(e.What)
		event := contactEvent{At: e.At, Words: e.Campaign + ": " + strings.ToLower(state.Words()), Why: e.Reply}
		switch e.What {
		case "clicked":
			event.Words, event.Tone = e.Campaign+": they clicked a link", "good"
		case "opened":
			event.Words, event.Tone = e.Campaign+": they opened it", "good"
		case "program_clicked", "program_opened":
			event.Words = e.Campaign + ": " + strings.TrimPrefix(e.What, "program_") + " by a program in their name: " + engagement.Rule(e.Reply).Words()
			event.Why = ""
		}
		switch state {
		case campaign.Delivered:
			event.Tone = "good"
		case campaign.Bounced, campaign.Expired:
			event.Tone = "bad"
		}
		feed = append(feed, event)
	}
	for _, m := range p.Lists {
		feed = append(feed, contactEvent{At: m.Since, Words: capital(m.Status) + ": “" + m.List + "”", Why: m.FileName})
	}
	for _, e := range p.Suppressions {
		bar := newBarView(e, now)
		if e.Reason == string(postgres.Paused) {
			feed = append(feed, contactEvent{At: e.CreatedAt, Words: "They paused: nothing until " + bar.Until + ".", Tone: "hand"})
			if bar.Expired {
				feed = append(feed, contactEvent{At: *e.ExpiresAt, Words: "Their pause ended by itself."})
			}
			continue
		}
		feed = append(feed, contactEvent{At: e.CreatedAt, Words: bar.Words + ", " + bar.Where, Why: bar.Note, Tone: "bad"})
	}
	for _, l := range lifts {
		if l.Reason == string(postgres.Paused) {
			feed = append(feed, contactEvent{At: l.Since, Words: "They paused.", Tone: "hand"},
				contactEvent{At: l.At, Words: "Their pause was ended by " + cmp.Or(l.By, "somebody") + ".", Why: l.Note, Tone: "hand"})
			continue
		}
		words := "Suppression lifted (" + listhygiene.SuppressionReason(l.Reason).Words() + ")"
		if l.List != "" {
			words += " for the list “" + l.List + "”"
		}
		feed = append(feed, contactEvent{At: l.At, Words: words + " by " + cmp.Or(l.By, "somebody"), Why: l.Note, Tone: "hand"})
	}
	slices.SortStableFunc(feed, func(a, b contactEvent) int { return b.At.Compare(a.At) })
	for i := range feed {
		feed[i].When = feed[i].At.UTC().Format("2 Jan 2006 15:04")
	}
	return feed
}

func (s *Server) personNow(r *http.Request) (postgres.Person, []postgres.Lifted, error) {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return postgres.Person{}, nil, err
	}
	p, err := s.service.ContactByID(r.Context(), id)
	if err != nil {
		return p, nil, err
	}
	lifts, err := s.service.Store.LiftsOf(r.Context(), p.Key)
	return p, lifts, err
}

func (s *Server) showContact(w http.ResponseWriter, r *http.Request) error {
	p, lifts, err := s.personNow(r)
	if err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "contact", frame{Title: p.Address, Section: "contact", Page: newContactView(p, lifts, time.Now())})
}

// exportContact sends everything that is known of a person, for them to have.
func (s *Server) exportContact(w http.ResponseWriter, r *http.Request) error {
	p, lifts, err := s.personNow(r)
	if err != nil {
		return err
	}
	body, err := json.MarshalIndent(struct {
		postgres.Person
		Lifts []postgres.Lifted `json:"lifts"`
	}{p, lifts}, "", "  ")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="contact-%d.json"`, p.ID))
	_, _ = w.Write(body) // a visitor who hung up misses nothing
	return nil
}

// searchView is what a search for an address found.
type searchView struct {
	Query string
	service.ContactSearch
	Bars []barView
}

// searchContacts goes to the contact with an address, or shows those whose
// address begins with the text.
func (s *Server) searchContacts(w http.ResponseWriter, r *http.Request) error {
	view := searchView{Query: r.URL.Query().Get("q")}
	var err error
	if view.ContactSearch, err = s.service.SearchContacts(r.Context(), view.Query); err != nil {
		return err
	}
	if view.Exact != 0 {
		http.Redirect(w, r, fmt.Sprintf("/contacts/%d", view.Exact), http.StatusSeeOther)
		return nil
	}
	for _, e := range view.Barred {
		view.Bars = append(view.Bars, newBarView(e, time.Now()))
	}
	return s.render(w, r, http.StatusOK, "contacts", frame{Title: "Find a contact", Section: "contact", Page: view})
}
