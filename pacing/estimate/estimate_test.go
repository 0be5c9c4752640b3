package estimate

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/headwaymail/headway/pacing"
)

var now = time.Date(2026, 11, 24, 13, 20, 0, 0, time.UTC)

// even is a past in which so many messages a second were accepted.
func even(rate float64) func(from, to time.Time) float64 {
	return func(from, to time.Time) float64 { return rate * to.Sub(from).Seconds() }
}

// work is an hour of sending at a rate, with so many messages left.
func work(rate float64, left int64) Work {
	return Work{Since: now.Add(-time.Hour), Ready: left, Accepted: even(rate),
		Outlook: pacing.Outlook{Rate: rate, Lanes: 40, Message: 100 * time.Millisecond}}
}

func TestFor(t *testing.T) {
	t.Parallel()
	hourly := pacing.Quota{Every: time.Hour, Count: 1200, Used: 100, Ends: now.Add(40 * time.Minute), Confirmed: true}
	for _, tt := range []struct {
		name   string
		change func(*Work)
		done   time.Duration // from now
		off    time.Duration // that it may differ by
		bound  Bound
		why    string
	}{
		{"an even pace", func(*Work) {}, 10 * time.Minute, time.Second, Rate, "takes 10/s; 6,000 left"},
		{"work that rests for twelve hours after five minutes", func(w *Work) {
			w.Passing = func(from time.Time, span time.Duration) time.Time {
				if span > 5*time.Minute {
					span += 12 * time.Hour
				}
				return from.Add(span)
			}
		}, 12*time.Hour + 10*time.Minute, time.Second, Rate, "takes 10/s; 6,000 left"},
		{"readers' mornings", func(w *Work) {
			w.Ready, w.Later = 0, []Wave{{Due: now.Add(time.Hour), N: 3000, First: true}}
		}, time.Hour + 5*time.Minute, time.Second, Readers, "3,000 messages wait for the time where the readers are, the last at 14:20"},
		{"nothing left", func(w *Work) { w.Ready = 0 }, 0, 0, Nothing, "nothing is left"},
		{"a hold, then the pace from before", func(w *Work) {
			w.Outlook.Held, w.Outlook.HeldSince, w.Outlook.NextKnock = true, now.Add(-time.Minute), now.Add(5*time.Minute)
		}, 15 * time.Minute, 10 * time.Second, Hold, "takes nothing since 13:19; a message asks again at 13:25, then 10/s; 6,000 left"},
		{"a hold that has lasted an hour will not end in a minute", func(w *Work) {
			w.Since = now.Add(-3 * time.Hour)
			w.Outlook.Held, w.Outlook.HeldSince, w.Outlook.NextKnock = true, now.Add(-time.Hour), now.Add(time.Minute)
		}, 40 * time.Minute, 10 * time.Second, Hold, "takes nothing since 12:20"},
		{"held by hand", func(w *Work) {
			w.Outlook.Held, w.Outlook.Manual, w.Outlook.NextKnock = true, true, now.Add(time.Hour)
		}, 70 * time.Minute, 10 * time.Second, Hold, "held by hand until 14:20; 6,000 left"},
		{"a quota per clock hour", func(w *Work) {
			w.Since, w.Ready, w.Accepted = now.Add(-5*time.Minute), 3800, even(1)
			w.Outlook.Quotas = []pacing.Quota{hourly}
		}, 40*time.Minute + 2*time.Hour + 15*time.Minute, 4 * time.Minute, Quota,
			"takes 1,200 per clock hour; 3,800 left: 1,100 until 14:00, 1,200 from 14:00, 15:00, then 300 more"},
		{"a quota that is only a guess", func(w *Work) {
			guess := hourly
			guess.Confirmed = false
			w.Outlook.Quotas = []pacing.Quota{guess}
		}, 10 * time.Minute, time.Second, Rate, "takes 10/s"},
		{"a ceiling by hand", func(w *Work) { w.Outlook.Cap = 2 }, 50 * time.Minute, time.Second, Hand, "capped by hand at 2.0/s; 6,000 left"},
		{"lanes", func(w *Work) {
			w.Outlook.Lanes, w.Outlook.Message, w.Outlook.Rate = 4, 400*time.Millisecond, 20
		}, 10 * time.Minute, time.Second, Lanes, "4 lanes at 0.4 s a message: 10/s; 6,000 left"},
		{"only retries", func(w *Work) {
			w.Ready, w.Later = 0, []Wave{{Due: now.Add(5 * time.Minute), N: 20}, {Due: now.Add(20 * time.Minute), N: 5}}
		}, 20 * time.Minute, 2 * time.Second, Retries, "25 messages wait for a retry, the last at 13:40"},
		{"greylisting puts everybody off once", func(w *Work) {
			w.Outlook.PutOff = 5 * time.Minute
		}, 15 * time.Minute, time.Second, Greylist, "puts off every first message for 5 min, then takes 10/s; 6,000 left"},
		{"a warm-up day by day", func(w *Work) {
			w.Ready, w.Outlook.WarmUp = 400, []float64{100, 140, 196, 274}
		}, 41*time.Hour + 10*time.Minute, 10 * time.Minute, WarmUp, "warm-up: 100 today, 140 tomorrow, more each day"},
		{"shared with another campaign of the same weight", func(w *Work) {
			w.Weight, w.Others = 4, []Share{{Left: 100_000, Weight: 4}}
		}, 20 * time.Minute, time.Second, Rate, "takes 10/s; 6,000 left; shared with 1 other campaign by weight"},
		{"the other campaign ends first", func(w *Work) {
			w.Weight, w.Others = 4, []Share{{Left: 1200, Weight: 16}}
		}, 12 * time.Minute, time.Second, Rate, "shared with 1 other"},
		{"a tail of retries", func(w *Work) {
			w.PutOff, w.Retry = 0.05, []time.Duration{15 * time.Minute}
		}, 41 * time.Minute, 3 * time.Minute, Rate, "all tried by 13:30, then about 300 retries until 14:0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := work(10, 6000)
			tt.change(&w)
			e := For(w, now)
			if off := e.Done.Sub(now.Add(tt.done)).Abs(); off > tt.off || e.Early {
				t.Errorf("done %s from now, want %s", e.Done.Sub(now), tt.done)
			}
			if e.Bound != tt.bound || !strings.HasPrefix(e.Why, tt.why) && !strings.Contains(e.Why, tt.why) {
				t.Errorf("bound by %s: %q, want %s: %q", e.Bound, e.Why, tt.bound, tt.why)
			}
		})
	}
}

