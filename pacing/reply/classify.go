package reply

import "math/bits"

// Fallback is the rule id of a [Meaning] that no rule decided.
const Fallback = "fallback"

// Classify says what a reply means, by the built-in rules. See [Rules.Classify].
func Classify(provider string, r Reply) Meaning { return Default().Classify(provider, r) }

// Classify says what a reply means. The provider is the key of whoever runs the
// server ("google", "microsoft-365", …), "" when it is not known. The first rule
// that holds decides, in this order:
//
//  1. the operator's rules ([Rules.With]);
//  2. rules of this provider;
//  3. rules whose text is unmistakable wherever it is read, those of mail
//     software, those for any server, and last the registry of enhanced codes,
//     in the order of the file.
//
// Rules that blame the recipient's address are never tried before RCPT. A reply
// that nothing matches is [ClassUnknown], with a scope by its phase. An
// acceptance (2xx, 3xx) is the zero Meaning.
//
// The time taken is linear in the length of the reply, of which at most 16 KB
// are read. What a reply meant is remembered.
func (s *Rules) Classify(provider string, r Reply) Meaning {
	if 200 <= r.Code && r.Code < 400 {
		return Meaning{}
	}
	sc := s.scratch.Get().(*scratch)
	defer s.scratch.Put(sc)
	q := newQuery(sc.text, r)
	sc.text = q.text
	key := q.key(provider)
	if key != nil {
		sc.text = key // grown, it is used again
	}
	if m, ok := s.memory.recall(key); ok {
		return m
	}
	m := s.judge(provider, &q, sc.sifted)
	s.memory.keep(key, m)
	return m
}

// judge finds the rule that decides, and what follows from it.
func (s *Rules) judge(provider string, q *query, found sifted) Meaning {
	s.sieve.sift(q.text, found)
	rule := s.decide(provider, q, found)
	if rule == nil {
		return q.unknown()
	}
	m := Meaning{
		Class:     rule.Class,
		Bounce:    rule.Bounce,
		Scope:     rule.Scope,
		Temporary: !q.permanent() || rule.Passes,
		Guess:     rule.Guess,
		Rule:      rule.ID,
	}
	if m.Temporary {
		m.Hint = hint(q.text)
	}
	if m.Class == ClassQuota || m.Class == ClassRate || m.Class == ClassConnRate {
		m.Window = window(q.text)
	}
	return m
}

// decide returns the first rule that holds, nil when none does.
func (s *Rules) decide(provider string, q *query, found sifted) *Rule {
	if s.extra > 0 {
		if r := s.first(q, found, func(i int, r *Rule) bool {
			return i < s.extra && (len(r.Providers) == 0 || r.For(provider) || r.Anywhere)
		}); r != nil {
			return r
		}
	}
	if provider != "" {
		if r := s.first(q, found, func(_ int, r *Rule) bool { return r.For(provider) }); r != nil {
			return r
		}
	}
	return s.first(q, found, func(_ int, r *Rule) bool { return len(r.Providers) == 0 || r.Anywhere })
}

// first returns the first of the rules found that may be tried and holds. Rules
// that do not hold are not tried again.
func (s *Rules) first(q *query, found sifted, may func(int, *Rule) bool) *Rule {
	for w, word := range found.rules {
		for ; word != 0; word &= word - 1 {
			i := w*64 + bits.TrailingZeros64(word)
			r := &s.rules[i]
			if !may(i, r) {
				continue
			}
			if r.allows(q) && s.matches(i, q, found) {
				return r
			}
			found.rules.remove(i)
		}
	}
	return nil
}

// matches reports whether the texts of a rule stand in the reply.
func (s *Rules) matches(rule int, q *query, found sifted) bool {
	r := &s.rules[rule]
	if len(r.Contains) > 0 && !containsAny(q.text, r.Contains) || containsAny(q.text, r.Unless) {
		return false
	}
	for i, p := range r.patterns {
		if s.sieve.met(rule, i, len(p.needs), found) && p.regex().Match(q.text) {
			return true
		}
	}
	return len(r.patterns) == 0
}

// unknown is the meaning of a reply that no rule decided: the code says whether
// to try again, the phase whom it concerns (PACING.md, "Unclassified replies").
func (q *query) unknown() Meaning {
	m := Meaning{Class: ClassUnknown, Bounce: BounceUnknown, Temporary: !q.permanent(), Rule: Fallback}
	switch q.phase {
	case PhaseConnect, PhaseEHLO, PhaseStartTLS, PhaseAuth:
		m.Scope = ScopeHost
	case PhaseMail:
		m.Scope = ScopeSource
	case PhaseData, PhaseDot:
		m.Scope = ScopeTransaction
	default:
		m.Scope = ScopeRecipient
	}
	if q.code == 421 && m.Scope != ScopeHost {
		m.Scope = ScopeLane // 421 always ends the connection (RFC 5321 §3.8)
	}
	if m.Temporary {
		m.Hint = hint(q.text)
	}
	return m
}
