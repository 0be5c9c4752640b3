package reply

// sieve is the first test of all rules at once. One pass over the text finds the
// literals that stand in it; only rules of which a literal was found are tried,
// and of a rule's patterns only those whose needs were all met.
type sieve struct {
	automaton *automaton
	owner     []int32 // need → its rule
	first     [][]int // rule → for each pattern the number of its first need
	always    bitset  // rules that need no literal
}

// sieveLength is how much of a literal the automaton knows. The rest is compared
// afterwards, which keeps the automaton small enough for the processor's cache.
const sieveLength = 12

func newSieve(rules []Rule) sieve {
	s := sieve{first: make([][]int, len(rules)), always: newBitset(len(rules))}
	var literals [][]string
	note := func(rule int, n need) {
		cut := make([]string, len(n))
		for i, text := range n {
			cut[i] = text[:min(len(text), sieveLength)]
		}
		literals = append(literals, cut)
		s.owner = append(s.owner, int32(rule))
	}
	for i, r := range rules {
		if len(r.Contains) > 0 {
			note(i, r.Contains)
		}
		for _, p := range r.patterns {
			s.first[i] = append(s.first[i], len(literals))
			for _, n := range p.needs {
				note(i, n)
			}
			if len(p.needs) == 0 && len(r.Contains) == 0 {
				s.always.add(i)
			}
		}
		if len(r.Contains) == 0 && len(r.patterns) == 0 {
			s.always.add(i)
		}
	}
	s.automaton = newAutomaton(literals)
	return s
}

// sifted is what the sieve found in one text.
type sifted struct {
	rules bitset // worth trying
	needs bitset // met
}

func (s *sieve) empty() sifted {
	return sifted{newBitset(len(s.first)), newBitset(len(s.owner))}
}

// sift fills out with what stands in the text.
func (s *sieve) sift(text []byte, out sifted) {
	copy(out.rules, s.always)
	clear(out.needs)
	s.automaton.scan(text, func(need int32) {
		out.needs.add(int(need))
		out.rules.add(int(s.owner[need]))
	})
}

// met reports whether all needs of a pattern of a rule were found.
func (s *sieve) met(rule, pattern int, count int, found sifted) bool {
	first := s.first[rule][pattern]
	for i := range count {
		if !found.needs.has(first + i) {
			return false
		}
	}
	return true
}