func TestTooEarly(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*Work)
		why    string
	}{
		{"never mailed", func(w *Work) { w.Outlook, w.Accepted = pacing.Outlook{}, even(0) }, "too early to say: nothing was accepted so far"},
		{"40 messages in five seconds", func(w *Work) {
			w.Since, w.Outlook.Starting = now.Add(-5*time.Second), true
			w.Accepted = even(8)
		}, "too early to say: 40 messages accepted so far"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := work(10, 6000)
			tt.change(&w)
			if e := For(w, now); !e.Early || e.Why != tt.why || e.By(now.Add(time.Hour)) != 0 {
				t.Errorf("early %t: %q, want %q", e.Early, e.Why, tt.why)
			}
		})
	}
	known := work(10, 6000)
	known.Since, known.Accepted = now, even(0)
	if e := For(known, now); e.Early || e.Done.Sub(now).Round(time.Second) != 10*time.Minute {
		t.Errorf("a provider that is known from before: early %t, done in %s", e.Early, e.Done.Sub(now))
	}
}

// TestInterruptions has a provider that stops for three minutes: once, which
// may never happen again, or every ten minutes, which will.
func TestInterruptions(t *testing.T) {
	t.Parallel()
	past := func(stops func(minutes int) bool) func(from, to time.Time) float64 {
		return func(from, to time.Time) float64 {
			n := 0.0
			for at := from; at.Before(to); at = at.Add(time.Second) {
				if !stops(int(now.Sub(at).Minutes())) {
					n += 10
				}
			}
			return n
		}
	}
	for _, tt := range []struct {
		name  string
		stops func(int) bool
		want  time.Duration
	}{
		{"none", func(int) bool { return false }, 20 * time.Minute},
		{"one is left out", func(ago int) bool { return ago >= 20 && ago < 23 }, 20 * time.Minute},
		{"many are how it is", func(ago int) bool { return ago%10 >= 5 && ago%10 < 8 }, 20 * time.Minute * 10 / 7},
		{"other times are over", func(ago int) bool { return ago >= 25 }, 20 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := work(10, 12_000)
			w.Accepted = past(tt.stops)
			if e := For(w, now); math.Abs(e.Done.Sub(now).Seconds()-tt.want.Seconds()) > 0.08*tt.want.Seconds() {
				t.Errorf("done in %s, want about %s", e.Done.Sub(now), tt.want)
			}
		})
	}
}

