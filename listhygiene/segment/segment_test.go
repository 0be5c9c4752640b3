package segment_test

import (
	"strings"
	"testing"

	"github.com/headwaymail/headway/listhygiene/segment"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	one := func(c segment.Condition) segment.Segment {
		return segment.Segment{Group: segment.Group{Match: segment.All, Conditions: []segment.Condition{c}}}
	}
	for name, test := range map[string]struct {
		segment segment.Segment
		problem string
	}{
		"a field":         {one(segment.Condition{Subject: segment.Field, Name: "city", Op: segment.Is, Value: "Oslo"}), ""},
		"an empty value":  {one(segment.Condition{Subject: segment.Field, Name: "city", Op: segment.Is}), ""},
		"days":            {one(segment.Condition{Subject: segment.Delivered, Op: segment.NotWithin, Value: "90"}), ""},
		"nothing":         {segment.Segment{Group: segment.Group{Match: segment.All}}, "needs a condition"},
		"no field":        {one(segment.Condition{Subject: segment.Field, Op: segment.Is}), "name of the field"},
		"no such subject": {one(segment.Condition{Subject: "mood", Op: segment.Is}), "cannot be asked about"},
		"no such op":      {one(segment.Condition{Subject: segment.Status, Op: segment.Within}), "it takes: is, is_not"},
		"no days":         {one(segment.Condition{Subject: segment.Known, Op: segment.Within, Value: "soon"}), "no number of days"},
		"no campaign":     {one(segment.Condition{Subject: segment.Received, Op: segment.Is, Value: "Autumn"}), "no number of a campaign"},
		"NUL":             {one(segment.Condition{Subject: segment.Domain, Op: segment.Is, Value: "a\x00"}), "NUL"},
		"no match":        {segment.Segment{Group: segment.Group{Conditions: one(segment.Condition{Subject: segment.Status, Op: segment.Is, Value: "active"}).Conditions}}, "neither all nor any"},
		"too deep": {segment.Segment{Group: segment.Group{Match: segment.All, Groups: []segment.Group{{Match: segment.Any,
			Groups: []segment.Group{{Match: segment.All}}}}}}, "one level deep"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := test.segment.Check()
			switch {
			case test.problem == "" && err != nil:
				t.Error(err)
			case test.problem != "" && (err == nil || !strings.Contains(err.Error(), test.problem)):
				t.Errorf("got %v, want %q", err, test.problem)
			}
		})
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	s := segment.Segment{Group: segment.Group{Match: segment.All,
		Conditions: []segment.Condition{{Subject: segment.Field, Name: "city", Op: segment.Is, Value: "Oslo"}, {Subject: segment.List, Op: segment.IsNot, Value: "VIP"}},
		Groups: []segment.Group{{Match: segment.Any, Conditions: []segment.Condition{{Subject: segment.Delivered, Op: segment.Within, Value: "30"},
			{Subject: segment.Verdict, Op: segment.Is, Value: "deliverable"}}}}}}
	const want = "city is Oslo and not on the list VIP and (something was delivered in the last 30 days or the verdict is deliverable)"
	if got := s.Words(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// What never holds anybody is refused when it is written.
func TestCheckValues(t *testing.T) {
	t.Parallel()
	for value, good := range map[string]bool{"risky": true, "Risky": true, "riskyy": false, "": false} {
		s := segment.Segment{Group: segment.Group{Match: segment.All, Groups: []segment.Group{{Match: segment.Any,
			Conditions: []segment.Condition{{Subject: segment.Verdict, Op: segment.Is, Value: value}}}}}}
		if err := s.CheckValues(); (err == nil) != good {
			t.Errorf("%q: %v", value, err)
		}
	}
}
