package reply

import (
	"strings"
	"testing"
)

func TestLoadFaults(t *testing.T) {
	t.Parallel()
	const rest = "\n  class: rate\n  scope: source\n"
	for _, test := range []struct{ name, file, want string }{
		{"unknown class", "- id: a\n  contains: foo\n  class: speed\n  scope: source\n", `line 3: "speed" is not known here; one of concurrency`},
		{"unknown field", "- id: a\n  contians: foo" + rest, `line 2: "contians" is no field of a rule`},
		{"regex", "- id: a\n  regex: '(foo'" + rest, "line 2: regex: "},
		{"regex in upper case", "- id: a\n  regex: 'Foo.*'" + rest, `line 2: regex: 'F' never matches`},
		{"regex with an accent", "- id: a\n  regex: 'boîte'" + rest, `line 2: regex: 'î' never matches`},
		{"host name", "- id: a\n  contains: see mx.example.com for" + rest, `line 2: "see mx.example.com for" never matches`},
		{"code", "- id: a\n  code: 4x\n  contains: foo" + rest, `line 2: code "4x": write 450, 4xx, 5xx or none`},
		{"enhanced", "- id: a\n  enhanced: 4.7" + rest, `line 2: enhanced code "4.7"`},
		{"phase", "- id: a\n  phase: quit\n  contains: foo" + rest, `line 2: "quit" is not known here`},
		{"no id", "\n\n- contains: foo" + rest, "line 3: the rule has no id"},
		{"no condition", "- id: a" + rest, "line 1: rule a: it has no condition"},
		{"no bounce", "- id: a\n  contains: foo\n  class: mailbox\n  scope: recipient\n", "line 1: rule a: class mailbox says nothing of the delivery: give bounce"},
		{"anywhere without provider", "- id: a\n  anywhere: true\n  contains: foo" + rest, "line 1: rule a: anywhere is only for rules of a provider"},
		{"twice", "- id: a\n  contains: foo" + rest + "- id: a\n  contains: bar" + rest, "line 5: rule a: the id is taken by the rule at line 1"},
		{"two faults", "- id: a\n  code: 9\n  class: x\n", "line 3: \"x\" is not known"},
		{"no list", "rules: 1\n", "line 1: the file must be a list of rules"},
		{"no map", "- foo\n", "line 1: a rule is a map"},
		{"no YAML", "- id: [\n", "not valid YAML"},
		{"short text", "- id: a\n  contains: x" + rest, `line 2: "x" is too short`},
		{"fallback", "- id: fallback\n  contains: foo" + rest, "line 1: rule fallback: the id is used"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := Load(strings.NewReader(test.file))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v\nwant it to contain %q", err, test.want)
			}
		})
	}
}

func TestLoadEmpty(t *testing.T) {
	t.Parallel()
	rules, err := Load(strings.NewReader("# nothing yet\n"))
	if err != nil {
		t.Fatal(err)
	}
	if m := rules.Classify("", Parse(PhaseRcpt, "450 4.2.1 foo")); m.Rule != Fallback || !m.Temporary || m.Scope != ScopeRecipient {
		t.Errorf("got %+v", m)
	}
}

func TestLoadTooLarge(t *testing.T) {
	t.Parallel()
	if _, err := Load(strings.NewReader(strings.Repeat("# much\n", maxRuleFile/7+1))); err == nil {
		t.Error("a file above the limit was read")
	}
}

// The operator's rules are tried before all of ours, the provider's own included.
func TestWith(t *testing.T) {
	t.Parallel()
	extra, err := Load(strings.NewReader(`
- id: our-yahoo
  provider: yahoo
  contains: '[TSS04]'
  class: rate
  scope: source
- id: our-words
  contains: [quota exceeded for señor]
  class: mailbox
  bounce: recipient_policy
  scope: recipient
`))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := Default().With(extra)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ provider, reply, rule string }{
		{"yahoo", "421 4.7.0 [TSS04] Messages deferred", "our-yahoo"},
		{"google", "421 4.7.0 [TSS04] Messages deferred", "yahoo-tss04"},
		{"", "552 5.2.2 Quota exceeded for Señor X", "our-words"},
		{"", "552 5.2.2 Quota exceeded", "any-over-quota"},
	} {
		if m := rules.Classify(test.provider, Parse(PhaseRcpt, test.reply)); m.Rule != test.rule {
			t.Errorf("%s: decided by %s, want %s", test.reply, m.Rule, test.rule)
		}
	}
	if _, err := rules.With(extra); err == nil || !strings.Contains(err.Error(), "line 2: the id our-yahoo") {
		t.Errorf("an id that is taken: %v", err)
	}
}
