package smtpout

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean returns a line of a reply as valid UTF-8 without control characters.
// Each byte of what is neither becomes \xNN, so that a reply can be stored,
// logged and shown, and still be told from any other.
func clean(line []byte) string {
	if printable(line) {
		return string(line)
	}
	var b strings.Builder
	for len(line) > 0 {
		r, size := utf8.DecodeRune(line)
		if r == utf8.RuneError && size == 1 || unicode.IsControl(r) && r != '\t' {
			for _, c := range line[:size] {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
		} else {
			b.Write(line[:size])
		}
		line = line[size:]
	}
	return b.String()
}

func printable(line []byte) bool {
	for _, c := range line {
		if c < ' ' && c != '\t' || c >= 0x7f {
			return false
		}
	}
	return true
}
