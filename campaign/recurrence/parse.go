package recurrence

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/teambition/rrule-go"
)

// Example is shown with what is wrong.
const Example = "FREQ=WEEKLY;BYDAY=TU"

// longest bounds a rule, in bytes: all days of a year and more fit in.
const longest = 2000

// Parse reads a rule such as "FREQ=WEEKLY;BYDAY=TU", with or without "RRULE:"
// before it. The first run is the first moment of the rule at or after start. A
// newsletter repeats by days, weeks, months or years, at the time of day of its
// start, so parts smaller than a day are refused.
func Parse(text string, start time.Time, zone string) (*Rule, error) {
	place, err := time.LoadLocation(zone)
	if err != nil || zone == "" || zone == "Local" {
		return nil, fmt.Errorf("%q is not a time zone; use a name such as Europe/Warsaw", zone)
	}
	text = strings.ToUpper(strings.Join(strings.Fields(text), ""))
	text = strings.TrimPrefix(text, "RRULE:")
	if text == "" {
		return nil, fmt.Errorf("the rule is empty; write it like %s", Example)
	}
	if len(text) > longest {
		return nil, fmt.Errorf("the rule is longer than %d characters", longest)
	}
	r := &Rule{text: text, zone: place, name: zone, parts: make(map[string]string)}
	for part := range strings.SplitSeq(strings.TrimSuffix(text, ";"), ";") {
		if err := r.take(part); err != nil {
			return nil, err
		}
	}
	if err := r.agree(); err != nil {
		return nil, err
	}
	if err := r.compile(wall(start, place)); err != nil {
		return nil, err
	}
	if len(r.After(start.Add(-time.Second), 1)) == 0 {
		return nil, fmt.Errorf("the rule %s never comes true after its start; look at its days and at its end", text)
	}
	return r, nil
}

// known are the parts of a rule that a newsletter can use.
var known = []string{"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYYEARDAY", "BYWEEKNO", "BYSETPOS", "WKST"}

// take reads one part of the rule.
func (r *Rule) take(part string) error {
	key, value, found := strings.Cut(part, "=")
	switch {
	case !found || key == "" || value == "":
		return fmt.Errorf("%q in the rule is not of the form NAME=VALUE; write the rule like %s", part, Example)
	case slices.Contains([]string{"BYHOUR", "BYMINUTE", "BYSECOND"}, key):
		return fmt.Errorf("%s cannot be used: the time of day is that of the start; leave it out", key)
	case slices.Contains([]string{"DTSTART", "EXDATE", "RDATE", "EXRULE"}, key):
		return fmt.Errorf("%s is no part of a rule; give the start apart from it", key)
	case !slices.Contains(known, key):
		return fmt.Errorf("%s is not known; a rule is made of %s", key, strings.Join(known, ", "))
	case r.parts[key] != "":
		return fmt.Errorf("%s stands in the rule twice", key)
	}
	r.parts[key] = value
	switch key {
	case "FREQ":
		switch value {
		case "DAILY", "WEEKLY", "MONTHLY", "YEARLY":
			return nil
		}
		return fmt.Errorf("FREQ=%s cannot be used; it must be DAILY, WEEKLY, MONTHLY or YEARLY", value)
	case "COUNT", "INTERVAL":
		if n, err := strconv.Atoi(value); err != nil || n < 1 || n > 10_000 {
			return fmt.Errorf("%s=%s is not a number from 1 to 10000", key, value)
		}
	case "UNTIL":
		var err error
		r.until, err = r.readUntil(value)
		return err
	}
	if _, err := rrule.StrToROption("FREQ=YEARLY;" + part); err != nil {
		return fmt.Errorf("%s is not understood: days are MO, TU, WE, TH, FR, SA, SU, all else are whole numbers, with commas between", part)
	}
	return nil
}

