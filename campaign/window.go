package campaign

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Window is when messages of a campaign may go out: on some days of the week,
// between two times of day. The zero value is no window: always.
type Window struct {
	// Days are those on which it opens: mon, tue, wed, thu, fri, sat, sun.
	Days []string `json:"days,omitempty" toml:"days"`
	// From is when it opens, To when it closes, as in 08:00. Where To is not
	// after From it closes on the day after; where both are the same it is
	// open for a whole day.
	From string `json:"from,omitempty" toml:"from"`
	To   string `json:"to,omitempty" toml:"to"`
	// Zone is the IANA name of the zone that the times are of: the campaign's.
	Zone string `json:"zone,omitempty" toml:"zone"`
}

// WindowDays are the days of a window, in the order of a week.
var WindowDays = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// IsZero reports whether there is no window.
func (w Window) IsZero() bool { return len(w.Days) == 0 && w.From == "" && w.To == "" }

// Check returns an error that says what is wrong with a window.
func (w Window) Check() error {
	if w.IsZero() {
		return nil
	}
	if len(w.Days) == 0 {
		return errors.New("a window needs at least one day of the week")
	}
	for i, day := range w.Days {
		if !slices.Contains(WindowDays, day) {
			return fmt.Errorf("%q is not a day of a window; days are %s", day, strings.Join(WindowDays, ", "))
		}
		if slices.Contains(w.Days[:i], day) {
			return fmt.Errorf("%s stands in the window twice", day)
		}
	}
	for _, text := range []string{w.From, w.To} {
		if _, err := time.Parse("15:04", text); err != nil {
			return fmt.Errorf("%q is not a time of day; write it like 08:00", text)
		}
	}
	if _, err := time.LoadLocation(w.Zone); err != nil || w.Zone == "" || w.Zone == "Local" {
		return fmt.Errorf("%q is not a time zone; use a name such as Europe/Warsaw", w.Zone)
	}
	return nil
}

// ParseWindow reads a window such as "08:00-20:00 mon-fri" or "09:00-17:00
// mon,wed,fri". Without days it opens on every day.
func ParseWindow(text, zone string) (Window, error) {
	w := Window{Zone: zone}
	fields := strings.Fields(strings.ToLower(text))
	if len(fields) == 0 || len(fields) > 2 {
		return w, fmt.Errorf("%q is not a window; write it like \"08:00-20:00 mon-fri\"", text)
	}
	if strings.Contains(fields[0], ":") {
		w.From, w.To, _ = strings.Cut(fields[0], "-")
		fields = fields[1:]
	} else if len(fields) == 2 {
		w.From, w.To, _ = strings.Cut(fields[1], "-")
		fields = fields[:1]
	}
	w.Days = slices.Clone(WindowDays)
	if len(fields) == 1 {
		w.Days = nil
		for part := range strings.SplitSeq(fields[0], ",") {
			first, last, isRange := strings.Cut(part, "-")
			from, to := slices.Index(WindowDays, first), slices.Index(WindowDays, last)
			switch {
			case !isRange:
				w.Days = append(w.Days, part)
			case from < 0 || to < from:
				return w, fmt.Errorf("%q are not days of a window; write them like mon-fri or mon,wed,fri", part)
			default:
				w.Days = append(w.Days, WindowDays[from:to+1]...)
			}
		}
	}
	return w, w.Check()
}

// Words says when it is open: "Monday to Friday, 08:00 to 20:00 Europe/Warsaw".
func (w Window) Words() string {
	names := map[string]string{"mon": "Monday", "tue": "Tuesday", "wed": "Wednesday", "thu": "Thursday",
		"fri": "Friday", "sat": "Saturday", "sun": "Sunday"}
	var days []string
	first, last := -1, 0
	for i, day := range WindowDays {
		if slices.Contains(w.Days, day) {
			if days = append(days, names[day]); first < 0 {
				first = i
			}
			last = i
		}
	}
	words := strings.Join(days, ", ")
	switch n := len(days); {
	case n == 7:
		words = "every day"
	case n > 2 && last-first == n-1:
		words = days[0] + " to " + days[n-1]
	case n > 1:
		words = strings.Join(days[:n-1], ", ") + " and " + days[n-1]
	}
	if w.From == w.To {
		return words + ", all day from " + w.From + " " + w.Zone
	}
	return words + ", " + w.From + " to " + w.To + " " + w.Zone
}
