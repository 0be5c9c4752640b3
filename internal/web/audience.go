package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

const (
	// countWait is how long a page waits for the count of its readers; on large
	// lists it follows by event.
	countWait = 80 * time.Millisecond
	// topProviders is how many providers an audience names.
	topProviders = 8
)

// audienceView is who a draft goes to.
type audienceView struct {
	ID      int64
	Name    string
	In, Out audiencePart
	Based   string // the mark of the choice that the form changes
	Problem string
	Saved   bool
	Steps   []step
	Count   audienceCount
}

// audienceCount are the figures of an audience: they add up.
type audienceCount struct {
	At        time.Time
	Known     bool
	Chosen    bool // any list or segment is
	Waterfall []waterfallStep
	Providers []providerShare
	Reached   int64
}

// providerShare is how many readers a provider has.
type providerShare struct {
	Name  string
	Count int64
	Share string
}

func newAudienceCount(a service.AudienceView, chosen bool) audienceCount {
	v := audienceCount{At: a.At, Known: a.Known, Chosen: chosen, Reached: a.WillReceive}
	if !a.Known {
		return v
	}
	v.Waterfall = waterfall(a.Audience)
	var rest int64
	for name, n := range a.Providers {
		if name == "" {
			rest += n
			continue
		}
		v.Providers = append(v.Providers, providerShare{name, n, share(n, a.WillReceive)})
	}
	slices.SortFunc(v.Providers, func(x, y providerShare) int {
		return cmp.Or(cmp.Compare(y.Count, x.Count), cmp.Compare(x.Name, y.Name))
	})
	if len(v.Providers) > topProviders {
		var small int64
		for _, p := range v.Providers[topProviders:] {
			small += p.Count
		}
		others := plural(int64(len(v.Providers)-topProviders), "smaller provider", "smaller providers")
		v.Providers = append(v.Providers[:topProviders:topProviders], providerShare{others, small, share(small, a.WillReceive)})
	}
	if rest > 0 {
		v.Providers = append(v.Providers, providerShare{"Looked up at launch", rest, share(rest, a.WillReceive)})
	}
	return v
}

// countOf counts the audience of a draft, waiting a moment.
func (s *Server) countOf(ctx context.Context, id int64, wait time.Duration) (audienceCount, error) {
	chosen, err := s.service.Store.Audience(ctx, id)
	if err != nil || len(chosen.Lists)+len(chosen.Segments) == 0 {
		return audienceCount{At: time.Now(), Known: true}, err
	}
	counted, err := s.service.Audience(ctx, id, wait)
	if err != nil {
		return audienceCount{}, err
	}
	return newAudienceCount(counted, true), nil
}

func (s *Server) showAudience(w http.ResponseWriter, r *http.Request) error {
	c, err := s.draftOf(r)
	if err != nil {
		return err
	}
	chosen, err := s.service.Store.Audience(r.Context(), c.ID)
	if err != nil {
		return err
	}
	return s.renderAudience(w, r, http.StatusOK, c, chosen, chosen.Mark(), "")
}

func (s *Server) renderAudience(w http.ResponseWriter, r *http.Request, status int, c postgres.Campaign, chosen postgres.AudienceChoice, based, problem string) error {
	view := audienceView{ID: c.ID, Name: c.Name, Based: based, Problem: problem, Saved: r.URL.Query().Has("saved"), Steps: draftSteps("audience")}
	var err error
	if view.In, view.Out, err = s.audienceParts(r.Context(), chosen); err != nil {
		return err
	}
	if view.Count, err = s.countOf(r.Context(), c.ID, countWait); err != nil {
		return err
	}
	f := frame{Title: "Audience of " + c.Name, Section: "campaigns", Page: view}
	if !view.Count.Known {
		f.Live = fmt.Sprintf("/campaigns/%d/audience/live", c.ID)
	}
	return s.render(w, r, status, "audience", f)
}

// audienceLive brings the figures once they are counted.
func (s *Server) audienceLive(w http.ResponseWriter, r *http.Request) error {
	c, err := s.draftOf(r)
	if err != nil {
		return err
	}
	return s.live(w, r, fmt.Sprintf("audience %d", c.ID), func(ctx context.Context) ([]byte, bool, error) {
		count, err := s.countOf(ctx, c.ID, countWait)
		if err != nil {
			return nil, false, err
		}
		fragment, err := s.draw("audience", "live", audienceView{ID: c.ID, Count: count})
		return fragment, count.Known, err
	})
}

// saveAudience stores the choice of lists and segments.
func (s *Server) saveAudience(w http.ResponseWriter, r *http.Request) error {
	c, err := s.draftOf(r)
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return errBadForm
	}
	chosen, err := s.readAudience(r)
	if err != nil {
		return err
	}
	based := r.PostForm.Get("based")
	err = s.service.SaveAudience(r.Context(), c.ID, chosen, based, actor(r))
	var overtaken *postgres.AudienceOvertaken
	switch {
	case errors.Is(err, service.ErrBothWays):
		return s.renderAudience(w, r, http.StatusUnprocessableEntity, c, chosen, based, capital(err.Error())+".")
	case errors.As(err, &overtaken):
		// The form comes back with what was chosen here, based on the newer choice: to
		// save it now is to replace that one, knowingly.
		return s.renderAudience(w, r, http.StatusConflict, c, chosen, overtaken.Now.Mark(), overtakenWords(overtaken.Now))
	case err != nil:
		return err
	}
	next := "audience?saved"
	if r.PostForm.Get("then") == "schedule" {
		next = "schedule"
	}
	http.Redirect(w, r, fmt.Sprintf("/campaigns/%d/%s", c.ID, next), http.StatusSeeOther)
	return nil
}

// overtakenWords says what somebody else chose meanwhile.
func overtakenWords(now postgres.AudienceChoice) string {
	in, out := slices.Concat(now.Lists, now.Segments), slices.Concat(now.Exclude, now.ExcludeSegments)
	theirs := "it goes to nobody"
	if len(in) > 0 {
		theirs = "it goes to “" + strings.Join(in, "”, “") + "”"
	}
	if len(out) > 0 {
		theirs += " without “" + strings.Join(out, "”, “") + "”"
	}
	return "Not saved: since you opened this page, somebody saved other readers: " + theirs +
		". What you chose stands below; to save it now is to replace that."
}
