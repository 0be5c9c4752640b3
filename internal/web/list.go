package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/listhygiene"
)

// listView is a list of contacts as verification sees it.
type listView struct {
	At       time.Time
	ID       int64
	Name     string
	Every    string // how often it is verified by itself
	Verdicts *verdictsView
	Actions  []listAction
	Terms    []string
}

// Settled reports whether nothing will change by itself.
func (v listView) Settled() bool { return v.Verdicts == nil || v.Verdicts.Done() }

// listAction is a button that leads to a page which asks first.
type listAction struct {
	Action service.ListAction
	Words  string
}

// listAsk is the page that asks before an action.
type listAsk struct {
	ID      int64
	Name    string
	Action  service.ListAction
	Preview service.ListPreview
	Counted freshness
	Title   string
	Words   string
	Button  string
	Nothing bool // there is nothing to do
}

// newListView says how a list stands and what can be done.
func newListView(found service.ListVerification, now time.Time) listView {
	l := found.List
	v := listView{At: now, ID: l.ID, Name: l.Name, Every: "It is not verified again by itself."}
	if l.VerifyDays > 0 {
		v.Every = "It is verified again by itself after " + plural(int64(l.VerifyDays), "day", "days") + "."
	}
	v.Terms = []string{"Risky contacts are held.", "Unproven contacts of imports without proof of consent go out in slices."}
	risky, trust := listAction{service.SendRisky, "Mail the risky…"}, listAction{service.TrustUnproven, "Skip probation…"}
	if l.Policy.SendRisky {
		v.Terms[0], risky = "Risky contacts are mailed all the same.", listAction{service.HoldRisky, "Hold the risky…"}
	}
	if l.Policy.TrustUnproven {
		v.Terms[1], trust = "Unproven contacts are mailed at once: there is proof of consent.", listAction{service.TryUnproven, "Try in slices…"}
	}
	v.Actions = []listAction{risky, trust}
	if found.Newest == nil {
		return v
	}
	v.Verdicts = newVerdictsView(*found.Newest, now)
	if v.Verdicts.Mendable > 0 {
		v.Actions = append(v.Actions, listAction{service.MendTypos, "Mend typos…"})
	}
	if found.Newest.Counts.Verdicts[string(listhygiene.Undeliverable)] > 0 {
		v.Actions = append(v.Actions, listAction{service.RemoveDead, "Remove dead domains…"})
	}
	return v
}

func (s *Server) listNow(ctx context.Context, text string) (listView, error) {
	id, err := idOf(text)
	if err != nil {
		return listView{}, err
	}
	found, err := s.service.ListVerification(ctx, id)
	if err != nil {
		return listView{}, err
	}
	return newListView(found, time.Now()), nil
}

