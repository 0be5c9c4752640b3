package web

import (
	"net/url"
	"slices"
	"strings"

	"github.com/headwaymail/headway/campaign"
)

// windowForm is when a campaign's mail may go out, as the form has it.
type windowForm struct {
	Only     bool // within the hours below; otherwise at any time
	From, To string
	days     []string
}

// dayChoice is a day of the week.
type dayChoice struct {
	Value, Words string
	Chosen       bool
}

// newWindowForm fills the form. Without a window it proposes office hours.
func newWindowForm(w campaign.Window) windowForm {
	if w.IsZero() {
		return windowForm{From: "08:00", To: "20:00", days: campaign.WindowDays[:5]}
	}
	return windowForm{Only: true, From: w.From, To: w.To, days: w.Days}
}

func readWindow(form url.Values) windowForm {
	get := func(field string) string { return strings.TrimSpace(form.Get(field)) }
	return windowForm{Only: get("hours") == "window", From: get("from"), To: get("to"), days: form["days"]}
}

// window is what the form asks for.
func (f windowForm) window() campaign.Window {
	if !f.Only {
		return campaign.Window{}
	}
	return campaign.Window{Days: f.days, From: f.From, To: f.To}
}

// Days are the days of the week, with the chosen ones.
func (f windowForm) Days() []dayChoice {
	names := [...]string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}
	choices := make([]dayChoice, len(names))
	for i, value := range campaign.WindowDays {
		choices[i] = dayChoice{Value: value, Words: names[i], Chosen: slices.Contains(f.days, value)}
	}
	return choices
}
