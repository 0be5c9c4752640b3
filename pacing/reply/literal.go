package reply

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"sync"
	"unicode"
)

// pattern is one way in which a rule can match: an alternative of its regex. It
// is only run on texts in which all its needs were found.
type pattern struct {
	regex func() *regexp.Regexp // compiled when it is first needed: most never are
	needs []need
}

// need is a set of literals of which every match of a pattern contains at least
// one. "(rate|limit).{0,30}exceed" has two: {rate, limit} and {exceed}.
type need []string

// Bounds of what is taken from one pattern. More needs than three sieve no
// better, and a need with very many literals is no sieve.
const (
	maxNeeds    = 3
	maxLiterals = 64
)

// alternatives takes a regex apart into its top-level alternatives.
func alternatives(whole *syntax.Regexp) ([]pattern, error) {
	parts := []*syntax.Regexp{whole}
	if whole.Op == syntax.OpAlternate {
		parts = whole.Sub
	}
	patterns := make([]pattern, 0, len(parts))
	for _, part := range parts {
		text := part.String()
		if _, err := syntax.Parse(text, syntax.Perl); err != nil {
			return nil, err // all that compiling can find
		}
		needs := needsOf(part.Simplify())
		slices.SortStableFunc(needs, func(a, b need) int { return b.shortest() - a.shortest() })
		patterns = append(patterns, pattern{
			regex: sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) }),
			needs: needs[:min(len(needs), maxNeeds)],
		})
	}
	return patterns, nil
}

// needsOf returns the needs of a pattern, none when nothing is certain.
func needsOf(re *syntax.Regexp) []need {
	switch re.Op {
	case syntax.OpLiteral:
		// A letter stands in every text; a character of Chinese says something.
		if text := string(re.Rune); re.Flags&syntax.FoldCase == 0 && len(text) > 1 {
			return []need{{text}}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return needsOf(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return needsOf(re.Sub[0])
		}
	case syntax.OpConcat:
		var all []need
		for _, sub := range re.Sub {
			all = append(all, needsOf(sub)...)
		}
		return all
	case syntax.OpAlternate:
		var either need // the strongest need of every branch
		for _, sub := range re.Sub {
			needs := needsOf(sub)
			if len(needs) == 0 {
				return nil
			}
			best := slices.MaxFunc(needs, func(a, b need) int { return a.shortest() - b.shortest() })
			if either = append(either, best...); len(either) > maxLiterals {
				return nil
			}
		}
		return []need{either}
	}
	return nil
}

// shortest returns the length of the shortest literal: the longer it is, the
// rarer the need is met by chance.
func (n need) shortest() int {
	return len(slices.MinFunc(n, func(a, b string) int { return len(a) - len(b) }))
}

// unfolded returns a rune of the pattern that folding never leaves in a text, such
// as "A" or "é"; 0 when there is none.
func unfolded(re *syntax.Regexp) rune {
	if re.Op == syntax.OpLiteral && re.Flags&syntax.FoldCase == 0 {
		for _, r := range re.Rune {
			if string(foldText(nil, string(r))) != string(r) && !unicode.IsSpace(r) {
				return r
			}
		}
	}
	for _, sub := range re.Sub {
		if r := unfolded(sub); r != 0 {
			return r
		}
	}
	return 0
}
