package message

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// maxAddress is the longest address that fits a path (RFC 5321 §4.5.3.1.3,
// without its angle brackets).
const maxAddress = 254

// NeedsSMTPUTF8 reports whether mail to an address can only go to servers that
// offer SMTPUTF8 (RFC 6531): its local part is not ASCII. A domain that is not
// is written in its ASCII form.
func NeedsSMTPUTF8(address string) bool {
	at := strings.LastIndexByte(address, '@')
	return at > 0 && !isASCII(address[:at])
}

// appendAddress appends an address as a header shows it (RFC 5322 §3.4.1,
// RFC 6532 §3.2), or returns false and dst as it was if it is none.
func appendAddress(dst []byte, address string) ([]byte, bool) {
	at := strings.LastIndexByte(address, '@')
	if at <= 0 || len(address) > maxAddress {
		return dst, false
	}
	local, domain := address[:at], address[at+1:]
	if !isASCII(domain) {
		ascii, err := idna.Lookup.ToASCII(domain)
		if err != nil {
			return dst, false
		}
		domain = ascii
	}
	if !isHostName(domain) {
		return dst, false
	}
	if unquoted, ok := unquote(local); ok {
		local = unquoted
	}
	start := len(dst)
	if isDotAtom(local) {
		dst = append(dst, local...)
	} else {
		var ok bool
		if dst, ok = appendQuotedString(dst, local); !ok {
			return dst[:start], false
		}
	}
	dst = append(dst, '@')
	return append(dst, domain...), true
}

// unquote returns what a quoted local part stands for.
func unquote(local string) (string, bool) {
	if len(local) < 2 || local[0] != '"' || local[len(local)-1] != '"' {
		return "", false
	}
	var b strings.Builder
	inner := local[1 : len(local)-1]
	for i := 0; i < len(inner); i++ {
		if inner[i] == '\\' && i+1 < len(inner) {
			i++
		}
		b.WriteByte(inner[i])
	}
	return b.String(), true
}

// appendQuotedString appends text as a quoted string (RFC 5322 §3.2.4), or
// returns false if it holds what no header may hold.
func appendQuotedString(dst []byte, text string) ([]byte, bool) {
	dst = append(dst, '"')
	for _, r := range text {
		if r == utf8.RuneError || r != ' ' && !unicode.IsPrint(r) {
			return dst, false
		}
		if r == '"' || r == '\\' {
			dst = append(dst, '\\')
		}
		dst = utf8.AppendRune(dst, r)
	}
	return append(dst, '"'), true
}

// isDotAtom reports whether a local part can stand without quotes.
func isDotAtom(s string) bool {
	if s == "" || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	for _, r := range s {
		if r == utf8.RuneError || r < utf8.RuneSelf && r != '.' && !isAtomByte(byte(r)) || r >= utf8.RuneSelf && !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// isAtomByte reports whether a byte is atext (RFC 5322 §3.2.3).
func isAtomByte(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// isHostName reports whether s is one or more labels of letters, digits, hyphens
// and underscores between dots, each of at most 63 (RFC 1035 §2.3.4).
func isHostName(s string) bool {
	label := 0
	for i := range len(s) {
		switch c := s[i]; {
		case (isAlphanumeric(c) || c == '-' || c == '_') && label < 63:
			label++
		case c == '.' && label > 0:
			label = 0
		default:
			return false
		}
	}
	return label > 0
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func isASCII[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
