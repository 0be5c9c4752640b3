package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/campaign/message"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

const (
	// letterPolicy is for the newsletter itself, which is shown in a frame: it
	// may have styles and pictures, and can run nothing, send nothing and reach
	// nothing, whatever its HTML says.
	letterPolicy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src https: http: data:; " +
		"form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
	// framingPolicy lets the page of the preview show that frame.
	framingPolicy = teamPolicy + "; frame-src 'self'"
)

// letterView is the preview of a newsletter.
type letterView struct {
	ID       int64
	Name     string
	Draft    bool
	As       string
	Problem  string // why there is none
	From     string
	Subject  string
	Reader   string
	Shows    []letterShow
	Show     string
	Text     string // of the plain text or the raw message
	Frame    string // where the HTML comes from
	To       string
	TestFail string
	Steps    []step
}

// letterShow is a way to look at a newsletter.
type letterShow struct {
	Key, Words, Href string
	Here             bool
}

var letterShows = []letterShow{{Key: "desktop", Words: "Desktop"}, {Key: "phone", Words: "Phone"}, {Key: "dark", Words: "Desktop, dark"},
	{Key: "phone-dark", Words: "Phone, dark"}, {Key: "text", Words: "Plain text"}, {Key: "raw", Words: "Raw message"}}

func (s *Server) previewCampaign(w http.ResponseWriter, r *http.Request) error {
	return s.renderPreview(w, r, http.StatusOK, "", "")
}

func (s *Server) renderPreview(w http.ResponseWriter, r *http.Request, status int, to, problem string) error {
	c, err := s.campaignOf(r)
	if err != nil {
		return err
	}
	view := letterView{ID: c.ID, Name: c.Name, Draft: c.State == campaign.Draft, As: r.URL.Query().Get("as"), Show: "desktop",
		To: to, TestFail: problem, Steps: draftSteps("preview"), From: senderLine(c.Content)}
	letter, err := s.service.Letter(r.Context(), c, view.As)
	if err := view.fill(letter, err); err != nil {
		return err
	}
	for _, show := range letterShows {
		if letter.Rendered.HTML == "" && show.Key != "text" && show.Key != "raw" {
			continue
		}
		if show.Here = show.Key == r.URL.Query().Get("show"); show.Here {
			view.Show = show.Key
		}
		show.Href = "?" + url.Values{"show": {show.Key}, "as": {view.As}}.Encode()
		view.Shows = append(view.Shows, show)
	}
	view.choose(letter)
	w.Header().Set("Content-Security-Policy", framingPolicy)
	return s.render(w, r, status, "letter", frame{Title: "Preview of " + c.Name, Section: "campaigns", Page: view})
}

// fill takes in the letter, or says why there is none.
func (v *letterView) fill(l service.Letter, err error) error {
	var mistakes message.Errors
	var one *message.Error
	switch {
	case errors.As(err, &mistakes):
		v.Problem = "The message cannot be composed yet: " + mistakes[0].Problem + "."
	case errors.As(err, &one):
		v.Problem = "The message cannot be composed for this reader: " + one.Problem + "."
	case errors.Is(err, postgres.ErrNotFound):
		v.Problem = "There is no contact with this address. Write one that is on a list, or leave the field empty."
	case err != nil:
		return err
	}
	v.Subject, v.Reader = l.Rendered.Subject, l.Reader.Address
	return nil
}

// choose shows the letter in the way that was asked for.
func (v *letterView) choose(l service.Letter) {
	if v.Show == "desktop" && l.Rendered.HTML == "" {
		v.Show = "text"
	}
	for i := range v.Shows {
		v.Shows[i].Here = v.Shows[i].Key == v.Show
	}
	switch v.Show {
	case "text":
		v.Text = l.Rendered.Text
	case "raw":
		v.Text = strings.ReplaceAll(string(l.Raw), "\r\n", "\n")
	default:
		query := url.Values{"as": {v.As}}
		if strings.HasSuffix(v.Show, "dark") {
			query.Set("dark", "1")
		}
		v.Frame = fmt.Sprintf("/campaigns/%d/preview/html?%s", v.ID, query.Encode())
	}
}

func senderLine(c campaign.Content) string {
	if c.FromName == "" {
		return c.FromAddress
	}
	return c.FromName + " <" + c.FromAddress + ">"
}

