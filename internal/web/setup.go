package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/headwaymail/headway/campaign/message"
	"github.com/headwaymail/headway/internal/doctor"
	"github.com/headwaymail/headway/internal/service"
)

const (
	// setupPatience is how long the page waits for what is asked over the
	// network. What takes longer arrives by event, or with the next load.
	setupPatience = 100 * time.Millisecond
	// setupLivePatience is the same for the live part, where nobody waits.
	setupLivePatience = 20 * time.Second
)

// setupView is the way from an empty installation to the first newsletter.
type setupView struct {
	At    time.Time // of the checkup
	Steps []setupStep
	Done  int
	All   bool
	// The forms below.
	Domain, DomainProblem string
	To, TestProblem       string
	Over                  bool // the dashboard speaks of it no more
}

type setupStep struct {
	service.Step
	Number int
	Next   bool // the first that is not green
	Reply  string
	Said   *conversation // around the test message
	// Settings is what to write into headway.toml; empty for nothing.
	Settings string
	Link     string // where it is done; empty for this page
	LinkText string
}

func (s *Server) showSetup(w http.ResponseWriter, r *http.Request) error {
	return s.renderSetup(w, r, http.StatusOK, setupView{})
}

func (s *Server) renderSetup(w http.ResponseWriter, r *http.Request, status int, forms setupView) error {
	view, err := s.setup(r.Context(), setupPatience)
	if err != nil {
		return err
	}
	view.Domain, view.DomainProblem = forms.Domain, forms.DomainProblem
	view.To, view.TestProblem = forms.To, forms.TestProblem
	if view.To == "" {
		view.To = visitorOf(r).Address
	}
	if view.Over, err = s.service.SetupOver(r.Context()); err != nil {
		return err
	}
	return s.render(w, r, status, "setup", frame{Title: "Setup", Section: "setup", Live: "/setup/live", Script: "copy.js", Page: view})
}

func (s *Server) setupLive(w http.ResponseWriter, r *http.Request) error {
	return s.live(w, r, "setup", func(ctx context.Context) ([]byte, bool, error) {
		view, err := s.setup(ctx, setupLivePatience)
		if err != nil {
			return nil, false, err
		}
		fragment, err := s.draw("setup", "live", view)
		return fragment, false, err
	})
}

func (s *Server) setup(ctx context.Context, patience time.Duration) (setupView, error) {
	set, err := s.service.Setup(ctx, patience)
	if err != nil {
		return setupView{}, err
	}
	view := setupView{At: set.At, Done: set.Done(), All: set.Next() == nil}
	for i, step := range set.Steps {
		line := setupStep{Step: step, Number: i + 1, Next: set.Next() != nil && set.Next().Key == step.Key}
		line.Link, line.LinkText = setupLink(step)
		line.Settings = s.setupSettings(step)
		if step.Key == "test" && set.Test != nil {
			line.Reply = set.Test.Reply
			if line.Said, err = s.conversation(ctx, set.Test.Campaign); err != nil {
				return view, err
			}
		}
		view.Steps = append(view.Steps, line)
	}
	return view, nil
}

// setupReminder is what the dashboard says of the setup; nil when nothing. A
// sandbox needs none: everything is simulated.
func (s *Server) setupReminder(ctx context.Context) (*reminder, error) {
	if s.service.Config.Sandbox.Enabled {
		return nil, nil
	}
	over, err := s.service.SetupOver(ctx)
	if err != nil || over {
		return nil, err
	}
	set, err := s.service.Setup(ctx, 0)
	if err != nil || set.Next() == nil {
		return nil, err
	}
	return &reminder{Done: set.Done(), Next: set.Next().Title}, nil
}

// setupLink says where a line is worked on.
func setupLink(step service.Step) (path, words string) {
	switch {
	case step.State == service.StepDone:
	case step.Key == "account":
		return "/welcome", "Create the owner account"
	case step.Key == "import":
		return "/imports/new", "Import contacts"
	case step.Key == "test":
		return "#test", "Send a test message"
	case step.Key == "domain" && len(step.Groups) == 0:
		return "#domain", "Enter the domain"
	}
	return "", ""
}

// setupSettings is what a line still needs in headway.toml, with examples in
// place of what is not known.
func (s *Server) setupSettings(step service.Step) string {
	c := s.service.Config
	switch {
	case step.State == service.StepDone || step.State == service.StepChecking:
	case step.Key == "address" && c.Web.PublicURL == "":
		return "[web]\npublic_listen = \"127.0.0.1:8081\"\npublic_url = \"https://news.example.com\"\n"
	case step.Key == "domain" && c.Sending.BounceDomain == "":
		return "[sending]\nbounce_domain = \"bounces.example.com\"\n\n[inbound]\nlisten = \"0.0.0.0:25\"\n"
	case step.Key == "machine" && (c.Sending.Source == "" || c.Sending.HELOName == ""):
		return "[sending]\nsource = \"192.0.2.10\"\nhelo_name = \"mail.example.com\"\n"
	}
	return ""
}

// recordView is a record to publish, and what stands in its place now.
type recordView struct {
	ID        string // unique on the page
	Record    doctor.Record
	Found     []string
	Different bool // what was found is something else
}

func newRecordView(step string, group int, f doctor.Finding) recordView {
	return recordView{ID: fmt.Sprintf("%s-%d-%s", step, group, f.ID), Record: f.Record, Found: f.Found,
		Different: len(f.Found) > 0 && (len(f.Found) > 1 || f.Found[0] != f.Record.Value)}
}

// makeKey makes the signing key of a domain.
func (s *Server) makeKey(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errBadForm
	}
	domain := strings.ToLower(strings.TrimSpace(r.PostForm.Get("domain")))
	if err := s.service.AddSendingDomain(r.Context(), domain, actor(r)); err != nil {
		return s.renderSetup(w, r, http.StatusUnprocessableEntity, setupView{Domain: domain, DomainProblem: capital(err.Error()) + "."})
	}
	http.Redirect(w, r, "/setup#step-domain", http.StatusSeeOther)
	return nil
}

func (s *Server) sendSetupTest(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errBadForm
	}
	to := strings.TrimSpace(r.PostForm.Get("to"))
	err := s.service.SendSetupTest(r.Context(), to, actor(r))
	var missing *service.NotReady
	var mistakes message.Errors
	switch {
	case errors.Is(err, service.ErrAddress), errors.As(err, &missing), errors.As(err, &mistakes):
		return s.renderSetup(w, r, http.StatusUnprocessableEntity, setupView{To: to, TestProblem: capital(err.Error()) + "."})
	case err != nil:
		return err
	}
	http.Redirect(w, r, "/setup#step-test", http.StatusSeeOther)
	return nil
}

func (s *Server) dismissSetup(w http.ResponseWriter, r *http.Request) error {
	if err := s.service.DismissSetup(r.Context(), actor(r)); err != nil {
		return err
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}
