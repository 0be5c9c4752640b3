package probation

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestSliceSize(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{1: 200, 2: 1000, 3: 2000, 4: 4000, 10: 256_000} {
		if got := SliceSize(n); got != want {
			t.Errorf("slice %d has %d, want %d", n, got, want)
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		t    Tally
		want Course
	}{
		{"not begun", Tally{Size: 200, Waiting: 200}, Wait},
		{"halfway and well", Tally{Size: 200, Waiting: 100, Delivered: 100}, Wait},
		{"all delivered", Tally{Size: 200, Delivered: 200}, Next},
		{"a few bounces", Tally{Size: 200, Delivered: 197, Bounced: 3}, Next},
		{"3 %", Tally{Size: 200, Delivered: 194, Bounced: 6}, Warn},
		{"6 %", Tally{Size: 200, Delivered: 188, Bounced: 12}, Stop},
		{"plainly bad before the end", Tally{Size: 200, Waiting: 100, Delivered: 60, Bounced: 40}, Stop},
		{"a bad beginning is no slice", Tally{Size: 200, Waiting: 150, Delivered: 45, Bounced: 5}, Wait},
		{"a tiny file", Tally{Size: 10, Delivered: 8, Bounced: 2}, Next},
		{"complaints on the edge", Tally{Size: 1000, Delivered: 999, Complained: 2}, Warn},
		{"complaints", Tally{Size: 1000, Delivered: 999, Complained: 3}, Stop},
		{"one complaint", Tally{Size: 200, Delivered: 200, Complained: 1}, Warn},
		{"greylisted", Tally{Size: 200, Deferred: 60, Delivered: 140, Opened: noon.Add(-time.Minute)}, Wait},
		{"greylisted for long", Tally{Size: 200, Deferred: 60, Delivered: 140, Opened: noon.Add(-2 * time.Hour)}, Next},
		{"a few deferred", Tally{Size: 200, Deferred: 5, Delivered: 195, Opened: noon}, Next},
	} {
		course, words := tt.t.Judge(noon)
		if course != tt.want || (words == "") != (course == Wait || course == Next) {
			t.Errorf("%s: %s (%q), want %s", tt.name, course, words, tt.want)
		}
	}
}

// More bounces never make a file fare better, and a slice of which nothing
// waits is always judged in the end.
func TestJudgeLaws(t *testing.T) {
	t.Parallel()
	rank := map[Course]int{Wait: 0, Next: 0, Warn: 1, Stop: 2}
	rapid.Check(t, func(t *rapid.T) {
		s := Tally{Delivered: rapid.Int64Range(0, 3000).Draw(t, "delivered"), Bounced: rapid.Int64Range(0, 300).Draw(t, "bounced"),
			Deferred: rapid.Int64Range(0, 300).Draw(t, "deferred"), Opened: noon.Add(-2 * time.Hour)}
		s.Size = s.Delivered + s.Bounced + s.Deferred
		better, _ := s.Judge(noon)
		if better == Wait {
			t.Fatalf("%+v waits for ever", s)
		}
		s.Bounced, s.Size = s.Bounced+10, s.Size+10
		if worse, _ := s.Judge(noon); rank[worse] < rank[better] {
			t.Fatalf("%+v: %s, with fewer bounces %s", s, worse, better)
		}
	})
}
