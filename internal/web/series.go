package web

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/campaign/recurrence"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// repeatChoice is a way to repeat that is offered by name.
type repeatChoice struct {
	Value, Words string
	Chosen       bool
}

// ownRule stands for a rule that somebody writes.
const ownRule = "rule"

// repeats are the choices in their order.
var repeats = []repeatChoice{
	{Value: "", Words: "Does not repeat"},
	{Value: "FREQ=DAILY", Words: "Every day"},
	{Value: "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", Words: "Monday to Friday"},
	{Value: "FREQ=WEEKLY", Words: "Every week, on the day of the first"},
	{Value: "FREQ=WEEKLY;INTERVAL=2", Words: "Every two weeks, on the day of the first"},
	{Value: "FREQ=MONTHLY", Words: "Every month, on the date of the first"},
	{Value: "FREQ=MONTHLY;BYMONTHDAY=-1", Words: "Every month, on its last day"},
	{Value: "FREQ=YEARLY", Words: "Every year"},
	{Value: ownRule, Words: "By a rule of your own"},
}

// repeatForm is how a campaign should repeat, as the form has it.
type repeatForm struct {
	Choice string // one of repeats
	Rule   string // with ownRule
	Until  string // the last day; empty for no end
}

// newRepeatForm fills the form for a rule that is there already.
func newRepeatForm(rule string) repeatForm {
	for _, c := range repeats {
		if c.Value == rule {
			return repeatForm{Choice: rule}
		}
	}
	return repeatForm{Choice: ownRule, Rule: rule}
}

func readRepeat(get func(string) string) repeatForm {
	return repeatForm{Choice: get("repeat"), Rule: get("rule"), Until: get("until")}
}

// text is the rule that the form makes; empty for none.
func (f repeatForm) text() (string, error) {
	rule := f.Choice
	switch {
	case rule == "":
		return "", nil
	case rule == ownRule && f.Rule == "":
		return "", fmt.Errorf("write the rule, such as %s", recurrence.Example)
	case rule == ownRule:
		rule = f.Rule
	}
	if f.Until == "" {
		return rule, nil
	}
	day, err := time.Parse(time.DateOnly, f.Until)
	if err != nil {
		return "", fmt.Errorf("%q is not a day; write it like 2026-12-31", f.Until)
	}
	return strings.TrimSuffix(rule, ";") + ";UNTIL=" + day.Format("20060102"), nil
}

// Choices are the ways to repeat, with the chosen one.
func (f repeatForm) Choices() []repeatChoice {
	choices := make([]repeatChoice, len(repeats))
	for i, c := range repeats {
		c.Chosen = c.Value == f.Choice
		choices[i] = c
	}
	return choices
}

// Own reports whether the rule is written by hand.
func (f repeatForm) Own() bool { return f.Choice == ownRule }

// series is how a campaign repeats: on its page and in the JSON.
type series struct {
	Words  string    `json:"words,omitempty"` // empty when it has ended
	Rule   string    `json:"rule,omitempty"`
	Paused bool      `json:"paused"`
	Next   []string  `json:"next"`
	Runs   []runLine `json:"runs"` // the newest first
}

// runLine is a run of a series.
type runLine struct {
	ID     int64          `json:"id"`
	Number int            `json:"number"`
	Name   string         `json:"name"`
	State  campaign.State `json:"state"`
	Words  string         `json:"words"`
}

// runOf says which run a campaign is.
type runOf struct {
	ID     int64  `json:"id"`
	Name   string `json:"name"`
	Number int    `json:"number"`
}

func newRunOf(r postgres.RunOf) *runOf {
	if r.Campaign == 0 {
		return nil
	}
	return &runOf{ID: r.Campaign, Name: r.Name, Number: r.Number}
}

func newSeries(c postgres.Campaign, s *service.SeriesView) *series {
	if s == nil {
		return nil
	}
	v := &series{Words: s.Words, Rule: s.Rule, Paused: c.State != campaign.Scheduled, Next: runWords(s.Next, s.Zone), Runs: []runLine{}}
	for _, run := range s.Runs {
		v.Runs = append(v.Runs, runLine{ID: run.ID, Number: run.RunOf.Number, Name: run.Name, State: run.State, Words: service.StateWords(run, time.Now())})
	}
	return v
}

// runWords lists runs to come.
func runWords(runs []time.Time, zone string) []string {
	words := make([]string, 0, len(runs))
	for _, run := range runs {
		words = append(words, recurrence.WordsForRun(run, zone))
	}
	return words
}

// seriesActions are the buttons of a series; unscheduling its campaign pauses it.
func seriesActions(c postgres.Campaign) []action {
	end := action{"end-series", "End the series", false, false}
	if c.State == campaign.Scheduled {
		return []action{{"unschedule", "Pause the series", false, false}, end}
	}
	return []action{{"resume-series", "Resume the series", false, true}, end}
}

// changeSeries resumes or ends a series.
func (s *Server) changeSeries(w http.ResponseWriter, r *http.Request, id int64, verb string) error {
	var err error
	if verb == "resume-series" {
		_, err = s.service.ResumeSeries(r.Context(), id, actor(r))
	} else {
		err = s.service.EndSeries(r.Context(), id, actor(r))
	}
	if err != nil {
		return err
	}
	s.snapshots.changed(id)
	http.Redirect(w, r, fmt.Sprintf("/campaigns/%d", id), http.StatusSeeOther)
	return nil
}