func (s *Server) showList(w http.ResponseWriter, r *http.Request) error {
	view, err := s.listNow(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	f := frame{Title: view.Name, Section: "lists", Page: view}
	if !view.Settled() {
		f.Live = fmt.Sprintf("/lists/%d/live", view.ID)
	}
	return s.render(w, r, http.StatusOK, "list", f)
}

func (s *Server) listLive(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.listNow(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	return s.live(w, r, "list "+r.PathValue("id"), func(ctx context.Context) ([]byte, bool, error) {
		view, err := s.listNow(ctx, r.PathValue("id"))
		if err != nil {
			return nil, false, err
		}
		fragment, err := s.draw("list", "live", view)
		return fragment, view.Settled(), err
	})
}

// askList says what an action would do, before it is done.
func (s *Server) askList(w http.ResponseWriter, r *http.Request) error {
	ask, err := s.listAskNow(r.Context(), r.PathValue("id"), r.PathValue("action"))
	if err != nil {
		return err
	}
	f := frame{Title: ask.Title, Section: "lists", Page: ask}
	if ask.Counted.Running {
		f.Live = fmt.Sprintf("/lists/%d/ask/%s/live", ask.ID, ask.Action)
	}
	return s.render(w, r, http.StatusOK, "listask", f)
}

// listAskLive brings the figures once they are counted.
func (s *Server) listAskLive(w http.ResponseWriter, r *http.Request) error {
	id, action := r.PathValue("id"), r.PathValue("action")
	if _, err := s.listAskNow(r.Context(), id, action); err != nil {
		return err
	}
	return s.live(w, r, "list "+id+" "+action, func(ctx context.Context) ([]byte, bool, error) {
		ask, err := s.listAskNow(ctx, id, action)
		if err != nil {
			return nil, false, err
		}
		fragment, err := s.draw("listask", "live", ask)
		return fragment, !ask.Counted.Running, err
	})
}

func (s *Server) listAskNow(ctx context.Context, text, verb string) (listAsk, error) {
	id, err := idOf(text)
	if err != nil {
		return listAsk{}, err
	}
	action := service.ListAction(verb)
	words, ok := listActionWords[action]
	if !ok {
		return listAsk{}, errNoPage
	}
	list, err := s.service.Store.ListPolicy(ctx, id)
	if err != nil {
		return listAsk{}, err
	}
	preview, err := s.service.ListFigures(ctx, id, action, figureWait)
	return listAsk{ID: id, Name: list.Name, Action: action, Preview: preview.Value, Title: words.title, Words: words.words, Button: words.button,
		Nothing: preview.Known && preview.Value.Count == 0 && words.counts, Counted: newFreshness(preview.At, preview.Running)}, err
}

// listActionWords explain each action. counts says that without contacts there
// is nothing to do.
var listActionWords = map[service.ListAction]struct {
	title, words, button string
	counts               bool
}{
	service.HoldRisky:     {"Hold the risky", "Contacts with this verdict are left out of the next campaigns, until something changes. The last verification found so many:", "Hold them", false},
	service.SendRisky:     {"Mail the risky", "These contacts can be mailed and will probably go badly: typing mistakes, disposable and shared addresses. The last verification found so many:", "Mail them all the same", false},
	service.TrustUnproven: {"Skip probation", "Only where you have proof that these people agreed. Unproven contacts are then mailed at once, not in slices that stop a bad file. The last verification found so many:", "I have proof of consent", false},
	service.TryUnproven:   {"Try in slices", "Unproven contacts of imports without proof of consent go out in slices, and a file that goes badly is stopped. The last verification found so many:", "Try them in slices", false},
	service.MendTypos:     {"Mend typos", "Each of these contacts joins the list under the address that was probably meant, and the mistyped one leaves it. Who left under the right address stays away. Contacts:", "Mend them", true},
	service.RemoveDead:    {"Remove dead domains", "The domains of these contacts do not exist, or take no mail. They leave the list; their history is kept. Contacts:", "Remove them", true},
}

// changeList does what the page asked for.
func (s *Server) changeList(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	action := r.PathValue("action")
	if _, known := listActionWords[service.ListAction(action)]; !known && action != "verify" {
		return errNoPage
	}
	if action == "verify" {
		if _, err = s.service.ListVerification(r.Context(), id); err == nil {
			_, err = s.service.Verify(r.Context(), id)
		}
	} else {
		_, err = s.service.DoListAction(r.Context(), id, service.ListAction(action))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, fmt.Sprintf("/lists/%d", id), http.StatusSeeOther)
	return nil
}

// trustImport lets campaigns try a stopped file again.
func (s *Server) trustImport(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := s.service.Store.TrustImport(r.Context(), id); err != nil {
		return err
	}
	http.Redirect(w, r, fmt.Sprintf("/imports/%d", id), http.StatusSeeOther)
	return nil
}

// downloadVerdicts sends the verdicts of a list as CSV.
func (s *Server) downloadVerdicts(w http.ResponseWriter, r *http.Request) error {
	view, err := s.listNow(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if view.Verdicts == nil {
		return errors.Join(errNoPage, errors.New("the list was never verified"))
	}
	beginDownload(w, fmt.Sprintf("list-%d-verdicts.csv", view.ID))
	s.endDownload(r, s.service.WriteVerdicts(r.Context(), view.ID, 0, movingWriter{w}))
	return nil
}
