package verification

import (
	"testing"
	"time"
)

// silent got a message a week for a year and did nothing.
var silent = Silence{Since: daysAgo(365), Messages: 38}

func daysAgo(n int) time.Time { return noon.AddDate(0, 0, -n) }

func TestSilence(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change  func(*Silence)
		history History
		want    bool
	}{
		"a year of it":                  {func(*Silence) {}, History{Accepted: daysAgo(1)}, true},
		"nothing that would tell":       {func(s *Silence) { *s = Silence{} }, History{Accepted: daysAgo(1)}, false},
		"not for long enough":           {func(s *Silence) { s.Since = daysAgo(269) }, History{}, false},
		"too few messages to say":       {func(s *Silence) { s.Messages = 4 }, History{}, false},
		"a click in the spring":         {func(s *Silence) { s.Sign = daysAgo(200) }, History{}, false},
		"a click long ago":              {func(s *Silence) { s.Sign = daysAgo(271) }, History{}, true},
		"images loaded by themselves":   {func(s *Silence) { s.Veiled = daysAgo(3) }, History{}, false},
		"so they were, long ago":        {func(s *Silence) { s.Veiled = daysAgo(300) }, History{}, true},
		"subscribed anew in the spring": {func(*Silence) {}, History{Confirmed: daysAgo(200)}, false},
	} {
		s := silent
		tt.change(&s)
		if got := s.Lasts(tt.history, noon); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	if got, want := silent.evidence().Words, "38 messages of the last 270 days were accepted, and no person opened or clicked one yet"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
