package reply

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// exampleReply reads an example of a rule, in the first phase that the rule
// allows.
func exampleReply(r Rule, example string) Reply {
	phase := PhaseAsync
	if len(r.Phases) > 0 {
		phase = r.Phases[0]
	}
	return Parse(phase, example)
}

// Every example is decided by the rule that it stands with, in the first place
// that asks: for its provider, and for any server if the text is unmistakable.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, r := range Default().All() {
		if len(r.Examples) == 0 {
			t.Errorf("line %d: rule %s has no example", r.line, r.ID)
		}
		servers := slices.Clone(r.Providers)
		if r.Anywhere || len(r.Providers) == 0 {
			servers = append(servers, "", "some-provider.example")
		}
		for _, example := range r.Examples {
			for _, server := range servers {
				m := Classify(server, exampleReply(r, example))
				if m.Rule != r.ID {
					t.Errorf("line %d: rule %s, provider %q: its example is decided by %s\n  %s", r.line, r.ID, server, m.Rule, example)
				}
			}
		}
	}
}

// The file keeps the order in which rules are tried, so that it can be read from
// top to bottom: providers, software, any server, registry.
func TestFileOrder(t *testing.T) {
	t.Parallel()
	section := func(r Rule) (int, string) {
		switch {
		case len(r.Providers) > 0:
			return 1, "provider"
		case r.Software != "":
			return 2, "software"
		case strings.HasPrefix(r.ID, "registry-"):
			return 4, "registry"
		}
		return 3, "any"
	}
	last, lastName := 0, ""
	for _, r := range Default().All() {
		n, name := section(r)
		if n < last {
			t.Errorf("line %d: rule %s (%s) stands after rules for %s", r.line, r.ID, name, lastName)
		}
		last, lastName = max(last, n), name
	}
}

func ExampleClassify() {
	m := Classify("yahoo", Parse(PhaseMail, "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred"))
	fmt.Println(m.Class, m.Bounce, m.Scope, m.Temporary, m.Rule)
	// Output: reputation blocked_ip source true yahoo-tss04
}

func ExampleMeaning_Explain() {
	fmt.Println(Classify("", Parse(PhaseRcpt, "451 4.7.1 Greylisted, try again in 5 minutes")).Explain())
	// Output: The server puts off first contacts and wants to see a retry. Headway tries this recipient again after the delay that works there. First contact was put off. The message is tried again; the address is not in doubt. It concerns this recipient. The server asks to wait 5m0s.
}
