package message

import (
	"strings"

	"golang.org/x/net/html"
)

// rewriteTags lets edit change each tag of a document that begins an element.
// Everything else stays as it was written, byte by byte; the comments in which
// Outlook finds its buttons are looked into.
func rewriteTags(document string, edit func(z *html.Tokenizer, raw string) string) string {
	var out strings.Builder
	read := 0
	for z := html.NewTokenizer(strings.NewReader(document)); ; {
		kind := z.Next()
		raw := string(z.Raw())
		read += len(raw)
		switch kind {
		case html.ErrorToken: // the end; what is not closed stands in raw
			out.WriteString(raw)
			out.WriteString(document[min(read, len(document)):])
			return out.String()
		case html.StartTagToken, html.SelfClosingTagToken:
			raw = edit(z, raw)
		case html.CommentToken:
			if inner, ok := strings.CutPrefix(raw, "<!--[if"); ok {
				raw = "<!--[if" + rewriteTags(inner, edit)
			}
		}
		out.WriteString(raw)
	}
}

// attributeValue returns where the value of the first attribute of a name stands
// in a tag, with its quotation marks; nowhere when that one has none (WHATWG HTML §13.2.5.32 and following).
func attributeValue(tag, name string) (start, end int, found bool) {
	const blanks = " \t\n\f\r"
	skip := func(at int, those string) int {
		for at < len(tag) && strings.IndexByte(those, tag[at]) >= 0 {
			at++
		}
		return at
	}
	until := func(at int, those string) int {
		if i := strings.IndexAny(tag[at:], those); i >= 0 {
			return at + i
		}
		return len(tag)
	}
	for at := until(0, blanks+"/"); at < len(tag) && tag[at] != '>'; {
		at = skip(at, blanks+"/")
		begin := at
		at = until(min(at+1, len(tag)), blanks+"/>=") // an = may begin a name
		this := tag[begin:at]
		value := skip(at, blanks)
		if value >= len(tag) || tag[value] != '=' { // no value
			if strings.EqualFold(this, name) {
				return 0, 0, false
			}
			continue
		}
		start = skip(value+1, blanks)
		switch {
		case start < len(tag) && (tag[start] == '"' || tag[start] == '\''):
			end = min(until(start+1, tag[start:start+1])+1, len(tag))
		default:
			end = until(start, blanks+">")
		}
		if strings.EqualFold(this, name) {
			return start, end, true
		}
		at = end
	}
	return 0, 0, false
}
