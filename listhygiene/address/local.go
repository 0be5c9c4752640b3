package address

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// localPart is what a scan of the part before the @ found.
type localPart struct {
	end  int  // index of the @
	utf8 bool // a character beyond ASCII occurred
}

// scanLocal reads the local part at the start of raw up to its @.
func scanLocal(raw string) (localPart, error) {
	if raw[0] == '"' {
		return scanQuoted(raw)
	}
	return scanDotString(raw)
}

// scanDotString reads Dot-string = Atom *("." Atom), RFC 5321 §4.1.2, with
// UTF8-non-ascii as atext, RFC 6531 §3.3.
func scanDotString(raw string) (localPart, error) {
	var l localPart
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case isAtext[c]:
		case c == '.':
			if i == 0 || raw[i-1] == '.' {
				return l, &Problem{Code: DotMisplaced, Offset: i}
			}
		case c == '@':
			return l, l.close(raw, i)
		case c >= utf8.RuneSelf:
			n, err := checkRune(raw, i)
			if err != nil {
				return l, err
			}
			l.utf8 = true
			i += n - 1
		default:
			return l, explainLocal(raw, i)
		}
	}
	return l, &Problem{Code: NoAt, Offset: len(raw)}
}

// close ends a dot-string at its @.
func (l *localPart) close(raw string, at int) error {
	switch {
	case at == 0:
		return explainNoLocal(raw)
	case raw[at-1] == '.':
		return &Problem{Code: DotMisplaced, Offset: at - 1}
	case l.tooLong(raw, at):
		return &Problem{Code: LocalTooLong, Offset: maxLocal}
	}
	l.end = at
	return nil
}

// scanQuoted reads Quoted-string = DQUOTE *QcontentSMTP DQUOTE.
func scanQuoted(raw string) (localPart, error) {
	var l localPart
	for i := 1; i < len(raw); i++ {
		c := raw[i]
		switch {
		case c == '"':
			return l.closeQuoted(raw, i+1)
		case c == '\\':
			i++
			if i == len(raw) {
				return l, &Problem{Code: QuoteMisplaced, Offset: i - 1}
			}
			if raw[i] < ' ' || raw[i] > '~' { // quoted-pairSMTP = %d92 %d32-126
				return l, explainLocal(raw, i)
			}
		case c < ' ' || c == 0x7f:
			return l, &Problem{Code: ControlChar, Offset: i}
		case c >= utf8.RuneSelf:
			n, err := checkRune(raw, i)
			if err != nil {
				return l, err
			}
			l.utf8 = true
			i += n - 1
		}
	}
	return l, &Problem{Code: QuoteMisplaced, Offset: 0}
}

// closeQuoted ends a quoted local part; an @ must follow at once.
func (l localPart) closeQuoted(raw string, at int) (localPart, error) {
	switch {
	case at == len(raw) || !strings.Contains(raw[at:], "@"):
		return l, &Problem{Code: NoAt, Offset: len(raw)}
	case raw[at] != '@':
		if c := raw[at]; c == '<' || c == ' ' {
			return l, explainLocal(raw, at)
		}
		return l, &Problem{Code: QuoteMisplaced, Offset: at}
	case l.tooLong(raw, at):
		return l, &Problem{Code: LocalTooLong, Offset: maxLocal}
	}
	l.end = at
	return l, nil
}

// tooLong counts octets in ASCII and characters beyond it: 64 octets would be
// 21 letters of Khmer, and hosts that speak SMTPUTF8 take more.
func (l localPart) tooLong(raw string, at int) bool {
	return at > maxLocal && (!l.utf8 || utf8.RuneCountInString(raw[:at]) > maxLocal)
}

// checkRune judges the character beyond ASCII at raw[i] and returns its length.
// RFC 6531 would take any; what it does not take is what stands in local parts
// only after a wrong encoding or a careless paste: controls and invisible
// characters, private and unassigned code points, spaces, brackets, quotation
// marks and symbols (RFC 8265 keeps the same out of user names).
func checkRune(raw string, i int) (int, error) {
	r, n := utf8.DecodeRuneInString(raw[i:])
	switch {
	case r == utf8.RuneError && n == 1:
		return n, &Problem{Code: NotUTF8, Offset: i}
	case unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.Pd, unicode.Pc, unicode.Po):
		return n, nil
	case r == zeroWidthNonJoiner || r == zeroWidthJoiner:
		if i > 0 && raw[i-1] >= utf8.RuneSelf {
			return n, nil // needed by Persian, Sinhala and others, between letters only
		}
		return n, &Problem{Code: ControlChar, Offset: i}
	case unicode.In(r, unicode.Z):
		return n, &Problem{Code: SpaceInside, Offset: i}
	case unicode.In(r, unicode.Cc, unicode.Cf):
		return n, &Problem{Code: ControlChar, Offset: i}
	}
	return n, &Problem{Code: LocalBadChar, Offset: i}
}

const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
)

// explainLocal names what stands at raw[i], where the local part cannot go on.
func explainLocal(raw string, i int) error {
	p := &Problem{Code: LocalBadChar, Offset: i}
	switch c := raw[i]; {
	case c < ' ' && c != '\t' || c == 0x7f:
		p.Code = ControlChar
	case !strings.Contains(raw, "@"):
		p.Code = NoAt
	case strings.ContainsAny(raw, "<>"):
		p.Code = NameForm
	case c == ' ' || c == '\t':
		p.Code = SpaceInside
	case c == '(':
		p.Code = CommentRefused
	case c == '"':
		p.Code = QuoteMisplaced
	}
	return p
}

// explainNoLocal tells "@host:user@domain" (RFC 5321 appendix C) from an
// address whose local part is missing.
func explainNoLocal(raw string) error {
	if colon := strings.IndexByte(raw, ':'); colon > 0 && strings.Contains(raw[colon:], "@") {
		return &Problem{Code: SourceRouteRefused}
	}
	return &Problem{Code: LocalEmpty}
}

// isAtext holds the ASCII characters of an atom: RFC 5322 §3.2.3.
var isAtext = func() (t [256]bool) {
	for c := '0'; c <= '9'; c++ {
		t[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = true, true
	}
	for _, c := range "!#$%&'*+-/=?^_`{|}~" {
		t[c] = true
	}
	return t
}()