// TestLaws holds for any work: the range holds the end, every message is done
// by it, more work is not done sooner, and more sharing not either.
func TestLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := work(rapid.Float64Range(0.05, 400).Draw(t, "rate"), rapid.Int64Range(0, 2_000_000).Draw(t, "ready"))
		at := now
		for range rapid.IntRange(0, 5).Draw(t, "waves") {
			at = at.Add(time.Duration(rapid.Int64Range(1, 7200).Draw(t, "due")) * time.Second)
			w.Later = append(w.Later, Wave{Due: at, N: rapid.Int64Range(1, 10_000).Draw(t, "n")})
		}
		if rapid.Bool().Draw(t, "held") {
			w.Outlook.Held = true
			w.Outlook.HeldSince = now.Add(-time.Duration(rapid.Int64Range(0, 3000).Draw(t, "since")) * time.Second)
			w.Outlook.NextKnock = now.Add(time.Duration(rapid.Int64Range(0, 3000).Draw(t, "knock")) * time.Second)
		}
		for range rapid.IntRange(0, 2).Draw(t, "quotas") {
			every := rapid.SampledFrom([]time.Duration{time.Minute, time.Hour, 24 * time.Hour}).Draw(t, "every")
			count := rapid.Float64Range(5, 50_000).Draw(t, "count")
			w.Outlook.Quotas = append(w.Outlook.Quotas, pacing.Quota{Every: every, Count: count, Confirmed: true,
				Used: rapid.Float64Range(0, 1.2).Draw(t, "used") * count, Ends: now.Truncate(every).Add(every)})
		}
		w.PutOff, w.Retry = rapid.Float64Range(0, 1).Draw(t, "put off"), []time.Duration{5 * time.Minute, 10 * time.Minute}
		e := For(w, now)
		if e.Early {
			return
		}
		if e.Done.Before(now) || e.Low.After(e.Done) || e.High.Before(e.Done) || e.Sent.After(e.Done) {
			t.Fatalf("now %s, low %s, sent %s, done %s, high %s", now, e.Low, e.Sent, e.Done, e.High)
		}
		if e.By(e.Done) != w.Left() || e.Late(e.Done) != 0 || e.By(now.Add(-time.Second)) != 0 {
			t.Fatalf("%d of %d done by the end, %d before now", e.By(e.Done), w.Left(), e.By(now.Add(-time.Second)))
		}
		if e.Why == "" || math.IsNaN(e.Rate) {
			t.Fatalf("why %q, rate %v", e.Why, e.Rate)
		}
		w.PutOff = 0 // the tail is another matter: it is shorter when the end is slow
		e = For(w, now)
		shared := w
		shared.Weight, shared.Others = 4, []Share{{Left: rapid.Int64Range(0, 100_000).Draw(t, "others"), Weight: 4}}
		if s := For(shared, now); !s.Early && s.Done.Before(e.Done.Add(-time.Second)) {
			t.Fatalf("shared it is done %s, alone %s", s.Done, e.Done)
		}
		more := w
		more.Later = append(more.Later, Wave{Due: at.Add(time.Minute), N: 5000})
		if a, b := For(w, now), For(more, now); b.Done.Before(a.Done) {
			t.Fatalf("with 5,000 more it is done %s, else %s", b.Done, a.Done)
		}
	})
}

func TestTogether(t *testing.T) {
	t.Parallel()
	part := func(name string, rate float64, left int64) Part { return Part{name, For(work(rate, left), now)} }
	early := Part{"Newcomer", Estimate{Early: true, Left: 50, Why: "too early to say: nothing was accepted so far"}}
	for _, tt := range []struct {
		name  string
		parts []Part
		done  int64
		want  string
	}{
		{"one provider", []Part{part("Yahoo", 10, 6000)}, 0, "Done about 13:30 UTC. Takes 10/s; 6,000 left."},
		{"the last one counts", []Part{part("Gmail", 100, 12_400), part("Free", 1, 3600)}, 0,
			"Done about 14:20 UTC (14:16 to 14:23). 99 % by 14:18; the last 144 at Free by 14:20. Free is last: takes 1.0/s; 3,600 left."},
		{"too much of which nothing is known", []Part{part("Gmail", 100, 300), early}, 0,
			"Newcomer: too early to say: nothing was accepted so far."},
		{"a little of which nothing is known", []Part{part("Gmail", 10, 6000), early}, 0,
			"Done about 13:30 UTC. Gmail is last: takes 10/s; 6,000 left; 50 messages go to providers of which nothing is known yet."},
		{"nothing left", []Part{part("Gmail", 10, 0)}, 100, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := Together(tt.parts, tt.done, now).Sentences(now); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestShares(t *testing.T) {
	t.Parallel()
	w := Together([]Part{{"Yahoo", For(work(10, 6000), now)}}, 6000, now)
	if !w.Half.IsZero() {
		t.Errorf("half is done already, and foreseen for %s", w.Half)
	}
	if got := w.Most.Sub(now).Round(10 * time.Second); got != 8*time.Minute {
		t.Errorf("90 %% are done in %s, want 8 min: 4,800 of 12,000 at 10/s", got)
	}
}
