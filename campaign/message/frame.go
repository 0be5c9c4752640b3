package message

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/headwaymail/headway/campaign/message/template"
)

// Slot is where the newsletter goes in a layout of somebody's own.
const Slot = "content"

// frameLimit bounds a layout of somebody's own, in bytes: Gmail cuts messages at
// 102 KB, and the newsletter must fit in as well.
const frameLimit = 64 << 10

// script finds what no mail program runs, and many spam filters refuse.
var script = regexp.MustCompile(`(?i)<script\b`)

// CheckFrame checks a layout of somebody's own: a whole HTML document with
// {{ content }} once in its body. It may hold merge fields, and a link with
// {{ unsubscribe_url }}; without one, a line to unsubscribe is added to the
// newsletter. The error is of [Errors].
func CheckFrame(html string) error {
	k := &compiler{src: Source{Frame: html}}
	k.scanFrame()
	if len(k.errs) == 0 {
		return nil
	}
	return k.errs
}

// scanFrame reads the layout of somebody's own, if there is one.
func (k *compiler) scanFrame() {
	html := k.src.Frame
	k.frame = k.scanPart(PartLayout, html, template.HTML)
	if len(k.errs) > 0 {
		return
	}
	before, slots := "", 0
	for _, t := range k.frame {
		if isSlot(t) {
			slots++
		} else if slots == 0 {
			before += t.Source
		}
	}
	lower := strings.ToLower(before)
	switch {
	case len(html) > frameLimit:
		k.fail(PartLayout, fmt.Sprintf("the layout has %d KB", len(html)>>10), fmt.Sprintf("keep it below %d KB; put pictures on a server", frameLimit>>10))
	case !wholeDocument.MatchString(html) || !strings.Contains(strings.ToLower(html), "<body"):
		k.fail(PartLayout, "the layout is no whole HTML document", "begin it with <!doctype html>, and give it a head and a body")
	case slots == 0:
		k.fail(PartLayout, "there is no place for the newsletter", "write {{ content }} where it goes")
	case slots > 1:
		k.fail(PartLayout, fmt.Sprintf("{{ content }} stands in the layout %d times", slots), "keep one")
	case !strings.Contains(lower, "<body"):
		k.fail(PartLayout, "{{ content }} stands before the body", "write it between <body> and </body>")
	case strings.LastIndexByte(before, '<') > strings.LastIndexByte(before, '>') || strings.LastIndex(lower, "<style") > strings.LastIndex(lower, "</style"):
		k.fail(PartLayout, "{{ content }} stands inside a tag, a comment or a style", "write it between two tags, as in <td>{{ content }}</td>")
	case script.MatchString(html):
		k.fail(PartLayout, "the layout has a script", "take it out: mail programs run none, and spam filters refuse it")
	}
}

func isSlot(t template.Token) bool {
	return t.Kind == template.Output && strings.TrimSpace(t.Args) == Slot
}

// wrapInFrame puts a body into the layout of somebody's own.
func (k *compiler) wrapInFrame(s *shield, body string) string {
	var b strings.Builder
	for _, t := range k.frame {
		if isSlot(t) {
			b.WriteString(body)
		} else {
			b.WriteString(s.hide([]template.Token{t}))
		}
	}
	return b.String()
}