// letterHTML is the newsletter itself, for the frame.
func (s *Server) letterHTML(w http.ResponseWriter, r *http.Request) error {
	c, err := s.campaignOf(r)
	if err != nil {
		return err
	}
	letter, err := s.service.Letter(r.Context(), c, r.URL.Query().Get("as"))
	var mistakes message.Errors
	if errors.As(err, &mistakes) {
		return errNoPage
	}
	if err != nil {
		return err
	}
	writeLetter(w, letter.Rendered.HTML, r.URL.Query().Has("dark"))
	return nil
}

// writeLetter answers with a newsletter, for a frame: it can do nothing there.
func writeLetter(w http.ResponseWriter, html string, dark bool) {
	h := w.Header()
	h.Set("Content-Security-Policy", letterPolicy)
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(message.InScheme(html, dark))) // a visitor who hung up misses nothing
}

// sendTest sends the newsletter to one address and shows what becomes of it.
func (s *Server) sendTest(w http.ResponseWriter, r *http.Request) error {
	c, err := s.campaignOf(r)
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return errBadForm
	}
	to := strings.TrimSpace(r.PostForm.Get("to"))
	test, err := s.service.SendTest(r.Context(), c.ID, to)
	if err != nil {
		var mistakes message.Errors
		var missing *service.NotReady
		if !errors.As(err, &mistakes) && !errors.As(err, &missing) && !errors.Is(err, service.ErrAddress) {
			return err
		}
		return s.renderPreview(w, r, http.StatusUnprocessableEntity, to, capital(err.Error())+".")
	}
	http.Redirect(w, r, fmt.Sprintf("/campaigns/%d/test/%d", c.ID, test), http.StatusSeeOther)
	return nil
}

// conversationWithin is how long after the outcome of a test what was said around it
// is waited for: there is none where no connection came about.
const conversationWithin = 5 * time.Second

// testView is what became of a test message.
type testView struct {
	At      time.Time
	ID      int64
	Name    string
	To      string
	State   campaign.DeliveryState
	Words   string
	Reply   string
	Tried   int
	Settled bool
	Said    *conversation // around the newest attempt; nil before it
}

func (s *Server) testNow(ctx context.Context, c postgres.Campaign, text string) (testView, error) {
	id, err := idOf(text)
	if err != nil {
		return testView{}, err
	}
	test, err := s.service.Store.Campaign(ctx, id)
	if err != nil {
		return testView{}, err
	}
	found, err := s.service.Store.Recipients(ctx, id, "", 0, 1)
	if err != nil {
		return testView{}, err
	}
	if !test.System || len(found) != 1 {
		return testView{}, errNoPage
	}
	to := found[0]
	said, err := s.conversation(ctx, id)
	told := said != nil && !said.At.Before(to.UpdatedAt) || time.Since(to.UpdatedAt) > conversationWithin
	return testView{At: time.Now(), ID: c.ID, Name: c.Name, To: to.Address, State: to.State, Words: to.State.Words(), Reply: to.Reply,
		Tried: to.Attempts, Settled: to.State.Final() && told, Said: said}, err
}

func (s *Server) showTest(w http.ResponseWriter, r *http.Request) error {
	c, err := s.campaignOf(r)
	if err != nil {
		return err
	}
	view, err := s.testNow(r.Context(), c, r.PathValue("test"))
	if err != nil {
		return err
	}
	f := frame{Title: "Test of " + c.Name, Section: "campaigns", Page: view}
	if !view.Settled {
		f.Live = r.URL.Path + "/live"
	}
	return s.render(w, r, http.StatusOK, "test", f)
}

func (s *Server) testLive(w http.ResponseWriter, r *http.Request) error {
	c, err := s.campaignOf(r)
	if err != nil {
		return err
	}
	number := r.PathValue("test")
	if _, err := s.testNow(r.Context(), c, number); err != nil {
		return err
	}
	return s.live(w, r, "test "+number+" of "+r.PathValue("id"), func(ctx context.Context) ([]byte, bool, error) {
		view, err := s.testNow(ctx, c, number)
		if err != nil {
			return nil, false, err
		}
		fragment, err := s.draw("test", "live", view)
		return fragment, view.Settled, err
	})
}
