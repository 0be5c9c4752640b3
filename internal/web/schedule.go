package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/campaign/message"
	"github.com/headwaymail/headway/campaign/review"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// scheduleView is the last page before a newsletter goes out.
type scheduleView struct {
	ID       int64
	Name     string
	From     string
	Subject  string
	Lists    string // and segments to send to
	LeftOut  string // lists and segments
	Checks   []checkLine
	Blocks   int
	Warnings int
	Count    audienceCount
	Confirm  bool // the number of readers must be typed
	Steps    []step

	Now       bool
	Day, Time string
	Zone      string
	Zones     []string
	Clock     string // what time it is there
	FinishDay string
	FinishAt  string
	Lifetimes []lifetimeChoice
	Late      string
	Own       ownTimeForm
	Readers   []zoneLine // who gets it when, in their own zones
	NoZone    int64      // of these: whose field has something that is no zone
	Window    windowForm
	Tracking  campaign.Tracking
	Repeat    repeatForm
	Pattern   string   // how it repeats, in words
	Runs      []string // the first ones
	Problems  map[string]string
}

// checkLine is an item of the checklist, with where it is mended.
type checkLine struct {
	review.Item
	Mark string // in words, for those who see no colours
	Href string
}

// lifetimeChoice is how long a message is tried.
type lifetimeChoice struct {
	Value, Words string
	Chosen       bool
}

// zones are offered while typing; any other IANA name works as well.
var zones = []string{"UTC", "Europe/London", "Europe/Lisbon", "Europe/Paris", "Europe/Berlin", "Europe/Warsaw", "Europe/Athens", "Europe/Kyiv",
	"Africa/Lagos", "Africa/Johannesburg", "Asia/Dubai", "Asia/Kolkata", "Asia/Singapore", "Asia/Shanghai", "Asia/Tokyo",
	"Australia/Sydney", "Pacific/Auckland", "America/Sao_Paulo", "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"}

func (s *Server) showSchedule(w http.ResponseWriter, r *http.Request) error {
	c, err := s.draftOf(r)
	if err != nil {
		return err
	}
	view := scheduleView{Now: true, Zone: c.TimeZone, Tracking: c.Settings.Tracking, Window: newWindowForm(c.Settings.Window), Own: newOwnTimeForm(c.Settings.ReaderTime)}
	if c.Series != nil {
		if err := s.showSeries(r, c, &view); err != nil {
			return err
		}
	}
	if place, err := time.LoadLocation(c.TimeZone); err == nil && !c.Settings.FinishBy.IsZero() {
		by := c.Settings.FinishBy.In(place)
		view.FinishDay, view.FinishAt = by.Format(time.DateOnly), by.Format("15:04")
	}
	return s.renderSchedule(w, r, http.StatusOK, c, view)
}

// showSeries fills the form with the series of a campaign, from its next run on.
func (s *Server) showSeries(r *http.Request, c postgres.Campaign, view *scheduleView) error {
	known, err := s.service.Series(r.Context(), c)
	if err != nil {
		return err
	}
	view.Now, view.Repeat, view.Pattern, view.Runs = false, newRepeatForm(known.Rule), known.Words, runWords(known.Next, known.Zone)
	if place, err := time.LoadLocation(known.Zone); err == nil && len(known.Next) > 0 {
		next := known.Next[0].In(place)
		view.Zone, view.Day, view.Time = known.Zone, next.Format(time.DateOnly), next.Format("15:04")
	}
	return nil
}

// showZones counts the readers by zone, when that is asked for.
func (s *Server) showZones(r *http.Request, c postgres.Campaign, plan service.Plan, view *scheduleView) error {
	if plan.Readers == "" || r.PostForm.Get("then") != "zones" {
		return nil
	}
	zones, err := s.service.ReaderZones(r.Context(), c.ID, plan.ReaderTime())
	if err != nil {
		return err
	}
	view.Readers, view.NoZone = newZoneLines(zones, plan.ReaderTime(), time.Now())
	return nil
}

func (s *Server) renderSchedule(w http.ResponseWriter, r *http.Request, status int, c postgres.Campaign, view scheduleView) error {
	view.ID, view.Name, view.Subject, view.From = c.ID, c.Name, c.Content.Subject, senderLine(c.Content)
	view.Steps, view.Zones = draftSteps("schedule"), zones
	chosen, err := s.service.Store.Audience(r.Context(), c.ID)
	if err != nil {
		return err
	}
	view.Lists = strings.Join(slices.Concat(chosen.Lists, chosen.Segments), ", ")
	view.LeftOut = strings.Join(slices.Concat(chosen.Exclude, chosen.ExcludeSegments), ", ")
	if view.Count, err = s.countOf(r.Context(), c.ID, countWait); err != nil {
		return err
	}
	reached := int64(-1)
	if view.Count.Known {
		reached = view.Count.Reached
	}
	items, err := s.service.Review(r.Context(), c, time.Time{}, reached)
	if err != nil {
		return err
	}
	view.check(items)
	view.Confirm = reached > service.ManyReaders
	place, err := time.LoadLocation(view.Zone)
	if err != nil {
		place = time.UTC
	}
	at := time.Now().In(place)
	view.Clock = at.Format("Mon 2 Jan 15:04")
	if view.Day == "" {
		tomorrow := at.AddDate(0, 0, 1)
		view.Day, view.Time = tomorrow.Format(time.DateOnly), "09:00"
	}
	view.Lifetimes = lifetimes(c.Settings.Lifetime.Std())
	view.Late = campaign.WordsForWait(c.Settings.MayStartLate())
	return s.render(w, r, status, "schedule", frame{Title: "Review and schedule " + c.Name, Section: "campaigns", Page: view})
}

