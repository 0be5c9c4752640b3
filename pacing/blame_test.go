package pacing

import (
	"slices"
	"testing"
	"time"

	"github.com/headwaymail/headway/pacing/reply"
)

// A limit may speak at RCPT of the recipient's own rate. Where it says so to many in
// a row, it is ours; to a few, it is theirs.
func TestMailboxesThatGetTooMuch(t *testing.T) {
	t.Parallel()
	tooMuch := func(x float64) Event {
		return Event{Kind: Refused, At: at(x), Launched: at(x - 0.1), Phase: reply.PhaseRcpt, Code: 450, First: true,
			Reply:   "450 4.2.1 The user you are trying to contact is receiving mail too quickly",
			Meaning: reply.Meaning{Class: reply.ClassMailbox, Bounce: reply.BounceRateLimited, Scope: reply.ScopeRecipient, Temporary: true}}
	}
	for _, tt := range []struct {
		name   string
		every  int // how many are refused, one in so many
		slower bool
	}{{"one in forty", 40, false}, {"all", 1, true}, {"every second one", 2, true}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := running(t, 20)
			before := s.Rate.R
			for i := range 200 {
				x := 20.5 + float64(i)/50
				e := Event{Kind: Accepted, At: at(x), Launched: at(x - 0.1), Lanes: 4, First: true}
				if i%tt.every == 0 {
					e = tooMuch(x)
				}
				s, _ = Step(s, []Event{e}, at(x))
			}
			if slower := s.held() || s.Rate.R < 0.9*before; slower != tt.slower {
				t.Errorf("the rate was %.1f/s and is %.1f/s, held: %v", before, s.Rate.R, s.held())
			}
		})
	}
}

// A limit at MAIL counts those whom greylisting puts off at RCPT: what passed it is
// what it is measured by.
func TestLimitBeforeGreylisting(t *testing.T) {
	t.Parallel()
	const rate, delay = 5.0, 15 * time.Minute
	s := New(Profile{MaxRate: 50}, t0)
	level, last := 20.0, 0.0
	type waiting struct {
		due   float64
		first float64
	}
	var line []waiting
	accepted := 0
	for x := 0.0; x < 2700; x += 0.5 {
		var blocks [2]Block
		s, blocks[0] = Take(s, 100, at(x), 500*time.Millisecond)
		s, blocks[1] = TakeFirst(s, 100, at(x), 500*time.Millisecond)
		var events []Event
		for stream, b := range blocks {
			for i := range b.N {
				launched := max(b.Slot(i).Sub(t0).Seconds(), x)
				level, last = min(20, level+rate*(launched-last)), launched
				e := Event{Kind: Accepted, At: at(launched + 0.05), Launched: at(launched), Lanes: 4, Probe: b.Probe}
				retry := stream == 0 && len(line) > 0 && line[0].due <= launched
				if retry {
					e.Age = duration(launched - line[0].first)
				} else {
					e.First = true
				}
				switch {
				case level < 1:
					e.Kind, e.Phase, e.Code, e.Meaning = Refused, reply.PhaseMail, 421, reply.Meaning{Class: reply.ClassRate, Scope: reply.ScopeSource, Temporary: true}
				case retry:
					level--
					line = line[1:]
					accepted++
				default:
					level--
					line = append(line, waiting{due: launched + delay.Seconds() + 1, first: launched})
					e.Kind, e.Phase, e.Code, e.Meaning = Refused, reply.PhaseRcpt, 450, reply.Meaning{Class: reply.ClassGreylist, Scope: reply.ScopeRecipient, Temporary: true}
				}
				events = append(events, e)
			}
		}
		s, _ = Step(s, events, at(x+0.5))
	}
	if s.Rate.R < 0.85*rate || s.Rate.R > 1.3*rate {
		t.Errorf("the rate is %.2f/s; the limit is %.0f/s", s.Rate.R, rate)
	}
	if want := int(0.3 * rate * 1800); accepted < want {
		t.Errorf("%d were accepted in the half hour after the first delay; want %d at least", accepted, want)
	}
}

// A penalty of ten minutes ends ten minutes after it began: the first time usual
// lengths are tried, and from then on the one that fitted.
func TestBlocksOfUsualLength(t *testing.T) {
	t.Parallel()
	s := running(t, 60)
	var knocks []int
	blocked := func(from float64) {
		knocks = append(knocks, 0)
		s, _ = Step(s, []Event{refusal(from, reply.ClassReputation, reply.ScopeSource)}, at(from))
		for x := from + 0.5; ; x += 0.5 {
			var b Block
			s, b = Take(s, 1, at(x), 0)
			if b.N == 0 {
				s, _ = Step(s, nil, at(x))
				continue
			}
			e := acceptance(x, 1)
			if x < from+600 {
				e = refusal(x, reply.ClassReputation, reply.ScopeSource)
			}
			e.Probe, e.Launched = b.Probe, at(x)
			knocks[len(knocks)-1]++
			if s, _ = Step(s, []Event{e}, at(x)); e.Kind == Accepted {
				if late := x - from - 600; late > 30 {
					t.Errorf("block %d: a message passed %.0f s after its end", len(knocks), late)
				}
				return
			}
		}
	}
	blocked(61)
	for x := 900.0; x < 3000; x += 0.5 {
		s, _ = Step(s, []Event{acceptance(x, max(1, int(s.Rate.R/2)))}, at(x))
	}
	blocked(3001)
	if knocks[1] > 2+1 { // the refusal that makes it a hold is one of them
		t.Errorf("%v knocks; the second block is as long as the first", knocks)
	}
}

// A server that asks for an hour where its window ends sooner: the window is learned
// all the same.
func TestHintAsWideAsTheWindow(t *testing.T) {
	t.Parallel()
	s := running(t, 20)
	e := refusal(20.5, reply.ClassQuota, reply.ScopeSource)
	e.Meaning.Hint = time.Hour
	s, _ = Step(s, []Event{e}, at(20.5))
	x := s.Hold.Next.Time().Sub(t0).Seconds() + 0.5
	s, b := Take(s, 1, at(x), 0)
	passed := acceptance(x+0.2, 1)
	passed.Probe, passed.Launched = b.Probe, at(x)
	s, _ = Step(s, []Event{passed}, at(x+0.2))
	if !slices.ContainsFunc(s.Windows.All[:], func(w window) bool { return w.Width == 3600 && w.Quota > 100 }) {
		t.Errorf("learned %+v; want a quota for each hour", s.Windows.All)
	}
}
