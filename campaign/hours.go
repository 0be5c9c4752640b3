package campaign

import (
	"slices"
	"time"
)

// Hours answers when a [Window] is open. Without a window it always is.
type Hours struct {
	window   Window
	from, to time.Duration // since midnight, on the clock on the wall; to is after from
	place    *time.Location
}

// Hours prepares a window for many questions. A window that [Window.Check]
// refuses counts as none.
func (w Window) Hours() Hours {
	if w.IsZero() || w.Check() != nil {
		return Hours{}
	}
	place, err := time.LoadLocation(w.Zone)
	if err != nil {
		return Hours{}
	}
	h := Hours{window: w, from: sinceMidnight(w.From), to: sinceMidnight(w.To), place: place}
	if h.to <= h.from {
		h.to += 24 * time.Hour
	}
	return h
}

func sinceMidnight(text string) time.Duration {
	t, err := time.Parse("15:04", text)
	if err != nil {
		return 0
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
}

// Always reports whether there is no window.
func (h Hours) Always() bool { return h.place == nil }

// Open reports whether messages may go out at t. The moment at which it closes
// is outside.
func (h Hours) Open(t time.Time) bool { return h.Opens(t).Equal(t) }

// Opens returns when it opens next; t itself while it is open.
func (h Hours) Opens(t time.Time) time.Time {
	for opens, closes := range h.spans(t) {
		if !t.Before(closes) {
			continue
		}
		if opens.After(t) {
			return opens
		}
		break
	}
	return t
}

// Opened returns since when it is open at t; t itself while it is closed, and
// where it always is.
func (h Hours) Opened(t time.Time) time.Time {
	for opens, closes := range h.spans(t) {
		if t.Before(closes) {
			if opens.Before(t) {
				return opens
			}
			break
		}
	}
	return t
}

// Closes returns when it closes after t; zero when it never does. While it is
// closed, that is the end of the next span.
func (h Hours) Closes(t time.Time) time.Time {
	var end time.Time
	for opens, closes := range h.spans(t) {
		if !closes.After(t) {
			continue
		}
		if !end.IsZero() && opens.After(end) {
			return end
		}
		if end = closes; end.Sub(t) > 8*24*time.Hour {
			return time.Time{} // one span follows the other
		}
	}
	return end
}

// longestWait bounds how far hours are counted: no lifetime is near it, and a
// window that opens for minutes would otherwise be followed for centuries.
const longestWait = 10 * 366 * 24 * time.Hour

// After returns the moment at which it was open for d since t.
func (h Hours) After(t time.Time, d time.Duration) time.Time {
	begin := t
	for opens, closes := range h.spans(t) {
		if opens.Sub(begin) > longestWait {
			return opens
		}
		if opens.Before(t) {
			opens = t // the span before reaches into this one
		}
		room := closes.Sub(opens)
		if room <= 0 {
			continue
		}
		if d <= room {
			return opens.Add(d)
		}
		d -= room
		t = closes
	}
	return t.Add(d)
}

// Before returns the moment since which it was open for d when t comes: the
// beginning of what [Hours.After] ends.
func (h Hours) Before(t time.Time, d time.Duration) time.Time {
	if h.Always() {
		return t.Add(-d)
	}
	end := t
	for offset := 0; t.Sub(end) < longestWait; offset-- {
		opens, closes, used := h.span(offset, t)
		if !used || !opens.Before(end) {
			continue
		}
		if closes.After(end) {
			closes = end
		}
		room := closes.Sub(opens)
		if d <= room {
			return closes.Add(-d)
		}
		d -= max(room, 0)
		end = opens
	}
	return end
}

// span returns when it opens and closes on the day that is offset days from t's.
func (h Hours) span(offset int, t time.Time) (opens, closes time.Time, used bool) {
	y, m, d := t.In(h.place).Date()
	midnight := time.Date(y, m, d+offset, 0, 0, 0, 0, time.UTC)
	if !slices.Contains(h.window.Days, WindowDays[(int(midnight.Weekday())+6)%7]) {
		return opens, closes, false
	}
	return h.shown(midnight.Add(h.from)), h.shown(midnight.Add(h.to)), true
}

// shown returns when the clock on the wall shows a time; while clocks are put
// forward over it, the time after that.
func (h Hours) shown(wall time.Time) time.Time {
	return time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 0, 0, h.place)
}

// spans lists when it opens and closes, from the day before t on. Without a
// window there are none.
func (h Hours) spans(t time.Time) func(func(opens, closes time.Time) bool) {
	return func(yield func(opens, closes time.Time) bool) {
		if h.Always() {
			return
		}
		for offset := -1; ; offset++ {
			opens, closes, used := h.span(offset, t)
			if used && opens.Before(closes) && !yield(opens, closes) {
				return
			}
		}
	}
}
