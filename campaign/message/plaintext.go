package message

import (
	"regexp"
	"strings"

	"github.com/k3a/html2text"
)

var (
	htmlComment = regexp.MustCompile(`(?s)<!--.*?-->`)
	lineBreak   = regexp.MustCompile(`(?i)<(?:br|hr)\b[^>]*>|</(?:address|article|blockquote|caption|center|dd|div|dl|dt|figure|footer|header|pre|section|table|tr)\s*>`)
	cellEnd     = regexp.MustCompile(`(?i)</t[dh]\s*>`)
	plainTag    = regexp.MustCompile(`(?i)<(/?)(p|li|ul|ol|h[1-6])\b[^>]*>`)
	blankLines  = regexp.MustCompile(`\n{3,}`)
	namedLink   = regexp.MustCompile(`(\S+) <([^<>\s]+)>`)
)

// plainText returns the text part for an HTML body in which Liquid is hidden.
func (s *shield) plainText(markup string) string {
	markup = s.outOfComments(s.standApart(markup))
	markup = htmlComment.ReplaceAllString(markup, "")
	markup = lineBreak.ReplaceAllString(markup, "<br>")
	markup = cellEnd.ReplaceAllString(markup, " ")
	markup = plainTag.ReplaceAllStringFunc(markup, func(tag string) string {
		m := plainTag.FindStringSubmatch(tag)
		return "<" + m[1] + strings.ToLower(m[2]) + ">"
	})
	text := html2text.HTML2TextWithOptions(markup,
		html2text.WithUnixLineBreaks(), html2text.WithLinksInnerText(), html2text.WithListSupportPrefix("- "))
	return s.closeUp(tidy(text))
}

// tidy trims lines, leaves one empty line where there are several, and shows a
// link whose text is its address once.
func tidy(text string) string {
	text = strings.ReplaceAll(text, "\u00a0", " ")
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	text = blankLines.ReplaceAllString(strings.Join(lines, "\n"), "\n\n")
	text = namedLink.ReplaceAllStringFunc(text, func(link string) string {
		m := namedLink.FindStringSubmatch(link)
		if m[1] == m[2] || "mailto:"+m[1] == m[2] {
			return m[1]
		}
		return link
	})
	return strings.TrimSpace(text)
}
