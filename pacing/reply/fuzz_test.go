package reply

import (
	"strings"
	"testing"
)

// Whatever a file holds, Load returns rules or an error, and the rules classify.
func FuzzLoad(f *testing.F) {
	f.Add("- id: a\n  contains: foo\n  class: rate\n  scope: source\n")
	f.Add("- id: a\n  regex: ['fo+o', 'b(a|r)*']\n  unless: x y\n  code: [450, 5xx]\n  class: mailbox\n  bounce: bad_mailbox\n  scope: recipient\n")
	f.Add("- id: a\n  note: >\n    many\n    words\n")
	f.Add("- &a {id: b}\n- *a\n- <<: *a\n")
	f.Add("---\n- id: x\n---\n- id: x\n")
	f.Fuzz(func(t *testing.T, file string) {
		rules, err := Load(strings.NewReader(file))
		if err == nil {
			rules.Classify("google", Reply{Phase: PhaseRcpt, Code: 450, Lines: []string{file}})
		}
	})
}

// Whatever a server says, Classify returns a whole meaning.
func FuzzClassify(f *testing.F) {
	for _, r := range Default().All() {
		for _, example := range r.Examples {
			f.Add(string(PhaseRcpt), example)
		}
	}
	f.Add("dot", "550-5.7.1 \xff\xfe\x00 1:2:3 ::: a@b@c @ . .. 1.2.3.4.5\r550 x")
	f.Fuzz(func(t *testing.T, phase, text string) {
		r := Parse(Phase(phase), text)
		m := Classify("google", r)
		if accepted := 200 <= r.Code && r.Code < 400; accepted != (m == Meaning{}) {
			t.Errorf("%q: %+v", text, m)
		}
		if m.Hint < 0 || m.Hint > maxHint || m.Window < 0 || m.Window > maxHint {
			t.Errorf("%q: hint %v, window %v", text, m.Hint, m.Window)
		}
	})
}
