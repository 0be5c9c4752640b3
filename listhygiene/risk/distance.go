package risk

import (
	"math"
	"math/bits"
)

// What one slip of the finger costs. A change that fingers and eyes make often
// costs less than one that makes another word.
const (
	costSwap     = 0.5 // two letters in the wrong order
	costDoubled  = 0.4 // a letter typed twice, or once instead of twice
	costLook     = 0.4 // 0 for o, 1 for l
	costNear     = 0.5 // the key beside the right one
	costNearMore = 0.6 // the key beside the right one, as well
	costVowel    = 0.7 // a vowel for another
	costDropped  = 0.9 // a letter left out
	costDot      = 0.5 // a dot left out or too many
	costOther    = 1.0
	costFirst    = 0.5 // added for the first letter, which people rarely miss
	costAnagram  = 1.2 // the same letters in another order, at most
)

// maxName bounds the length of names that are compared, in bytes. No name in the
// table of common domains is longer.
const maxName = 24

// distance returns what it costs to mistype meant as typed, or limit when it
// costs that much or more. Both are lower-case ASCII of at most maxName bytes.
// It is the optimal-string-alignment distance with weights.
func distance(typed, meant string, limit float64) float64 {
	var rows [3][maxName + 1]float64
	before, above, row := &rows[0], &rows[1], &rows[2]
	for j := range len(meant) {
		above[j+1] = above[j] + drop(meant, j)
	}
	for i := range len(typed) {
		row[0] = above[0] + extra(typed, meant, i, 0)
		least := row[0]
		for j := range len(meant) {
			c := min(above[j]+replace(typed, meant, i, j), row[j]+drop(meant, j), above[j+1]+extra(typed, meant, i, j+1))
			if i > 0 && j > 0 && typed[i] == meant[j-1] && typed[i-1] == meant[j] && typed[i] != typed[i-1] {
				c = min(c, before[j-1]+costSwap)
			}
			row[j+1] = c
			least = min(least, c)
		}
		if least >= limit {
			return limit
		}
		before, above, row = above, row, before
	}
	return min(above[len(meant)], limit)
}

// replace is the cost of typing typed[i] for meant[j].
func replace(typed, meant string, i, j int) float64 {
	a, b := typed[i], meant[j]
	switch {
	case a == b:
		return 0
	case looksLike(a, b):
		return costLook
	case isNear(a, b):
		return costNear
	case a == '.' || b == '.':
		return 2 * costOther
	case j == 0:
		return costOther + costFirst
	case isVowel(a) && isVowel(b):
		return costVowel
	}
	return costOther
}

// drop is the cost of leaving meant[j] out.
func drop(meant string, j int) float64 {
	switch {
	case meant[j] == '.':
		return costDot
	case j > 0 && meant[j-1] == meant[j]:
		return costDoubled
	case j == 0:
		return costDropped + costFirst
	}
	return costDropped
}

// extra is the cost of typing typed[i] too many before meant[j].
func extra(typed, meant string, i, j int) float64 {
	c := typed[i]
	switch {
	case c == '.':
		return costDot
	case i > 0 && typed[i-1] == c, i+1 < len(typed) && typed[i+1] == c:
		return costDoubled
	case j > 0 && isNear(c, meant[j-1]), j < len(meant) && isNear(c, meant[j]):
		return costNearMore
	}
	return costOther
}

// letters returns a set of the letters and digits of a name, to rule out quickly
// what cannot be close.
func letters(name string) (set uint64) {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z':
			set |= 1 << (c - 'a')
		case '0' <= c && c <= '9':
			set |= 1 << (26 + c - '0')
		}
	}
	return set
}

// mayBeClose reports whether two names can cost less than limit: a slip changes
// the length by one and at most two letters, and hardly any costs less than half.
func mayBeClose(lengths int, different uint64, limit float64) bool {
	most := 2 * limit
	return math.Abs(float64(lengths)) <= most && float64(bits.OnesCount64(different)) <= min(2*most, 6)
}

// isAnagram reports whether two names have the same letters and the same first
// one.
func isAnagram(a, b string) bool {
	if len(a) != len(b) || a == "" || a[0] != b[0] {
		return false
	}
	var count [256]int8
	for i := range len(a) {
		count[a[i]]++
		count[b[i]]--
	}
	return count == [256]int8{}
}
