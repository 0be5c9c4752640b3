package web

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/listhygiene"
)

// campaignView is a campaign as it stands: the live page and the JSON.
type campaignView struct {
	At        time.Time         `json:"at"`
	ID        int64             `json:"id"`
	Name      string            `json:"name"`
	Subject   string            `json:"subject"`
	State     campaign.State    `json:"state"`
	Words     string            `json:"words"`          // the state, for people
	Note      string            `json:"note,omitempty"` // what is to be known about it now
	Terms     string            `json:"terms"`          // how long and how often is tried
	Counters  campaign.Counters `json:"counters"`
	Bar       bar               `json:"-"`
	Closed    *time.Time        `json:"closed_until,omitempty"` // when its window opens; nothing while it is open
	Rate      *float64          `json:"rate"`                   // messages delivered per second now; null when not known
	End       *end              `json:"end,omitempty"`          // when it will be done; nothing unless it is sending
	Throttled int64             `json:"throttled"`
	Providers []providerRow     `json:"providers"`
	Hidden    int               `json:"-"` // providers that stand together in the last row
	Feed      []feedLine        `json:"feed"`
	Waterfall []waterfallStep   `json:"audience"`
	Actions   []action          `json:"-"`
	Series    *series           `json:"series,omitempty"`  // how it repeats
	RunOf     *runOf            `json:"run_of,omitempty"`  // the series that it is a run of
	To        []string          `json:"to"`                // lists and segments
	Without   []string          `json:"without,omitempty"` // the same, left out
}

// providerRow is one provider's part of a campaign.
type providerRow struct {
	ID        int64             `json:"id"` // 0: the provider of the domains is not known yet
	Name      string            `json:"name"`
	Counters  campaign.Counters `json:"counters"`
	Bar       bar               `json:"-"`
	Throttled int64             `json:"throttled"` // replies with code 421
	Standing  standing          `json:"standing"`
	End       *providerEnd      `json:"end,omitempty"` // when its part will be done
}

// Others are the final states that have no column of their own.
func (p providerRow) Others() int64 { return others(p.Counters) }

// Others are the final states that have no column of their own.
func (v campaignView) Others() int64 { return others(v.Counters) }

func others(c campaign.Counters) int64 {
	return c.Expired + c.Suppressed + c.Cancelled + c.InDoubt
}

// Underway reports whether mail may go out now.
func (v campaignView) Underway() bool { return v.State == campaign.Sending && v.Closed == nil }

// Settled reports whether nothing will change by itself.
func (v campaignView) Settled() bool { return v.State.Final() && v.Counters.Waiting() == 0 }

// Opened reports whether there are recipients to show.
func (v campaignView) Opened() bool { return v.Counters.Targeted > 0 }

// waterfallStep is a line of the way from the lists to those who will receive.
type waterfallStep struct {
	Words string `json:"words"`
	Count int64  `json:"count"` // negative for who was taken away
	Sum   bool   `json:"sum"`   // it is what the lines above lead to
	Why   string `json:"why,omitempty"`
}

// action is a button.
type action struct {
	Verb  string // the end of its address
	Words string
	Asks  bool // leads to a page, which may ask first
	Main  bool // what people mostly want here
}

// providerRows is how many providers stand on a row of their own on the live
// page: thousands help nobody there, and the report and the JSON have them all.
const providerRows = 40

