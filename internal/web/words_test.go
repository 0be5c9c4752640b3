package web

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headwaymail/headway/campaign"
)

func TestCount(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 7: "7", 999: "999", 1000: "1,000", 47050: "47,050", 1234567: "1,234,567",
		-1204: "−1,204", math.MinInt64: "−9,223,372,036,854,775,808"} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestShare(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		part, whole int64
		want        string
	}{
		{0, 0, "–"}, {0, 10, "0 %"}, {10, 10, "100 %"}, {1, 3, "33.3 %"}, {2, 3, "66.6 %"},
		{999, 1000, "99.9 %"}, {9_999_999, 10_000_000, "99.9 %"}, {1, 10_000_000, "< 0.1 %"}, {1, 1000, "0.1 %"},
		{math.MaxInt64 - 1, math.MaxInt64, "99.9 %"},
	} {
		if got := share(test.part, test.whole); got != test.want {
			t.Errorf("share(%d, %d) = %q, want %q", test.part, test.whole, got, test.want)
		}
	}
}

// A share never claims more than there is, and 100 % means all.
func TestShareIsRoundedDown(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.Int64Range(1, 1e12).Draw(t, "whole")
		part := rapid.Int64Range(0, whole).Draw(t, "part")
		text := share(part, whole)
		if (text == "100 %") != (part == whole) || (text == "0 %") != (part == 0) {
			t.Fatalf("share(%d, %d) = %s", part, whole, text)
		}
		percent, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimPrefix(text, "< "), " %"), 64)
		if err != nil {
			t.Fatal(err)
		}
		if exact := 100 * float64(part) / float64(whole); !strings.HasPrefix(text, "<") && percent > exact+1e-9 {
			t.Fatalf("share(%d, %d) = %s, which is more than %g", part, whole, text, exact)
		}
	})
}

func TestRate(t *testing.T) {
	t.Parallel()
	for perSecond, want := range map[float64]string{0: "0/s", -1: "0/s", 1204.4: "1,204/s", 12: "12/s", 9.96: "10/s",
		1.44: "1.4/s", 0.19: "11.4/min", 0.002: "7.2/h", math.Inf(1): "1,000,000,000,000,000/s"} {
		if got := rate(perSecond); got != want {
			t.Errorf("rate(%g) = %q, want %q", perSecond, got, want)
		}
	}
	if got := rate(math.NaN()); got != "0/s" {
		t.Errorf("rate(NaN) = %q", got)
	}
}

// counters draws the counters of a campaign that add up.
func counters(t *rapid.T) campaign.Counters {
	var c campaign.Counters
	for _, state := range campaign.DeliveryStates {
		n := rapid.OneOf(rapid.Just[int64](0), rapid.Int64Range(0, 50), rapid.Int64Range(0, 1e9)).Draw(t, string(state))
		c.Count(state, n)
		c.Targeted += n
	}
	return c
}

// The parts of a bar are the whole, fill it exactly, and are visible.
func TestBarAddsUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := counters(t)
		b := newBar(c)
		var sum int64
		x := 0
		for _, p := range b.Parts {
			sum += p.Count
			if p.X != x {
				t.Fatalf("%s begins at %d, not at %d", p.State, p.X, x)
			}
			if p.Count > 0 && p.W < thinnest || p.Count == 0 && p.W != 0 {
				t.Fatalf("%s counts %d and is %d wide", p.State, p.Count, p.W)
			}
			x += p.W
		}
		if sum != c.Targeted || c.Targeted > 0 && x != barScale {
			t.Fatalf("parts are %d of %d, and %d wide", sum, c.Targeted, x)
		}
	})
}

func TestRates(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 11, 21, 14, 0, 0, 0, time.UTC)
	type count struct {
		second    float64
		delivered int64
	}
	for name, test := range map[string]struct {
		counts []count
		want   float64
		known  bool
	}{
		"one count":             {[]count{{0, 100}}, 0, false},
		"too close":             {[]count{{0, 100}, {0.5, 150}}, 0, false},
		"two counts":            {[]count{{0, 100}, {2, 150}}, 25, true},
		"the window moves":      {[]count{{0, 0}, {10, 1000}, {20, 1100}, {30, 1200}}, 10, true},
		"a gap is averaged":     {[]count{{0, 0}, {60, 600}}, 10, true},
		"corrected downwards":   {[]count{{0, 100}, {2, 90}}, 0, true},
		"an older count is not": {[]count{{2, 100}, {4, 150}, {3, 120}}, 25, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRates()
			var got float64
			var known bool
			for _, c := range test.counts {
				got, known = r.measure(1, begin.Add(time.Duration(c.second*float64(time.Second))), c.delivered)
			}
			if got != test.want || known != test.known {
				t.Errorf("%g, %t; want %g, %t", got, known, test.want, test.known)
			}
		})
	}
}

func TestWaterfallAddsUp(t *testing.T) {
	t.Parallel()
	steps := waterfall(campaign.Audience{InLists: 52310, Excluded: 1204, Unsubscribed: 3118, Suppressed: 846,
		Undeliverable: 92, WillReceive: 47050})
	var sum int64
	for _, s := range steps[:len(steps)-1] {
		sum += s.Count
	}
	if last := steps[len(steps)-1]; sum != last.Count {
		t.Errorf("the steps lead to %d, not %d", sum, last.Count)
	}
	var words []string
	for _, s := range steps {
		words = append(words, s.Words+" "+count(s.Count))
	}
	want := []string{"In lists and segments 52,310", "Left out by choice −1,204", "Unsubscribed −3,118", "Suppressed −846",
		"Undeliverable −92", "Will receive 47,050"}
	if diff := cmp.Diff(want, words); diff != "" {
		t.Error(diff)
	}
}
