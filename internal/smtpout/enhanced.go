package smtpout

import "strings"

// enhancedCode finds the RFC 3463 code in the lines of a reply. In order:
//
//  1. at the beginning of any line, where RFC 2034 §4 puts it. Servers often
//     give it on one line only, go-smtp for one on the last. One of the reply's
//     own class comes before another, wherever it stands;
//  2. marked, anywhere: "(5.1.1)", "#5.1.1", "(#5.1.1)", "[5.1.1]", "<5.1.1>";
//  3. bare, anywhere, when it looks like nothing else.
//
// Away from the beginning it must be of the reply's own class, so that neither
// an address (5.6.7.8) nor a version is taken for one.
func enhancedCode(code int, lines []string) string {
	class := byte('0' + code/100)
	if class != '2' && class != '4' && class != '5' {
		return ""
	}
	var other string
	for _, line := range lines {
		start := strings.TrimLeft(line, " \t#([<")
		switch n := enhancedLen(start); {
		case n > 0 && start[0] == class:
			return start[:n]
		case n > 0 && other == "" && strings.IndexByte("245", start[0]) >= 0:
			other = start[:n]
		}
	}
	if other != "" {
		return other
	}
	if class == '2' {
		return ""
	}
	if found := within(lines, class, "#([<"); found != "" {
		return found
	}
	return within(lines, class, " \t:;,=\"'")
}

// within looks for a code of the class after one of the given characters.
func within(lines []string, class byte, before string) string {
	for _, line := range lines {
		for i := 1; i < len(line); i++ {
			if line[i] != class || strings.IndexByte(before, line[i-1]) < 0 {
				continue
			}
			if n := enhancedLen(line[i:]); n > 0 {
				return line[i : i+n]
			}
		}
	}
	return ""
}

// enhancedLen returns the length of the code "c.s.d" that s begins with, or 0.
// The subject is one digit from 0 to 7, the detail 1 to 3 digits (RFC 3463 §2, §3).
func enhancedLen(s string) int {
	if len(s) < 5 || !isDigit(s[0]) || s[1] != '.' || s[2] < '0' || s[2] > '7' || s[3] != '.' {
		return 0
	}
	n := 4
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	switch {
	case n == 4 || n > 7:
		return 0
	case n == len(s):
		return n
	case s[n] == '.' && n+1 < len(s) && isDigit(s[n+1]): // four numbers: an address
		return 0
	case letter(s[n]):
		return 0
	default:
		return n
	}
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
