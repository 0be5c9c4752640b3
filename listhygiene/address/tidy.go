package address

import (
	"net/url"
	"strings"
	"unicode"
)

// Change names one thing that [Tidy] removed.
type Change string

// The changes that leave no doubt about the address that was meant.
const (
	ChangeSpaces   Change = "spaces"   // spaces or invisible characters around it
	ChangeMailto   Change = "mailto"   // "mailto:" and what follows a "?"
	ChangeName     Change = "name"     // "Anna <…>": only the address kept
	ChangeQuotes   Change = "quotes"   // quotation marks around the whole
	ChangeTrailing Change = "trailing" // a final dot, comma, colon or semicolon
	ChangeAtSign   Change = "at_sign"  // a full-width @ from an East Asian keyboard
)

// Words says what was changed, for the import report.
func (c Change) Words() string {
	switch c {
	case ChangeSpaces:
		return "spaces around the address removed"
	case ChangeMailto:
		return `"mailto:" removed`
	case ChangeName:
		return "only the address between < and > kept"
	case ChangeQuotes:
		return "quotation marks around the address removed"
	case ChangeTrailing:
		return "a punctuation mark after the address removed"
	case ChangeAtSign:
		return "a full-width @ replaced"
	}
	return string(c)
}

// Tidied is the outcome of [Tidy].
type Tidied struct {
	Text    string   // what is left to parse
	Name    string   // the name of "Name <address>"; empty without one
	Changes []Change // what was removed, in order; nil when nothing was
}

// tidyRounds bounds the wrappings that are taken off: quotes around a name form
// around "mailto:" with spaces is as deep as real files go.
const tidyRounds = 6

// Tidy removes what surrounds an address in spreadsheets and mail programs and
// is never part of it. What is inside the address stays: whether it is well
// formed is for [Policy.Parse]. Text that needs no tidying is returned as it is,
// without allocation, and so is text that is too long for any address.
func Tidy(raw string) Tidied {
	t := Tidied{Text: raw}
	if len(raw) > maxRaw || isTidy(raw) {
		return t
	}
	for range tidyRounds {
		before := t.Text
		t.apply(ChangeSpaces, strings.TrimFunc(t.Text, isInvisible))
		t.apply(ChangeTrailing, strings.TrimRight(t.Text, ".,;:"))
		t.apply(ChangeQuotes, withoutQuotes(t.Text))
		t.apply(ChangeMailto, withoutMailto(t.Text))
		t.apply(ChangeName, t.withoutName())
		t.apply(ChangeAtSign, withPlainAt(t.Text))
		if t.Text == before {
			break
		}
	}
	return t
}

func (t *Tidied) apply(c Change, text string) {
	if text == t.Text {
		return
	}
	t.Text = text
	for _, done := range t.Changes {
		if done == c {
			return
		}
	}
	t.Changes = append(t.Changes, c)
}

// isTidy reports that raw is plain ASCII with nothing around it.
func isTidy(raw string) bool {
	if raw == "" {
		return true
	}
	for i := 0; i < len(raw); i++ {
		if !isAtext[raw[i]] && raw[i] != '.' && raw[i] != '@' {
			return false
		}
	}
	switch raw[len(raw)-1] {
	case '.', '\'', '`':
		return false
	}
	return len(raw) < len("mailto") || !strings.EqualFold(raw[:len("mailto")], "mailto")
}

// isInvisible reports spaces of any script, controls and format characters such
// as the byte order mark, zero-width spaces and direction marks.
func isInvisible(r rune) bool {
	return unicode.IsSpace(r) || unicode.In(r, unicode.Z, unicode.Cc, unicode.Cf)
}

// quotePairs are the marks that stand around a whole address, opening to closing.
var quotePairs = map[rune]rune{
	'"': '"', '\'': '\'', '`': '`', '“': '”', '„': '“', '‘': '’', '«': '»', '»': '«',
}

func withoutQuotes(s string) string {
	runes := []rune(s)
	if len(runes) < 2 {
		return s
	}
	first, last := runes[0], runes[len(runes)-1]
	if closing, ok := quotePairs[first]; !ok || closing != last {
		return s
	}
	return string(runes[1 : len(runes)-1])
}

// withoutMailto takes the address out of a mailto URI (RFC 6068), where
// characters are percent-encoded and header fields follow a "?".
func withoutMailto(s string) string {
	const scheme = "mailto:"
	if len(s) < len(scheme) || !strings.EqualFold(s[:len(scheme)], scheme) {
		return s
	}
	to, _, _ := strings.Cut(s[len(scheme):], "?")
	if decoded, err := url.PathUnescape(to); err == nil {
		return decoded
	}
	return to
}

// withoutName returns the address of "Name <address>" and keeps the name.
func (t *Tidied) withoutName() string {
	open := strings.LastIndexByte(t.Text, '<')
	if open < 0 || t.Text[len(t.Text)-1] != '>' {
		return t.Text
	}
	name := strings.TrimSpace(t.Text[:open])
	if plain := withoutQuotes(name); plain != name {
		name = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(plain)
	} else if strings.ContainsAny(name, "<>") {
		return t.Text // more than one address: not ours to choose
	}
	t.Name = name
	return t.Text[open+1 : len(t.Text)-1]
}

// withPlainAt replaces the look-alikes of @ that East Asian keyboards type
// (U+FF20, U+FE6B) where there is no real one.
func withPlainAt(s string) string {
	if strings.Contains(s, "@") {
		return s
	}
	return strings.NewReplacer("＠", "@", "﹫", "@").Replace(s)
}