// check takes in the checklist.
func (v *scheduleView) check(items []review.Item) {
	for _, i := range items {
		line := checkLine{Item: i, Mark: "Fine"}
		switch i.Level {
		case review.Block:
			v.Blocks++
			line.Mark = "In the way"
		case review.Warn:
			v.Warnings++
			line.Mark = "Worth a look"
		}
		if i.Level != review.Fine {
			switch i.Part {
			case review.PartSetup:
				line.Href = "/setup"
			case review.PartContent:
				line.Href = fmt.Sprintf("/campaigns/%d/edit%s", v.ID, anchorOf(i.Field))
			case review.PartAudience:
				line.Href = fmt.Sprintf("/campaigns/%d/audience", v.ID)
			case review.PartTest:
				line.Href = fmt.Sprintf("/campaigns/%d/preview", v.ID)
			}
		}
		v.Checks = append(v.Checks, line)
	}
}

// anchorOf leads to the field of a part.
func anchorOf(p message.Part) string {
	switch p {
	case message.PartFrom:
		return "#from_address"
	case message.PartReplyTo, message.PartSubject, message.PartPreheader:
		return "#" + string(p)
	case message.PartHTML, message.PartMarkdown, message.PartText:
		return "#body"
	}
	return ""
}

func lifetimes(now time.Duration) []lifetimeChoice {
	const hour = time.Hour
	var choices []lifetimeChoice
	known := false
	for _, d := range []time.Duration{4 * hour, 12 * hour, 24 * hour, 48 * hour, 72 * hour, 120 * hour} {
		choices = append(choices, lifetimeChoice{Value: d.String(), Words: campaign.WordsForWait(d), Chosen: d == now})
		known = known || d == now
	}
	if !known {
		choices = append(choices, lifetimeChoice{Value: now.String(), Words: campaign.WordsForWait(now), Chosen: true})
	}
	return choices
}

// scheduleCampaign sends a draft now or at a time. A second press of the button
// finds that the first one did it, and leads to where that is shown.
func (s *Server) scheduleCampaign(w http.ResponseWriter, r *http.Request) error {
	c, err := s.campaignOf(r)
	if err != nil {
		return err
	}
	if c.State != campaign.Draft {
		http.Redirect(w, r, fmt.Sprintf("/campaigns/%d", c.ID), http.StatusSeeOther)
		return nil
	}
	if err := r.ParseForm(); err != nil {
		return errBadForm
	}
	get := func(field string) string { return strings.TrimSpace(r.PostForm.Get(field)) }
	view := scheduleView{Now: get("when") != "at", Day: get("day"), Time: get("time"), Zone: get("zone"),
		FinishDay: get("finish_day"), FinishAt: get("finish_at"), Repeat: readRepeat(get), Window: readWindow(r.PostForm), Own: readOwnTime(get)}
	view.Tracking = c.Settings.Tracking
	if get("counted") != "" { // the form has the boxes, ticked or not
		view.Tracking = campaign.Tracking{Clicks: get("count_clicks") != "", Opens: get("count_opens") != ""}
	}
	switch get("then") { // who asks for times means one
	case "zones":
		view.Now, view.Own.Wanted = false, true
	case "runs":
		view.Now = false
	}
	plan := service.Plan{Now: view.Now, Window: view.Window.window(), Readers: view.Own.field(), At: view.Day + " " + view.Time, Zone: view.Zone, Count: get("count"),
		FinishBy: strings.TrimSpace(view.FinishDay + " " + view.FinishAt), Tracking: &view.Tracking}
	if text := get("lifetime"); text != "" {
		if plan.Lifetime, err = time.ParseDuration(text); err != nil || plan.Lifetime <= 0 {
			return errBadForm
		}
	}
	if plan.Repeat, err = view.Repeat.text(); err != nil {
		view.Problems = map[string]string{"repeat": capital(err.Error()) + "."}
		return s.renderSchedule(w, r, http.StatusUnprocessableEntity, c, view)
	}
	var runs []time.Time
	if view.Pattern, runs, err = s.service.Runs(plan); err == nil {
		view.Runs = runWords(runs, plan.Zone)
		if err := s.showZones(r, c, plan, &view); err != nil {
			return err
		}
		if then := get("then"); then == "runs" || then == "zones" {
			return s.renderSchedule(w, r, http.StatusOK, c, view)
		}
		err = s.service.Start(r.Context(), c.ID, plan, actor(r))
		if errors.Is(err, campaign.ErrTransition) || errors.Is(err, postgres.ErrNoDraft) { // by a second click, or somebody else
			http.Redirect(w, r, fmt.Sprintf("/campaigns/%d", c.ID), http.StatusSeeOther)
			return nil
		}
	}
	var wrong *service.PlanError
	var blocked *service.Blocked
	switch {
	case errors.As(err, &wrong):
		view.Problems = map[string]string{wrong.Field: capital(wrong.Error()) + "."}
		return s.renderSchedule(w, r, http.StatusUnprocessableEntity, c, view)
	case errors.As(err, &blocked):
		view.Problems = map[string]string{"": "Something is still in the way: the checklist says what."}
		return s.renderSchedule(w, r, http.StatusUnprocessableEntity, c, view)
	case err != nil && !errors.Is(err, postgres.ErrNoDraft):
		return err
	}
	s.snapshots.changed(c.ID)
	http.Redirect(w, r, fmt.Sprintf("/campaigns/%d", c.ID), http.StatusSeeOther)
	return nil
}
