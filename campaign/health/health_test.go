package health

import (
	"testing"

	"pgregory.net/rapid"
)

func TestLines(t *testing.T) {
	t.Parallel()
	d := Default()
	for _, tt := range []struct {
		name string
		got  Level
		want Level
	}{
		{"no results", d.Bounces(0, 0), Unclear},
		{"1 of 10", d.Bounces(1, 9), Unclear},
		{"none of a thousand", d.Bounces(0, 1000), Healthy},
		{"9 of a thousand", d.Bounces(9, 991), Healthy},
		{"1 %", d.Bounces(10, 990), Watch},
		{"2 %", d.Bounces(20, 980), Watch},
		{"2.1 %", d.Bounces(21, 979), Act},
		{"everything bounced", d.Bounces(500, 0), Act},
		{"no complaint", d.Complaints(0, 1000), Healthy},
		{"one person of 300", d.Complaints(1, 300), Healthy},
		{"2 of 1,000", d.Complaints(2, 1000), Watch},
		{"3 of 1,000", d.Complaints(3, 1000), Act},
		{"9 of 10,000", d.Complaints(9, 10_000), Healthy},
		{"nothing delivered", d.Complaints(2, 10), Unclear},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, tt.got, tt.want)
		}
	}
	if err := d.Check(); err != nil {
		t.Error(err)
	}
	for _, bad := range []Thresholds{{}, {2, 1, 0.1, 0.3}, {1, 2, 0.1, 0.1}, {1, 200, 0.1, 0.3}} {
		if bad.Check() == nil {
			t.Errorf("%+v passes", bad)
		}
	}
}

// More bounces among as many never look better.
func TestMoreIsNeverBetter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.Int64Range(0, 10_000).Draw(t, "all")
		few := rapid.Int64Range(0, all).Draw(t, "few")
		many := rapid.Int64Range(few, all).Draw(t, "many")
		d := Default()
		if d.Bounces(few, all-few) > d.Bounces(many, all-many) || d.Complaints(few, all) > d.Complaints(many, all) {
			t.Fatalf("%d of %d is worse than %d", few, all, many)
		}
	})
}

func TestLevelsAsText(t *testing.T) {
	t.Parallel()
	for level := Unclear; level <= Act; level++ {
		text, err := level.MarshalText()
		var read Level
		if err != nil || read.UnmarshalText(text) != nil || read != level {
			t.Errorf("%s is read as %s", text, read)
		}
	}
	if err := new(Level).UnmarshalText([]byte("fine")); err == nil {
		t.Error("fine is taken for a level")
	}
}
