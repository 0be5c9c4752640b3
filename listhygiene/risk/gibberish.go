package risk

import "strings"

// gibberishFrom is the length from which a local part is looked at: short ones
// are initials and abbreviations.
const gibberishFrom = 10

// IsGibberish reports whether a local part looks typed at random, as bots do:
// long, without separators, and either hardly any vowel among many letters or
// letters and digits that change places all the time. Names of people, in any
// language written with vowels, do neither.
func IsGibberish(local string) bool {
	local, _, _ = strings.Cut(strings.ToLower(local), "+")
	if len(local) < gibberishFrom || strings.ContainsAny(local, ".-_") {
		return false
	}
	letters, vowels, changes, run, longest := 0, 0, 0, 0, 0
	for i := range len(local) {
		c := local[i]
		letter := 'a' <= c && c <= 'z'
		if !letter && (c < '0' || c > '9') {
			return false // beyond ASCII, or quoted: another alphabet's habits
		}
		if i > 0 && letter != isLetter(local[i-1]) {
			changes++
		}
		run++
		if !letter || strings.IndexByte("aeiouy", c) >= 0 {
			run = 0
		}
		longest = max(longest, run)
		if letter {
			letters++
			if run == 0 {
				vowels++
			}
		}
	}
	return letters >= gibberishFrom && (vowels*8 <= letters || longest >= 8) || changes >= 6
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' }