// newCampaignView fills the view of a campaign from a snapshot. At most rows
// providers stand on a row of their own.
func newCampaignView(s snapshot, rows int) campaignView {
	c := s.Campaign
	v := campaignView{
		At: s.At, ID: c.ID, Name: c.Name, Subject: c.Content.Subject, State: c.State,
		Words: service.StateWords(c, s.At), Note: noteOf(c, s.At), Terms: termsOf(c.Settings),
		Counters: c.Counters, Bar: newBar(c.Counters),
		Providers: []providerRow{}, Feed: newFeed(s.Events, s.Pace, s.At), Waterfall: waterfall(c.Audience), Actions: actions(c),
		Series: newSeries(c, s.Series), RunOf: newRunOf(c.RunOf),
		To: slices.Concat(s.Audience.Lists, s.Audience.Segments), Without: slices.Concat(s.Audience.Exclude, s.Audience.ExcludeSegments),
	}
	if opens := service.ClosedUntil(c, s.At); !opens.IsZero() {
		v.Closed = &opens
	}
	if s.Known && v.Underway() {
		v.Rate = &s.Rate
	}
	v.End = newEnd(s.Live)
	rest := providerRow{}
	for i, p := range s.Providers {
		v.Throttled += p.Throttled
		if i >= rows && len(s.Providers) > rows+1 {
			v.Hidden++
			rest.Counters = rest.Counters.Add(p.Counters)
			rest.Throttled += p.Throttled
			continue
		}
		row := newProviderRow(p, c.State, s.At)
		if v.Closed != nil && p.Counters.Waiting() > 0 && p.Provider != 0 {
			row.Standing = standing{Key: "unknown", Words: "Waits for the window"}
		}
		v.Providers = append(v.Providers, row)
	}
	if v.Hidden > 0 {
		rest.Name, rest.Bar = plural(int64(v.Hidden), "smaller provider", "smaller providers"), newBar(rest.Counters)
		rest.Standing = standing{Key: "unknown", Words: "See the report"}
		v.Providers = append(v.Providers, rest)
	}
	return v
}

func newProviderRow(p service.LiveProvider, state campaign.State, now time.Time) providerRow {
	row := providerRow{ID: p.Provider, Name: p.Name, Counters: p.Counters, Bar: newBar(p.Counters), Throttled: p.Throttled}
	switch waiting := p.Counters.Waiting(); {
	case waiting == 0:
		row.Standing = standing{Key: "done", Words: "Done"}
	case p.Provider == 0:
		row.Standing = standing{Key: "unknown", Words: "Being looked up"}
	case state == campaign.Sending || state == campaign.Paused:
		row.Standing = newStanding(p.Pace, waiting, now)
		row.End = newProviderEnd(p.Estimate, now)
	default:
		row.Standing = standing{Key: "unknown", Words: "Waiting"}
	}
	return row
}

// noteOf says what is to be known about a campaign in its state.
func noteOf(c postgres.Campaign, now time.Time) string {
	switch c.State {
	case campaign.Draft:
		if c.Series != nil {
			return "Its series is paused: nothing goes out before you resume it. Meanwhile the newsletter can be changed."
		}
		return "A draft: nothing goes out before it is launched or scheduled."
	case campaign.Scheduled:
		if c.Series != nil {
			return "The next run starts " + campaign.WordsForStart(c.ScheduledAt, c.TimeZone, now) + "."
		}
		if own := c.Settings.ReaderTime; !own.IsZero() {
			return "Goes out at " + own.Words() + "; the first get it " + campaign.WordsForStart(c.ScheduledAt, c.TimeZone, now) + "."
		}
		return "Starts " + campaign.WordsForStart(c.ScheduledAt, c.TimeZone, now) + "."
	case campaign.Sending:
		if !c.LaunchDone {
			return "The list of recipients is still being made: the whole grows."
		}
		if opens := service.ClosedUntil(c, now); !opens.IsZero() {
			return "Nothing goes out until " + campaign.WordsForStart(opens, c.Settings.Window.Zone, now) + "; then it goes on by itself."
		}
		return "Launched " + stamp(c.LaunchedAt) + ", " + campaign.WordsForWait(now.Sub(c.LaunchedAt)) + " ago."
	case campaign.Paused:
		return "Nothing goes out until you resume it."
	case campaign.Finished:
		return fmt.Sprintf("Finished %s, %s after its launch: every recipient is in a final state.",
			stamp(c.FinishedAt), campaign.WordsForWait(c.FinishedAt.Sub(c.LaunchedAt)))
	case campaign.Cancelled:
		if c.Counters.Waiting() > 0 {
			return "Being cancelled: what waits is taken back."
		}
		return "Cancelled " + stamp(c.FinishedAt) + "."
	}
	return ""
}

