package campaign

import "strconv"

// WordsForCount writes a number of messages or people with thousands separators:
// 3,204.
func WordsForCount(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
