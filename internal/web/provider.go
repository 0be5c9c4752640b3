package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/pacing"
	"github.com/headwaymail/headway/pacing/provider"
)

// providerView is one provider.
type providerView struct {
	At       time.Time
	ID       int64
	Name     string
	Key      string
	Standing standing
	Mailed   bool // a pace is known
	Pace     pacing.Pace
	Cap      float64 // by hand; 0 none
	Doing    string  // what the pacer does now
	Looks    bool    // it will look for a higher limit
	Held     bool    // a hold or a pause can be ended
	Waiting  int64
	End      *providerEnd // when what waits will be done
	Recent   postgres.Recent
	Facts    []fact // what was learned
	Chart    chart
	Feed     []feedLine
	Replies  []replyGroup // of the last day
	Replied  freshness    // the replies
	Others   int          // more sources than the one that is shown
	Evidence string       // for the provider's postmaster; empty when nothing was refused
	Contact  provider.Postmaster
}

// fact is something that was learned of a provider.
type fact struct{ Name, Value, Why string }

const (
	// chartEvents is how many changes of pace the chart goes back, feedLines how
	// many lines tell of them, markedLines how many of these are found on the
	// chart by their number.
	chartEvents = 400
	feedLines   = 60
	markedLines = 12
	// repliesFor is how far back a provider's replies go, providerReplyRows how
	// many kinds of them are shown.
	repliesFor        = 24 * time.Hour
	providerReplyRows = 12
)

func (s *Server) showProvider(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	view, err := s.provider(r.Context(), id)
	if err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "provider",
		frame{Title: view.Name, Section: "providers", Live: fmt.Sprintf("/providers/%d/live", id), Script: "copy.js", Page: view})
}

func (s *Server) providerLive(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	if _, err := s.service.Store.Provider(r.Context(), id); err != nil {
		return err
	}
	return s.live(w, r, fmt.Sprintf("provider %d", id), func(ctx context.Context) ([]byte, bool, error) {
		view, err := s.provider(ctx, id)
		if err != nil {
			return nil, false, err
		}
		fragment, err := s.draw("provider", "live", view)
		return fragment, false, err
	})
}

func (s *Server) provider(ctx context.Context, id int64) (providerView, error) {
	view := providerView{At: time.Now(), ID: id}
	known, err := s.service.Provider(ctx, id)
	if err != nil {
		return view, err
	}
	view.Name, view.Key, view.Waiting, view.Recent = known.Name, known.Key, known.Waiting, known.Recent
	measured, err := s.service.Store.LastMeasured(ctx, id)
	if err != nil {
		return view, err
	}
	view.Standing = newStanding(nil, 0, view.At)
	if main, mailed := known.Main(); mailed {
		p := main.Pace
		view.Mailed, view.Pace, view.Cap, view.Doing = true, p, main.Cap, doing(p)
		if p.Rate > 0 && p.Rate == main.Cap {
			view.Doing = "Kept at the cap that was set by hand."
		}
		view.Standing = newStanding(&p, int64(p.Lanes), view.At)
		view.Held = p.HoldUntil.After(view.At) || p.Mode == "hold" || p.Mode == "knock"
		view.Looks = !view.Held && p.Next.After(view.At)
		view.Facts = facts(known, main, measured, view.At)
		view.Others = len(known.Sources) - 1
	}
	backlog, waits, err := s.service.Backlog(ctx, id)
	if err != nil {
		return view, err
	}
	if waits {
		view.End = newProviderEnd(&backlog, view.At)
	}
	events, err := s.service.Store.PaceEvents(ctx, id, 0, chartEvents)
	if err != nil {
		return view, err
	}
	lines := toldEvents(events, view.At)
	view.Chart = newChart(events, lines, view.At)
	view.Feed = lines[:min(len(lines), feedLines)]
	groups, err := s.service.ProviderReplies(ctx, id, repliesFor, providerReplyRows, figureWait)
	if err != nil {
		return view, err
	}
	view.Replied = newFreshness(groups.At, groups.Running)
	for _, g := range groups.Value {
		view.Replies = append(view.Replies, newReplyGroup(g))
	}
	view.Evidence, view.Contact = evidence(s.service.Config.Sending, view, groups.Value), provider.PostmasterOf(view.Key)
	return view, nil
}

// facts says what was learned of a provider, what is certain first.
func facts(known service.ProviderStanding, main service.SourceStanding, measured *postgres.PaceEvent, now time.Time) []fact {
	p := main.Pace
	var all []fact
	add := func(name, value, why string) { all = append(all, fact{name, value, why}) }
	if measured != nil {
		add("Measured", rate(measured.Now)+", "+moment(measured.At, now)+" UTC", sentence(measured.Reason, measured.Reply))
	}
	switch {
	case p.Lo > 0 && p.Hi > 0:
		add("The limit", "between "+rate(p.Lo)+" and "+rate(p.Hi), "The first is accepted, the second was refused.")
	case p.Lo > 0:
		add("Accepted", rate(p.Lo), "No limit was met.")
	case p.Hi > 0:
		add("Refused", rate(p.Hi), "")
	}
	for _, sentence := range main.Learned {
		add("Learned", capital(sentence)+".", "")
	}
	if p.Greylists {
		add("Retries", "pass after "+p.RetryAfter.Round(time.Second).String(), "Mail servers that greylist put off whom they do not know.")
	}
	if share := known.DeferredShare(); share > 0 {
		add("Put off in the last hour", fmt.Sprintf("%.1f %%", 100*share), "Of all attempts.")
	}
	add("May still cost", plural(int64(max(main.Budget, 0)), "refusal", "refusals"),
		"What accepted mail has earned for the search for more.")
	return all
}

// toldEvents tells the changes of pace of one provider, newest first, without
// its name. The newest have the numbers under which the chart shows them.
func toldEvents(events []postgres.PaceEvent, now time.Time) []feedLine {
	lines := paceLines(events)
	var marked []*feedLine
	for i := range lines {
		line := &lines[i]
		line.When, line.Name, line.Words = moment(line.At, now), "", capital(line.Words)
		if markKinds[line.Tone] != "" && len(marked) < markedLines {
			marked = append(marked, line)
		}
	}
	for i, line := range marked {
		line.Number = len(marked) - i
	}
	return lines
}

// doing says what the pacer does at a provider now.
func doing(p pacing.Pace) string {
	switch p.Mode {
	case "start":
		return "Starting: the rate doubles while nothing is refused."
	case "climb":
		return "Looking for a higher limit, in growing steps."
	case "steady":
		return "Keeping the highest rate that is known to be good."
	case "pause":
		return "Pausing after a refusal."
	case "hold":
		if p.Manual {
			return "Nothing is sent until then; after that, one message asks whether the way is free."
		}
		return "Nothing is sent; single messages ask whether it is over."
	case "knock":
		return "One message asks whether the hold is over."
	}
	return ""
}
