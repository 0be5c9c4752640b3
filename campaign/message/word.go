package message

import (
	"bytes"
	"encoding/base64"
	"unicode/utf8"
)

const (
	// maxLine is the length that header lines should not exceed (RFC 5322 §2.1.1).
	maxLine = 78

	// maxEncodedLine is the length that lines with encoded words must not exceed
	// (RFC 2047 §2).
	maxEncodedLine = 76

	// maxWord is the longest word that is left in one piece; longer ones are
	// encoded, which cuts them. It fits behind any field name of ours.
	maxWord = 60
)

// encodeTail turns dst[mark:], any text, into the body of an unstructured header
// field, in place. Column is where the text begins in its line.
//
// Runs of whitespace and control characters become one space, so the only line
// breaks in the result are those that fold it (RFC 5322 §2.2.3). What is not
// printable ASCII is written as encoded words (RFC 2047).
func encodeTail(dst []byte, mark, column int) []byte {
	dst = dst[:mark+len(squeeze(dst[mark:]))]
	text := dst[mark:]
	switch {
	case !isPlain(text):
		dst = appendEncodedWords(dst, text, column)
	case column+len(text) <= maxLine:
		return dst
	default:
		dst = appendFolded(dst, text, column)
	}
	return dst[:mark+copy(dst[mark:], dst[mark+len(text):])]
}

// squeeze replaces each run of whitespace and control characters by one space,
// drops those at both ends, and returns the shorter text. It works in place.
func squeeze(text []byte) []byte {
	out := text[:0]
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(text[i:])
		}
		blank := r <= ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029'
		switch {
		case !blank:
			out = append(out, text[i:i+size]...)
		case len(out) > 0 && out[len(out)-1] != ' ':
			out = append(out, ' ')
		}
		i += size
	}
	return bytes.TrimRight(out, " ")
}

// isPlain reports whether squeezed text can stand in a header as it is.
func isPlain(text []byte) bool {
	word := 0
	for i, c := range text {
		if c >= 0x7f || c == '=' && i+1 < len(text) && text[i+1] == '?' {
			return false
		}
		if word++; c == ' ' {
			word = 0
		}
		if word > maxWord {
			return false
		}
	}
	return true
}

// appendFolded appends plain text, folded at its spaces.
func appendFolded(dst, text []byte, column int) []byte {
	for i, word := range bytes.Split(text, []byte(" ")) {
		switch {
		case i == 0:
		case column+1+len(word) > maxLine:
			dst, column = append(dst, "\r\n "...), 1
		default:
			dst, column = append(dst, ' '), column+1
		}
		dst, column = append(dst, word...), column+len(word)
	}
	return dst
}

// appendEncodedWords appends text as encoded words in UTF-8, of the encoding that
// comes out shorter. No character is divided between two words (RFC 2047 §5).
func appendEncodedWords(dst, text []byte, column int) []byte {
	const wrapping = len("=?utf-8?q??=")
	quoted := 0
	for _, c := range text {
		quoted += qSize(c)
	}
	base64Encoded := base64.StdEncoding.EncodedLen(len(text)) < quoted
	for len(text) > 0 {
		room := maxEncodedLine - wrapping - column
		n := fitting(text, room, base64Encoded)
		if base64Encoded {
			dst = append(dst, "=?utf-8?b?"...)
			dst = base64.StdEncoding.AppendEncode(dst, text[:n])
		} else {
			dst = append(dst, "=?utf-8?q?"...)
			dst = appendQ(dst, text[:n])
		}
		dst = append(dst, "?="...)
		if text = text[n:]; len(text) > 0 {
			dst, column = append(dst, "\r\n "...), 1
		}
	}
	return dst
}

// fitting returns how many bytes of text fit into room when encoded, whole
// characters only and at least one.
func fitting(text []byte, room int, base64Encoded bool) int {
	n, size := 0, 0
	for n < len(text) {
		_, width := utf8.DecodeRune(text[n:])
		if base64Encoded {
			size = base64.StdEncoding.EncodedLen(n + width)
		} else {
			for _, c := range text[n : n+width] {
				size += qSize(c)
			}
		}
		if size > room && n > 0 {
			break
		}
		n += width
	}
	return n
}

// qSize returns how many bytes the Q encoding needs for one. It is the strict
// form that may also stand in a display name (RFC 2047 §5, rule 3).
func qSize(c byte) int {
	if isAlphanumeric(c) || c == ' ' || c == '!' || c == '*' || c == '+' || c == '-' || c == '/' {
		return 1
	}
	return 3
}

func appendQ(dst, text []byte) []byte {
	for _, c := range text {
		switch {
		case c == ' ':
			dst = append(dst, '_')
		case qSize(c) == 1:
			dst = append(dst, c)
		default:
			dst = append(dst, '=', upperHex[c>>4], upperHex[c&15])
		}
	}
	return dst
}

const upperHex = "0123456789ABCDEF"
