package message

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"

	"github.com/headwaymail/headway/campaign/message/template"
)

// bodyStart finds where the text of a document begins, bodyEnd where it ends.
var (
	bodyStart = []*regexp.Regexp{
		regexp.MustCompile(`(?i)<body\b[^>]*>`),
		regexp.MustCompile(`(?i)</head\s*>`),
		regexp.MustCompile(`(?i)<html\b[^>]*>`),
		regexp.MustCompile(`(?i)^\s*<!doctype[^>]*>`),
	}
	bodyEnd = regexp.MustCompile(`(?i)</(?:body|html)\s*>`)
)

// compose makes the whole HTML document and the text part of what was written.
func (k *compiler) compose() {
	s := newShield(k.src.Subject, k.src.Preheader, k.src.HTML, k.src.Markdown, k.src.Text, k.src.PostalAddress, k.src.UnsubscribeText, k.src.FromName, k.layout, k.src.Frame)
	if k.src.HTML == "" && k.src.Markdown == "" {
		k.text = s.reveal(k.countInText(s, k.finishText(s, s.hide(k.text))))
		return
	}
	body := s.hide(k.body)
	if k.src.Markdown != "" {
		var err error
		if body, err = markdown(s.standApart(body)); err != nil {
			k.fail(PartMarkdown, err.Error(), "write it in a simpler way, or as HTML")
			return
		}
	}
	text := s.hide(k.text)
	if k.src.Text == "" {
		text = s.plainText(body)
	}
	if !k.src.OmitFooter && !showsUnsubscribe(k.body) && !(k.wraps() && showsUnsubscribe(k.frame)) {
		body = insertBefore(body, bodyEnd, k.footer(s))
	}
	if k.wraps() {
		body = k.wrap(s, body)
	}
	if len(k.preheader) > 0 {
		body = insertAfter(body, bodyStart, hidden(template.EscapeMarkup(s.hide(k.preheader))))
	}
	body = k.countOpens(s, k.countInHTML(s, k.placeImages(body)))
	k.html = s.reveal(strings.TrimRight(body, "\n") + "\n")
	k.text = s.reveal(k.countInText(s, k.finishText(s, text)))
}

// markdown converts a body. HTML in it stays: who may send a newsletter to a
// million people may also write its markup.
func markdown(body string) (string, error) {
	converter := goldmark.New(
		goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.Linkify),
		goldmark.WithRendererOptions(html.WithUnsafe()))
	var out bytes.Buffer
	err := converter.Convert([]byte(body), &out)
	return out.String(), err
}

// hidden returns markup that inboxes show behind the subject and messages do not
// show. The blanks behind it keep inboxes from going on with the body.
func hidden(preheader string) string {
	return "\n<div style=\"display:none;max-height:0;overflow:hidden;mso-hide:all\">" + preheader +
		strings.Repeat("&#847;&zwnj;&nbsp;", 40) + "</div>\n"
}

// footer returns the unsubscribe line and the postal address as HTML.
func (k *compiler) footer(s *shield) string {
	address := ""
	if k.src.PostalAddress != "" {
		address = strings.ReplaceAll(template.EscapeMarkup(strings.TrimSpace(k.src.PostalAddress)), "\n", "<br>\n") + "<br>\n"
	}
	return `<p class="footer" style="max-width:600px;margin:32px auto 0;font:13px/1.5 sans-serif;color:#6b7280">` + address +
		`<a href="` + s.hide(unsubscribeURL) + `" style="color:#6b7280">` + template.EscapeMarkup(k.unsubscribeText()) + "</a></p>\n"
}

// finishText ends a text with a line break, and with the unsubscribe line and the
// postal address where they are missing.
func (k *compiler) finishText(s *shield, text string) string {
	text = strings.TrimRight(text, "\n") + "\n"
	if k.src.OmitFooter || showsUnsubscribe(s.reveal(text)) {
		return text
	}
	text += "\n" + template.Clean(k.unsubscribeText()) + ": " + s.hide(unsubscribeURL) + "\n"
	if k.src.PostalAddress != "" {
		text += "\n" + template.Clean(strings.TrimSpace(k.src.PostalAddress)) + "\n"
	}
	return text
}

func (k *compiler) unsubscribeText() string {
	if k.src.UnsubscribeText == "" {
		return "Unsubscribe"
	}
	return k.src.UnsubscribeText
}

// unsubscribeURL is {{ unsubscribe_url }}.
var unsubscribeURL = []template.Token{{
	Kind: template.Output, Source: "{{ " + template.UnsubscribeURL + " }}", Args: template.UnsubscribeURL,
}}

// showsUnsubscribe reports whether a text that was found right shows the link.
func showsUnsubscribe(tokens []template.Token) bool {
	t, err := template.Parse(tokens, template.Text)
	return err == nil && t.Uses(template.UnsubscribeURL)
}

// insertAfter puts text behind the first match of the first pattern that matches,
// or else in front of everything.
func insertAfter(document string, patterns []*regexp.Regexp, text string) string {
	for _, p := range patterns {
		if at := p.FindStringIndex(document); at != nil {
			return document[:at[1]] + text + document[at[1]:]
		}
	}
	return text + document
}

// insertBefore puts text before the first match of a pattern, or else at the end.
func insertBefore(document string, pattern *regexp.Regexp, text string) string {
	if at := pattern.FindStringIndex(document); at != nil {
		return document[:at[0]] + text + document[at[0]:]
	}
	return strings.TrimRight(document, "\n") + "\n" + text
}
