package dsn

import (
	"io"
	"mime"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
)

// longestHeader bounds the fields of one header. Real ones have under 60; the
// rest of a longer one is not looked at.
const longestHeader = 200

// header is a list of fields in their order.
type header []field

// field is a field as it stands in the mail: most are never asked for, and those
// that are get unfolded then.
type field struct{ name, folded string }

// value returns what the field says, with its lines joined.
func (f field) value() string {
	if strings.IndexByte(f.folded, '\n') < 0 {
		return strings.TrimSpace(f.folded)
	}
	var b strings.Builder
	b.Grow(len(f.folded))
	line, rest := cutLine(f.folded)
	b.WriteString(strings.TrimSpace(line))
	for rest != "" {
		line, rest = cutLine(rest)
		b.WriteByte(' ')
		b.WriteString(strings.TrimSpace(line))
	}
	return b.String()
}

// cutHeader splits a header off the text, up to the first empty line or the first
// line that cannot be part of a header. A leading "From " line of a mailbox file
// is passed over.
func cutHeader(text string) (header, string) {
	var h header
	begin, kept := 0, false // of the newest field: where its value begins, and whether it has a place
	for at := 0; at < len(text); {
		end := len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			end = at + i
		}
		line, next := text[at:end], min(end+1, len(text))
		if line == "" {
			return h, text[next:]
		}
		switch {
		case line[0] == ' ' || line[0] == '\t':
			if kept {
				h[len(h)-1].folded = text[begin:end]
			}
		case len(h) == 0 && strings.HasPrefix(line, "From "):
		default:
			name, value, ok := strings.Cut(line, ":")
			for strings.HasSuffix(name, " ") || strings.HasSuffix(name, "\t") {
				name = name[:len(name)-1]
			}
			if !ok || !isFieldName(name) {
				return h, text[at:]
			}
			if kept = len(h) < longestHeader; kept {
				if h == nil {
					h = make(header, 0, fieldsIn(text[at:]))
				}
				begin = end - len(value)
				h = append(h, field{name, value})
			}
		}
		at = next
	}
	return h, ""
}

// usualHeader is how many fields most mails have at most.
const usualHeader = 24

// fieldsIn guesses from above how many fields a header has that text begins with.
func fieldsIn(text string) int {
	head, _, _ := strings.Cut(text, "\n\n")
	return min(strings.Count(head, "\n")+1, usualHeader)
}

// isFieldName reports whether s may name a header field (RFC 5322 §2.2).
func isFieldName(s string) bool {
	if s == "" || len(s) > 76 {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// get returns the value of the first field with this name, "" when there is none.
func (h header) get(name string) string {
	for _, f := range h {
		if len(f.name) == len(name) && strings.EqualFold(f.name, name) {
			return f.value()
		}
	}
	return ""
}

func (h header) has(name string) bool {
	for _, f := range h {
		if len(f.name) == len(name) && strings.EqualFold(f.name, name) {
			return true
		}
	}
	return false
}

// cutLine splits the first line off, without its newline.
func cutLine(text string) (line, rest string) {
	line, rest, _ = strings.Cut(text, "\n")
	return line, rest
}

var words = mime.WordDecoder{CharsetReader: func(charset string, input io.Reader) (io.Reader, error) {
	enc, err := htmlindex.Get(charset)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(input)
	if err != nil {
		return nil, err
	}
	text, err := enc.NewDecoder().String(string(raw))
	return strings.NewReader(text), err // which is copied without another buffer
}}

// decoded undoes RFC 2047. What cannot be decoded stays as it is.
func decoded(value string) string {
	if !strings.Contains(value, "=?") {
		return value
	}
	if text, err := words.DecodeHeader(value); err == nil {
		return text
	}
	return value
}

// addressIn returns the first mail address of a field, lower case, "" when there
// is none.
func addressIn(value string) string {
	if i := strings.LastIndexByte(value, '<'); i >= 0 {
		if a, _ := nextAddress(value[i+1:]); a != "" {
			return strings.ToLower(a)
		}
	}
	a, _ := nextAddress(value)
	return strings.ToLower(a)
}

// nextAddress returns the first mail address in s and where it ends.
func nextAddress(s string) (address string, end int) {
	for at := 0; ; {
		i := strings.IndexByte(s[at:], '@')
		if i < 0 {
			return "", 0
		}
		at += i
		start, stop := at, at+1
		for start > 0 && isLocal(s[start-1]) {
			start--
		}
		start = at - len(afterWords(s[start:at]))
		for stop < len(s) && isDomain(s[stop]) {
			stop++
		}
		stop = at + 1 + len(beforeWords(s[at+1:stop]))
		for stop > at+1 && (s[stop-1] == '.' || s[stop-1] == '-') {
			stop--
		}
		if at > start && stop-at > 3 && at-start <= 128 && strings.IndexByte(s[at:stop], '.') > 1 {
			return strings.TrimLeft(s[start:stop], "'."), stop
		}
		at = max(stop, at+1)
		if at >= len(s) {
			return "", 0
		}
	}
}

// afterWords returns the end of a text that may be a local part: what follows
// punctuation that is not ASCII, and what follows words of a script that puts no
// space between them and an address.
func afterWords(s string) string {
	from, unspaced := 0, false
	for i, r := range s {
		switch {
		case isWide(r):
			from = i + utf8.RuneLen(r)
		case unspaced && r < utf8.RuneSelf && isDomain(byte(r)):
			from = i
		}
		unspaced = isUnspaced(r)
	}
	return s[from:]
}

// beforeWords returns the beginning of a text that may be a domain.
func beforeWords(s string) string {
	alphanumeric := false
	for i, r := range s {
		if isWide(r) || alphanumeric && isUnspaced(r) {
			return s[:i]
		}
		alphanumeric = r < utf8.RuneSelf && r != '.' && r != '-'
	}
	return s
}

// isWide reports whether a rune is a quotation mark or punctuation of East Asia.
func isWide(r rune) bool {
	switch r {
	case utf8.RuneError:
		return false
	case '“', '”', '«', '»', '„', '‘', '’':
		return true
	}
	return 0x3001 <= r && r <= 0x3020 || 0xff01 <= r && r <= 0xff0f || 0xff1a <= r && r <= 0xff20 || 0xff5b <= r && r <= 0xff65
}

func isUnspaced(r rune) bool {
	return r >= 0x2e80 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
}

func isLocal(c byte) bool {
	return isDomain(c) || strings.IndexByte("!#$%&'*+/=?^_`{|}~", c) >= 0
}

func isDomain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '-' || c >= 0x80
}
