package service

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/pacing"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestParseRate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]float64{"5/s": 5, "300/min": 5, "300 / Min": 5, "300/m": 5, "3600/h": 1, "0.5/s": 0.5,
		"off": 0, "OFF": 0, "0": 0} {
		if got, err := ParseRate(text); err != nil || got != want {
			t.Errorf("%s: %g %v", text, got, err)
		}
	}
	for _, text := range []string{"", "5", "/s", "-5/s", "5/day", "NaN/s", "Inf/s", "1e300/s", "0/s", "fast"} {
		if got, err := ParseRate(text); err == nil {
			t.Errorf("%q is read as %g", text, got)
		}
	}
}

// What is written of a rate reads as nearly the same rate.
func TestRateWordsAreRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Float64Range(slowestCap, fastestCap).Draw(t, "rate")
		back, err := ParseRate(rateWords(rate))
		if err != nil || back < rate*0.94 || back > rate*1.06 {
			t.Fatalf("%g is written %s, read %g %v", rate, rateWords(rate), back, err)
		}
	})
}

func TestParseSpanAndEnd(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"45m": 45 * time.Minute, "2h": 2 * time.Hour, "1h30m": 90 * time.Minute,
		"3d": 72 * time.Hour, "0.5d": 12 * time.Hour, "90 s": 90 * time.Second} {
		if got, err := ParseSpan(text); err != nil || got != want {
			t.Errorf("%s: %s %v", text, got, err)
		}
	}
	for _, text := range []string{"", "2", "-2h", "0h", "soon", "9999d", "NaNd"} {
		if got, err := ParseSpan(text); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
	for text, want := range map[string]string{"15:20": "2026-11-21T15:20:00Z", "15:20 UTC": "2026-11-21T15:20:00Z",
		"11:59": "2026-11-22T11:59:00Z", "12:00": "2026-11-22T12:00:00Z", "2026-11-24 09:00": "2026-11-24T09:00:00Z",
		"2026-11-24T09:00:00+01:00": "2026-11-24T08:00:00Z"} {
		if got, err := ParseEnd(text, noon); err != nil || got.UTC().Format(time.RFC3339) != want {
			t.Errorf("%s: %s %v", text, got, err)
		}
	}
	for _, text := range []string{"", "soon", "25:00", "2h"} {
		if got, err := ParseEnd(text, noon); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}

// Whatever an operator writes, the state stays small and says who decided.
func TestDecisionsSayWhoMadeThem(t *testing.T) {
	t.Parallel()
	by := Actor{Name: "ana", Door: CommandLine}
	rapid.Check(t, func(t *rapid.T) {
		state, at := pacing.New(pacing.Profile{}, noon), noon
		for range rapid.IntRange(1, 8).Draw(t, "decisions") {
			at = at.Add(time.Duration(rapid.IntRange(1, 7200).Draw(t, "seconds")) * time.Second)
			o := Overrule{Verb: rapid.SampledFrom([]Verb{Hold, Release, Cap, Reset}).Draw(t, "verb"), Until: at.Add(time.Hour),
				PerSecond: rapid.SampledFrom([]float64{0, slowestCap, 1, 5, fastestCap}).Draw(t, "rate"),
				Note:      strings.Repeat("ü", rapid.IntRange(0, longestNote).Draw(t, "note"))}
			if err := o.check(at); err != nil {
				t.Fatal(err)
			}
			var decisions []pacing.Decision
			state, decisions = o.apply(state, by, at)
			if len(decisions) != 1 || !strings.HasSuffix(decisions[0].Reason, "by ana, command line)") {
				t.Fatalf("%s: %+v", o.Verb, decisions)
			}
			p := state.Pace(at, pacing.Demand{Waiting: plenty})
			switch {
			case o.Verb == Hold && (p.Rate != 0 || !p.Manual || !p.HoldUntil.Equal(o.Until)):
				t.Fatalf("not held: %+v", p)
			case o.Verb == Release && p.Manual:
				t.Fatalf("still held: %+v", p)
			case o.Verb == Cap && o.PerSecond > 0 && p.Rate > o.PerSecond*1.000001:
				t.Fatalf("capped at %g, and sends %g", o.PerSecond, p.Rate)
			}
		}
	})
}

func TestNearestProviders(t *testing.T) {
	t.Parallel()
	var all []postgres.Provider
	for i, key := range []string{"google", "yahoo", "northmail.test", "northpost.test", "icloud"} {
		all = append(all, postgres.Provider{ID: int64(i + 1), Key: key, Name: strings.ToUpper(key[:1]) + key[1:]})
	}
	for typed, want := range map[string]string{"gogle": "[google]", "goggle": "[google]", "north": "[northmail.test northpost.test]",
		"yaho": "[yahoo]", "cloud": "[icloud]", "microsoft": "[]", "x": "[]"} {
		if got := fmt.Sprint(nearest(typed, all)); got != want {
			t.Errorf("%s: %s, want %s", typed, got, want)
		}
	}
}
