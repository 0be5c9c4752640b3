package message

import (
	_ "embed"
	"regexp"
	"strings"

	"github.com/headwaymail/headway/campaign/message/template"
)

// Layout names what surrounds a body: a responsive document with colours for
// light and dark inboxes.
type Layout string

// The layouts. They surround Markdown, and HTML that is only a fragment; a whole
// HTML document and plain text stay as they were written.
const (
	LayoutPlain      Layout = "plain"      // like a mail that a person typed
	LayoutLetter     Layout = "letter"     // one calm column
	LayoutNewsletter Layout = "newsletter" // a sheet under the sender's name
)

// Layouts returns all layouts, the calmest first.
func Layouts() []Layout { return []Layout{LayoutPlain, LayoutLetter, LayoutNewsletter} }

var (
	//go:embed layouts/head.html
	layoutHead string // of all, up to where each begins its own styles
	//go:embed layouts/plain.html
	plainLayout string
	//go:embed layouts/letter.html
	letterLayout string
	//go:embed layouts/newsletter.html
	newsletterLayout string
)

// document returns the HTML of a layout, with @language@, @title@, @sender@ and
// @body@ to be filled in.
func (l Layout) document() (html string, known bool) {
	switch l {
	case LayoutPlain:
		html = plainLayout
	case LayoutLetter, "":
		html = letterLayout
	case LayoutNewsletter:
		html = newsletterLayout
	}
	return strings.Replace(html, "@head@\n", layoutHead, 1), html != ""
}

// wholeDocument finds what only a whole document has.
var wholeDocument = regexp.MustCompile(`(?i)<(?:!doctype|html|head|body)\b`)

// wraps reports whether the body is put into the layout.
func (k *compiler) wraps() bool {
	return k.src.Markdown != "" || (k.src.Layout != "" || k.src.Frame != "") && k.src.HTML != "" && !wholeDocument.MatchString(k.src.HTML)
}

// wrap puts a body into the layout.
func (k *compiler) wrap(s *shield, body string) string {
	if k.src.Frame != "" {
		return k.wrapInFrame(s, body)
	}
	language := k.src.Language
	if language == "" {
		language = "en"
	}
	sender := template.Clean(k.src.FromName)
	if sender == "" {
		sender = k.src.FromAddress
	}
	return strings.NewReplacer(
		"@language@", template.EscapeMarkup(language),
		"@title@", template.EscapeMarkup(s.hide(k.subject)),
		"@sender@", template.EscapeMarkup(sender),
		"@body@", body,
	).Replace(k.layout)
}
