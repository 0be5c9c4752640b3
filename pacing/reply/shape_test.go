package reply

import "testing"

func TestShape(t *testing.T) {
	t.Parallel()
	a := Shape(Parse(PhaseRcpt, "550 5.7.1 <ann@a.example>: Moon phase 17 refused by mx1.a.example (id 4711)"))
	b := Shape(Parse(PhaseRcpt, "550 5.7.1 <bob@b.example>: moon  phase 3 refused by mx22.b.example (id 12)"))
	if a != b {
		t.Errorf("%q and %q differ", a, b)
	}
	if c := Shape(Parse(PhaseRcpt, "550 5.7.1 sun")); c == a {
		t.Errorf("different words have the shape %q", c)
	}
}
