package message

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/idna"

	"github.com/headwaymail/headway/campaign/message/template"
)

// maxTarget is the longest link that is counted: browsers and servers agree on
// about 2,000 characters. A longer one stays as it is.
const maxTarget = 2000

// countInHTML puts a counted address in the place of each web link of a document
// in which Liquid is hidden.
func (k *compiler) countInHTML(s *shield, document string) string {
	if !k.src.CountClicks {
		return document
	}
	return rewriteTags(document, func(z *html.Tokenizer, raw string) string { return k.countInTag(s, z, raw) })
}

// countInTag does so for one tag, at which the tokenizer stands.
func (k *compiler) countInTag(s *shield, z *html.Tokenizer, raw string) string {
	name, more := z.TagName()
	if tag := string(name); tag != "a" && tag != "area" && !strings.HasPrefix(tag, "v:") {
		return raw
	}
	for more {
		var key, value []byte
		key, value, more = z.TagAttr()
		if string(key) != "href" {
			continue
		}
		start, end, found := attributeValue(raw, "href")
		mark, counted := k.counted(s, string(value))
		if !found || !counted {
			return raw
		}
		return raw[:start] + `"` + mark + `"` + raw[end:]
	}
	return raw
}

// webLink finds what reads as a link in a text.
var webLink = regexp.MustCompile(`(?i)\bhttps?://[^\s<>"]+`)

// countInText puts a counted address in the place of each web link of a text in
// which Liquid is hidden.
func (k *compiler) countInText(s *shield, text string) string {
	if !k.src.CountClicks {
		return text
	}
	return webLink.ReplaceAllStringFunc(text, func(found string) string {
		link := strings.TrimRight(found, ".,;:!?'*_")
		for strings.HasSuffix(link, ")") && strings.Count(link, ")") > strings.Count(link, "(") {
			link = strings.TrimRight(link[:len(link)-1], ".,;:!?'*_")
		}
		if mark, ok := k.counted(s, link); ok {
			return mark + found[len(link):]
		}
		return found
	})
}

// countOpens puts the image that counts opens at the end of a document.
func (k *compiler) countOpens(s *shield, document string) string {
	if !k.src.CountOpens {
		return document
	}
	k.opens = true
	image := `<img src="` + s.hide([]template.Token{{Kind: template.Counted}}) + `" width="1" height="1" alt="" style="border:0">` + "\n"
	return insertBefore(document, bodyEnd, image)
}

// counted returns the mark of the counted address for a link, or false for one
// that stays as it is.
func (k *compiler) counted(s *shield, link string) (mark string, ok bool) {
	target, ok := k.target(s, link)
	if !ok {
		return "", false
	}
	number := slices.Index(k.links, target) + 1
	if number == 0 {
		k.links = append(k.links, target)
		number = len(k.links)
	}
	return s.hide([]template.Token{{Kind: template.Counted, Link: number}}), true
}

// target returns what is kept of a link that is counted.
func (k *compiler) target(s *shield, link string) (string, bool) {
	source := strings.TrimSpace(link)
	if s.marks.MatchString(link) {
		if source = k.personal(s, source); source == "" {
			return "", false
		}
	} else if kept, ok := target(link); ok {
		source = kept
	}
	parsed, err := ParseLink(source)
	if err != nil || slices.Contains(k.src.OwnHosts, parsed.Host()) {
		return "", false
	}
	return source, true
}

// personal returns the Liquid of a link with fields in it; nothing for one whose
// fields may be variables of the text, which are forgotten when it is followed.
func (k *compiler) personal(s *shield, link string) string {
	source := ""
	for _, t := range s.reveal(link) {
		if t.Kind == template.Literal && (strings.Contains(t.Source, "{{") || strings.Contains(t.Source, "{%")) {
			return "" // shown as it is, by raw
		}
		source += t.Source
	}
	for _, t := range s.tokens {
		if t.Kind == template.Tag && slices.Contains(variables, t.Name) {
			return ""
		}
	}
	if len(source) > maxTarget {
		return ""
	}
	return source
}

// variables are the tags that give a text variables of its own.
var variables = []string{"assign", "capture", "for", "tablerow", "increment", "decrement", "cycle"}

// target returns a link in the form in which a redirection can name it (RFC 9110
// §10.2.2): the whole address of a web page, in printable ASCII.
func target(link string) (string, bool) {
	link = strings.TrimSpace(link)
	u, err := url.Parse(link)
	if err != nil || u.Host == "" || u.Opaque != "" || !strings.EqualFold(u.Scheme, "https") && !strings.EqualFold(u.Scheme, "http") {
		return "", false
	}
	if !isPlainLink(link) {
		if !isASCII(u.Host) {
			name, err := idna.Lookup.ToASCII(u.Hostname())
			if err != nil {
				return "", false
			}
			if u.Host = name; u.Port() != "" {
				u.Host += ":" + u.Port()
			}
		}
		link = escapeRest(u.String())
	}
	return link, len(link) <= maxTarget
}

// unsafeInLinks are the printable characters that no link has as they are
// (RFC 3986 §2).
const unsafeInLinks = "\"<>\\^`{|}"

// isPlainLink reports whether a link has only characters that links may have.
func isPlainLink(link string) bool {
	for i := range len(link) {
		if c := link[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(unsafeInLinks, c) >= 0 {
			return false
		}
	}
	return true
}

// escapeRest percent-encodes what no link may have as it is. Package url leaves
// the query alone.
func escapeRest(link string) string {
	var b strings.Builder
	for i := range len(link) {
		if isPlainLink(link[i : i+1]) {
			b.WriteByte(link[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", link[i])
		}
	}
	return b.String()
}

func hostOf(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}