// termsOf says how often and how long a campaign tries.
func termsOf(s campaign.Settings) string {
	steps := make([]string, 0, len(s.Retry.Steps))
	for _, step := range s.Retry.Steps {
		steps = append(steps, campaign.WordsForWait(step.Std()))
	}
	terms := "Deferred mail is tried again after " + strings.Join(steps, ", ")
	if len(steps) == 0 {
		terms = "Deferred mail is tried again hourly"
	}
	terms += ", for " + campaign.WordsForWait(s.Lifetime.Std()) + "."
	if !s.Window.IsZero() {
		terms = "Sent only " + s.Window.Words() + ". " + terms + " Time outside the window does not count."
	}
	if own := s.ReaderTime; !own.IsZero() {
		terms = "Each reader gets it at " + own.Words() + " (contact field " + own.Field + "; as in " + own.Zone + " where it is not known). " + terms
	}
	if s.StopsWarnOnly {
		return terms + " Stops only warn."
	}
	return terms + " Too many bounces pause the campaign."
}

// waterfall is the audience in lines that add up, empty before the launch.
func waterfall(a campaign.Audience) []waterfallStep {
	if a.InLists == 0 {
		return []waterfallStep{}
	}
	steps := []waterfallStep{{Words: "In lists and segments", Count: a.InLists + a.Duplicates, Sum: true}}
	for _, s := range []waterfallStep{
		{Words: "On several of them", Count: -a.Duplicates},
		{Words: "Left out by choice", Count: -a.Excluded},
		{Words: "Unsubscribed", Count: -a.Unsubscribed},
		{Words: "Not confirmed yet", Count: -a.Unconfirmed},
		{Words: "Suppressed", Count: -a.Suppressed},
		{Words: "Undeliverable", Count: -a.Undeliverable, Why: whyLeftOut(a.Why, listhygiene.Undeliverable)},
		{Words: "Held", Count: -a.Held, Why: whyLeftOut(a.Why, listhygiene.Risky)},
	} {
		if s.Count != 0 {
			steps = append(steps, s)
		}
	}
	end := waterfallStep{Words: "Will receive", Count: a.WillReceive, Sum: true}
	if a.Probation > 0 {
		end.Why = count(a.Probation) + " of them are unproven and go out in slices"
	}
	return append(steps, end)
}

// failed is how many deliveries could be tried again.
func failed(c campaign.Counters) (n int64) {
	for _, state := range campaign.Retryable() {
		n += c.Of(state)
	}
	return n
}

// actions are the buttons of a campaign in its state.
func actions(c postgres.Campaign) []action {
	state, clone := c.State, action{Verb: "clone", Words: "Clone"}
	switch {
	case c.Series != nil && state == campaign.Scheduled:
		return append(seriesActions(c), action{"preview", "Look at it", true, false}, clone)
	case c.Series != nil && state == campaign.Draft:
		return append(seriesActions(c), action{"edit", "Edit", true, false}, action{"schedule", "Schedule anew…", true, false},
			action{"preview", "Preview and test", true, false}, clone)
	case state == campaign.Draft:
		return []action{{"schedule", "Schedule or send…", true, true}, {"edit", "Edit", true, false}, {"preview", "Preview and test", true, false},
			clone, {"delete", "Delete…", true, false}}
	}
	known := map[campaign.Verb]action{
		campaign.Unschedule: {"unschedule", "Unschedule", false, false},
		campaign.Pause:      {"pause", "Pause", false, true},
		campaign.Resume:     {"resume", "Resume", false, true},
		campaign.Cancel:     {"cancel", "Cancel remaining…", true, false},

		campaign.RetryFailed: {"retry", "Retry failed…", true, false},
	}
	if state == campaign.Scheduled {
		known[campaign.Cancel] = action{"cancel", "Cancel campaign…", true, false}
	}
	var buttons []action
	for _, verb := range state.Verbs() {
		if verb == campaign.RetryFailed && failed(c.Counters) == 0 {
			continue // nobody is left to send to
		}
		if a, ok := known[verb]; ok {
			buttons = append(buttons, a)
		}
	}
	return append(buttons, action{"preview", "Look at it", true, false}, clone)
}
