package pacing

import "fmt"

// Learned says in plain sentences what is known of the provider, for pages
// and commands: one sentence per limit, the firmest first.
func (s State) Learned() []string {
	var known []string
	say := func(format string, args ...any) { known = append(known, fmt.Sprintf(format, args...)) }
	for _, w := range s.Windows.All {
		switch {
		case w.Width == 0:
		case w.Confirmed:
			say("%.0f messages per %s by the clock", w.Quota, widthName(w.Width))
		default:
			say("perhaps %.0f messages per %s by the clock", w.Quota, widthName(w.Width))
		}
	}
	if s.Sliding.Width > 0 {
		say("%.0f messages in any %s", s.Sliding.Cap*s.Sliding.Width, widthName(s.Sliding.Width))
	}
	if s.Rate.Mode == steady && s.Rate.Lo > 0 && s.Rate.Lo < s.Profile.maxRate() {
		say("takes %s", pace(s.Rate.Lo))
	}
	if s.Lanes.Cap > 0 && !s.Lanes.Given {
		say("%d lanes at once", s.Lanes.Cap)
	}
	if s.Less.Limit > 0 {
		say("more than %d lanes bring nothing", s.Less.Limit)
	}
	if s.Opening.Gap > 0 {
		say("%.1f s between two openings", s.Opening.Gap)
	}
	if s.PerLane.Cap > 0 {
		say("%d messages per lane", s.PerLane.Cap)
	}
	if s.Recipients.Greylists {
		say("puts off first attempts for %s", span(s.Recipients.delay()))
	}
	if s.Noise.Floor > 0 {
		say("refuses about one message in %.0f whatever the rate", 1/s.Noise.Floor)
	}
	if s.Hand.Cap > 0 {
		say("%s", withNote("capped by hand at "+pace(s.Hand.Cap), s.Hand.Note))
	}
	return known
}