// readUntil reads the last moment of a rule: a date, which is meant whole, a time
// in the rule's zone, or one in UTC. It returns the clock on the wall.
func (r *Rule) readUntil(value string) (time.Time, error) {
	if t, err := time.Parse("20060102", value); err == nil {
		return t.Add(24*time.Hour - time.Second), nil
	}
	if t, err := time.Parse("20060102T150405", value); err == nil {
		return t, nil
	}
	if t, err := time.Parse("20060102T150405Z", value); err == nil {
		return wall(t, r.zone), nil
	}
	return time.Time{}, fmt.Errorf("UNTIL=%s is not a date; write it like UNTIL=20261231", value)
}

// agree checks what parts ask of each other (RFC 5545, 3.3.10).
func (r *Rule) agree() error {
	frequency := r.parts["FREQ"]
	has := func(key string) bool { return r.parts[key] != "" }
	switch {
	case frequency == "":
		return fmt.Errorf("the rule does not say how often: FREQ is missing; write it like %s", Example)
	case has("COUNT") && has("UNTIL"):
		return errors.New("COUNT and UNTIL cannot be used together; choose one")
	case has("BYMONTHDAY") && frequency == "WEEKLY":
		return errors.New("BYMONTHDAY cannot be used with FREQ=WEEKLY; use FREQ=MONTHLY")
	case has("BYYEARDAY") && frequency != "YEARLY":
		return errors.New("BYYEARDAY can be used with FREQ=YEARLY only")
	case has("BYWEEKNO") && frequency != "YEARLY":
		return errors.New("BYWEEKNO can be used with FREQ=YEARLY only")
	case has("BYSETPOS") && !has("BYDAY") && !has("BYMONTHDAY") && !has("BYMONTH") && !has("BYYEARDAY") && !has("BYWEEKNO"):
		return errors.New("BYSETPOS chooses among the days of another part, such as BYDAY, and there is none")
	case strings.ContainsAny(r.parts["BYDAY"], "0123456789") && frequency != "MONTHLY" && frequency != "YEARLY":
		return fmt.Errorf("BYDAY=%s: a number before the day can be used with FREQ=MONTHLY and FREQ=YEARLY only", r.parts["BYDAY"])
	}
	return r.agreeOrdinals()
}

// agreeOrdinals checks numbers before days: a month has no more than five of a day.
func (r *Rule) agreeOrdinals() error {
	days := r.parts["BYDAY"]
	if !strings.ContainsAny(days, "0123456789") {
		return nil
	}
	if r.parts["BYWEEKNO"] != "" {
		return fmt.Errorf("BYDAY=%s: a number before the day cannot be used with BYWEEKNO", days)
	}
	most := 53
	if r.parts["FREQ"] == "MONTHLY" || r.parts["BYMONTH"] != "" {
		most = 5
	}
	for day := range strings.SplitSeq(days, ",") {
		if n, err := strconv.Atoi(day[:len(day)-2]); err == nil && (n == 0 || n > most || n < -most) {
			return fmt.Errorf("BYDAY=%s: the number before the day must be from 1 to %d, or from -1 to -%d", day, most, most)
		}
	}
	return nil
}

// compile makes the rule of the library, on the clock on the wall.
func (r *Rule) compile(start time.Time) error {
	var parts []string
	for _, key := range known {
		if value := r.parts[key]; value != "" && key != "UNTIL" {
			parts = append(parts, key+"="+value)
		}
	}
	option, err := rrule.StrToROption(strings.Join(parts, ";"))
	if err != nil {
		return fmt.Errorf("the rule %s is not understood: %w", r.text, err)
	}
	option.Dtstart, option.Until = start, start.AddDate(farthest, 0, 0)
	if !r.until.IsZero() && r.until.Before(option.Until) {
		option.Until = r.until
	}
	if r.rule, err = rrule.NewRRule(*option); err != nil {
		return fmt.Errorf("the rule %s cannot be used: %w", r.text, err)
	}
	r.option, r.start = *option, start
	return nil
}
