package reply

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"sync"
)

// Rules is an ordered set of rules, ready to classify. Nobody changes it, and it
// is safe for concurrent use.
type Rules struct {
	rules   []Rule
	byID    map[string]int
	extra   int   // the first rules are the operator's: tried before all others
	sieve   sieve // finds the rules that are worth trying
	scratch sync.Pool
	memory  memory
}

//go:embed rules.yaml
var builtin []byte

// Default returns the built-in rules. They are read once, on first use.
var Default = sync.OnceValue(func() *Rules {
	rules, err := loadBuiltin()
	if err != nil {
		panic("built-in " + err.Error()) // a test loads the file: never in a release
	}
	return rules
})

func loadBuiltin() (*Rules, error) { return Load(bytes.NewReader(builtin)) }

// With returns rules in which those of extra are tried first, in their order and
// before the provider's own. An id of extra that is taken is an error.
func (s *Rules) With(extra *Rules) (*Rules, error) {
	for _, r := range extra.rules {
		if _, taken := s.Rule(r.ID); taken {
			return nil, fmt.Errorf("reply rules: line %d: the id %s belongs to a built-in rule; choose another", r.line, r.ID)
		}
	}
	return compile(slices.Concat(extra.rules, s.rules), len(extra.rules)+s.extra), nil
}

// Rule returns the rule with this id, as [Meaning.Rule] names it.
func (s *Rules) Rule(id string) (Rule, bool) {
	i, ok := s.byID[id]
	if !ok {
		return Rule{}, false
	}
	return s.rules[i], true
}

// All returns the rules in the order of their file.
func (s *Rules) All() []Rule { return slices.Clone(s.rules) }

// compile builds a set of rules, of which the first so many are the operator's.
func compile(rules []Rule, extra int) *Rules {
	s := &Rules{rules: rules, byID: make(map[string]int, len(rules)), extra: extra, sieve: newSieve(rules)}
	for i, r := range slices.Backward(rules) {
		s.byID[r.ID] = i // of two with one id the first counts
	}
	s.scratch.New = func() any {
		return &scratch{text: make([]byte, 0, 1024), sifted: s.sieve.empty()}
	}
	return s
}

// scratch is what one classification needs and the next can use again.
type scratch struct {
	text   []byte
	sifted sifted
}
