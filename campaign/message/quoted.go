package message

// maxQuoted is the length of a quoted-printable line without the = of a soft
// line break; with it, 76 (RFC 2045 §6.7, rule 5).
const maxQuoted = 75

const softBreak = "=\r\n"

// appendQuoted appends text, whose line ends are \n, as quoted-printable that
// begins a line. With more to follow behind a soft line break, that break is
// appended too unless the text ends a line.
//
// Beyond what RFC 2045 demands, a dot and the word From are encoded where they
// begin a line, since some mail systems change them there (RFC 2049 §3).
func appendQuoted(dst, text []byte, more bool) []byte {
	column := 0
	for i, c := range text {
		if c == '\n' {
			dst, column = append(dst, '\r', '\n'), 0
			continue
		}
		endsLine := i+1 == len(text) && !more || i+1 < len(text) && text[i+1] == '\n'
		literal := isQuotedLiteral(c) || (c == ' ' || c == '\t') && !endsLine
		if literal && column+1 > maxQuoted || !literal && column+3 > maxQuoted {
			dst, column = append(dst, softBreak...), 0
		}
		if column == 0 && (c == '.' || startsFrom(text[i:])) {
			literal = false
		}
		if literal {
			dst = append(dst, c)
			column++
		} else {
			dst = append(dst, '=', upperHex[c>>4], upperHex[c&15])
			column += 3
		}
	}
	if more && column > 0 {
		dst = append(dst, softBreak...)
	}
	return dst
}

// quoteTail encodes dst[mark:], which begins a line, in place.
func quoteTail(dst []byte, mark int) []byte {
	text := dst[mark:]
	if staysQuoted(text) {
		return dst
	}
	dst = appendQuoted(dst, text, false)
	return dst[:mark+copy(dst[mark:], dst[mark+len(text):])]
}

// staysQuoted reports whether text that begins a line is its own encoding, as
// names and numbers mostly are.
func staysQuoted(text []byte) bool {
	if len(text) == 0 {
		return true
	}
	if len(text) > maxQuoted || text[0] == '.' || text[len(text)-1] == ' ' || startsFrom(text) {
		return false
	}
	for _, c := range text {
		if !isQuotedLiteral(c) && c != ' ' {
			return false
		}
	}
	return true
}

// isQuotedLiteral reports whether a byte other than a blank stands for itself.
func isQuotedLiteral(c byte) bool { return c > ' ' && c < 0x7f && c != '=' }

func startsFrom(text []byte) bool { return len(text) >= 5 && string(text[:5]) == "From " }
