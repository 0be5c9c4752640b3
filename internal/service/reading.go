package service

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/headwaymail/headway/campaign"
)

// ParseRate reads a rate as people write it: 5/s, 300/min, 1200/h; off or 0
// for none. The result is in messages per second.
func ParseRate(text string) (perSecond float64, err error) {
	text = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(text)), " ", "")
	if text == "off" || text == "0" {
		return 0, nil
	}
	wrong := fmt.Errorf("%q is not a rate; write it like 5/s, 300/min or 1200/h, or off to lift the cap", text)
	amount, unit, found := strings.Cut(text, "/")
	n, err := strconv.ParseFloat(amount, 64)
	if err != nil || !found || !(n > 0 && n < 1e9) {
		return 0, wrong
	}
	switch unit {
	case "s", "sec", "second":
		return n, nil
	case "m", "min", "minute":
		return n / 60, nil
	case "h", "hour":
		return n / 3600, nil
	}
	return 0, wrong
}

// ParseSpan reads a length of time as people write it: 90s, 45m, 2h, 1h30m or
// 3d.
func ParseSpan(text string) (time.Duration, error) {
	text = strings.ReplaceAll(strings.TrimSpace(text), " ", "")
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseFloat(days, 64); err == nil && n > 0 && n <= 365 {
			return time.Duration(n * float64(24*time.Hour)), nil
		}
	} else if span, err := time.ParseDuration(text); err == nil && span > 0 {
		return span, nil
	}
	return 0, fmt.Errorf("%q is not a length of time; write it like 45m, 2h or 3d", text)
}

// ParseEnd reads when a hold ends: a time of day in UTC, the next one that
// comes, such as 15:20; or day and time, such as 2026-11-24 09:00, in UTC
// unless the text names an offset.
func ParseEnd(text string, at time.Time) (time.Time, error) {
	text = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "UTC"))
	if day, err := time.Parse("15:04", text); err == nil {
		at = at.UTC()
		end := time.Date(at.Year(), at.Month(), at.Day(), day.Hour(), day.Minute(), 0, 0, time.UTC)
		if !end.After(at) {
			end = end.AddDate(0, 0, 1)
		}
		return end, nil
	}
	end, err := campaign.ParseStart(text, "UTC")
	if err != nil {
		return end, fmt.Errorf("%q is not a time; write it like 15:20 or 2026-11-24 09:00 (UTC)", text)
	}
	return end, nil
}
