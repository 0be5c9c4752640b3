package reply

import (
	"regexp/syntax"
	"slices"
	"unicode"
)

// maxLiterals bounds the literals taken from one pattern; a pattern that needs
// more is tried on every reply instead.
const maxLiterals = 64

// requiredLiterals returns texts of which every match of the pattern contains at
// least one, or nil when there is no such set. It makes the automaton the first
// test of every rule: "(rate|limit).{0,30}exceed" is only run on replies that
// contain "exceed".
func requiredLiterals(pattern string) []string {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil
	}
	return required(re.Simplify())
}

func required(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 && len(re.Rune) > 1 {
			return []string{string(re.Rune)}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpConcat:
		var best []string
		for _, sub := range re.Sub {
			if set := required(sub); stronger(set, best) {
				best = set
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			set := required(sub)
			if set == nil || len(all)+len(set) > maxLiterals {
				return nil
			}
			all = append(all, set...)
		}
		return all
	}
	return nil
}

// stronger reports whether set a sieves better than b: its shortest text is
// longer.
func stronger(a, b []string) bool {
	return a != nil && (b == nil || shortest(a) > shortest(b))
}

func shortest(set []string) int {
	return len(slices.MinFunc(set, func(a, b string) int { return len(a) - len(b) }))
}

// unfoldedRune returns a rune of the pattern that folding never leaves in a
// text, such as "A" or "é"; 0 when there is none.
func unfoldedRune(pattern string) rune {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0
	}
	return unfolded(re)
}

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
