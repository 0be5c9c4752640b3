package recurrence

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Words says the rule as people do: "every week on Tuesday at 09:00
// Europe/Warsaw, 10 times in all". What has no plain words is quoted.
func (r *Rule) Words() string {
	days, plain := r.days()
	words := r.every() + days
	if !plain {
		words = "by the rule " + r.text
	}
	words += " at " + r.start.Format("15:04") + " " + r.name
	if !plain {
		return words
	}
	if n := r.option.Count; n == 1 {
		words += ", once"
	} else if n > 1 {
		words += fmt.Sprintf(", %d times in all", n)
	}
	if !r.until.IsZero() {
		words += ", until " + r.until.Format("2 Jan 2006")
	}
	return words
}

// every says how often, without the days.
func (r *Rule) every() string {
	unit := map[string]string{"DAILY": "day", "WEEKLY": "week", "MONTHLY": "month", "YEARLY": "year"}[r.parts["FREQ"]]
	if n := r.option.Interval; n > 1 {
		return fmt.Sprintf("every %d %ss", n, unit)
	}
	return "every " + unit
}

// days says on which days, and whether that could be said.
func (r *Rule) days() (words string, plain bool) {
	used := func(keys ...string) bool {
		return slices.ContainsFunc(keys, func(k string) bool { return r.parts[k] != "" })
	}
	if used("BYSETPOS", "BYYEARDAY", "BYWEEKNO") || used("BYDAY") && used("BYMONTHDAY") {
		return "", false
	}
	frequency := r.parts["FREQ"]
	if used("BYMONTH") && frequency != "YEARLY" || used("BYMONTHDAY") && frequency == "DAILY" {
		return "", false
	}
	months := r.months()
	switch {
	case used("BYDAY"):
		words = r.weekdays()
		if frequency == "YEARLY" && !used("BYMONTH") {
			return "", false
		}
		if used("BYMONTH") {
			words += " of " + months
		}
		return " on " + words, true
	case frequency == "DAILY":
		return "", true
	case frequency == "WEEKLY":
		return " on " + r.start.Weekday().String(), true
	case frequency == "MONTHLY":
		return " on " + r.monthdays(), true
	case used("BYMONTHDAY") || len(r.option.Bymonth) > 1:
		return " on " + r.monthdays() + " of " + months, true
	}
	month := r.start.Month()
	if used("BYMONTH") {
		month = time.Month(r.option.Bymonth[0])
	}
	return fmt.Sprintf(" on %d %s", r.start.Day(), month), true
}

func (r *Rule) months() string {
	names := []string{r.start.Month().String()}
	if given := r.option.Bymonth; len(given) > 0 {
		names = names[:0]
		for _, m := range given {
			names = append(names, time.Month(m).String())
		}
	}
	return together(names)
}

// weekdays names the days of BYDAY: "Monday to Friday", "the last Friday".
func (r *Rule) weekdays() string {
	var names []string
	workdays := 0
	for _, d := range r.option.Byweekday {
		name := time.Weekday((d.Day() + 1) % 7).String()
		switch n := d.N(); {
		case n == -1:
			name = "the last " + name
		case n < 0:
			name = "the " + ranked(-n) + " last " + name
		case n > 0:
			name = "the " + ranked(n) + " " + name
		case d.Day() < 5:
			workdays |= 1 << d.Day()
		}
		names = append(names, name)
	}
	if len(names) == 5 && workdays == 1<<5-1 {
		return "Monday to Friday"
	}
	return together(names)
}

// monthdays names the days of BYMONTHDAY, or that of the start.
func (r *Rule) monthdays() string {
	given := r.option.Bymonthday
	if len(given) == 0 {
		given = []int{r.start.Day()}
	}
	var names []string
	for _, d := range given {
		switch {
		case d == -1:
			names = append(names, "the last day")
		case d < 0:
			names = append(names, "the "+ordinal(-d)+" last day")
		default:
			names = append(names, "the "+ordinal(d))
		}
	}
	return together(names)
}

// ranked writes a place: first, second, 12th.
func ranked(n int) string {
	if names := [...]string{"first", "second", "third", "fourth", "fifth"}; n <= len(names) {
		return names[n-1]
	}
	return ordinal(n)
}

func ordinal(n int) string {
	ending := "th"
	switch {
	case n%100 >= 11 && n%100 <= 13:
	case n%10 == 1:
		ending = "st"
	case n%10 == 2:
		ending = "nd"
	case n%10 == 3:
		ending = "rd"
	}
	return strconv.Itoa(n) + ending
}

func together(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// WordsForRun says when a run is: "Tue 24 Nov 2026 09:00 Europe/Warsaw".
func WordsForRun(run time.Time, zone string) string {
	place, err := time.LoadLocation(zone)
	if err != nil {
		place, zone = time.UTC, "UTC"
	}
	return run.In(place).Format("Mon 2 Jan 2006 15:04 ") + zone
}
