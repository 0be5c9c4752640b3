package review

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"github.com/headwaymail/headway/campaign/message"
)

// anchor is a link or an image of a document.
type anchor struct {
	href   string
	alt    bool // an image has words
	spacer bool // an image of a pixel or two, that shows nothing
}

func anchors(document string) []anchor { return find(document, "a", "href") }

// find returns the elements of a kind in the order of the document.
func find(document, element, attribute string) []anchor {
	var found []anchor
	for z := html.NewTokenizer(strings.NewReader(document)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return found
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			if t.Data != element {
				continue
			}
			var a anchor
			for _, attr := range t.Attr {
				switch attr.Key {
				case attribute:
					a.href = strings.TrimSpace(attr.Val)
				case "alt":
					a.alt = strings.TrimSpace(attr.Val) != ""
				case "width", "height":
					a.spacer = a.spacer || attr.Val == "0" || attr.Val == "1" || attr.Val == "2"
				}
			}
			found = append(found, a)
		}
	}
}

// shorteners hide where a link leads, which filters hold against a message.
var shorteners = []string{"bit.ly", "tinyurl.com", "t.co", "goo.gl", "ow.ly", "is.gd", "buff.ly", "cutt.ly", "rb.gy", "t.ly"}

// links looks at where the links lead. None is followed.
func links(f Facts) Item {
	i := Item{Level: Fine, Part: PartContent, Field: message.PartHTML, Title: "Links"}
	n := 0
	for _, a := range anchors(f.Rendered.HTML) {
		if a.href == f.LeaveURL || a.href == f.ViewURL && a.href != "" {
			continue
		}
		n++
		u, err := url.Parse(a.href)
		switch {
		case a.href == "" || a.href == "#":
			i.Level, i.Words, i.Fix = Block, "A link leads nowhere.", "Give it an address, or take it out."
		case err != nil:
			i.Level, i.Words, i.Fix = Block, fmt.Sprintf("%.60q is no address.", a.href), "Write it like https://example.com/page."
		case strings.HasPrefix(a.href, "#"), u.Scheme == "mailto", u.Scheme == "tel":
		case u.Scheme == "":
			i.Level, i.Words, i.Fix = Block, fmt.Sprintf("%.60q works in no inbox: it has no host.", a.href), "Write the whole address, with https://."
		case u.Scheme != "https" && u.Scheme != "http":
			i.Level, i.Words, i.Fix = Block, fmt.Sprintf("%.60q is not a link to a page.", a.href), "Use https, mailto or tel."
		case i.Level != Fine:
		case slices.Contains(shorteners, strings.ToLower(u.Hostname())):
			i.Level, i.Words, i.Fix = Warn, "A link of "+u.Hostname()+" hides where it leads; filters hold that against a message.", "Link to the page itself."
		case u.Scheme == "http":
			i.Level, i.Words, i.Fix = Warn, fmt.Sprintf("%.60q is not encrypted.", a.href), "Use https where the page has it."
		}
		if i.Level == Block {
			return i
		}
	}
	if i.Level == Fine {
		i.Words = "None but the one to unsubscribe."
		if n > 0 {
			i.Words = plural(n, "1 link leads", "links lead") + " to whole addresses. None was followed."
		}
	}
	return i
}

// Images returns the addresses of all images of a document, in its order.
func Images(document string) []string {
	var all []string
	for _, i := range find(document, "img", "src") {
		all = append(all, i.href)
	}
	return all
}

func images(f Facts) Item {
	i := Item{Level: Fine, Part: PartContent, Field: message.PartHTML, Title: "Images", Words: "There are none."}
	all := find(f.Rendered.HTML, "img", "src")
	bare := 0
	for _, a := range all {
		if !a.alt && !a.spacer {
			bare++
		}
		if u, err := url.Parse(a.href); err != nil || u.Scheme != "https" && u.Scheme != "http" {
			i.Level, i.Words, i.Fix = Warn, fmt.Sprintf("%.40q is shown in few inboxes.", a.href), "Link to the picture with https."
		}
	}
	switch {
	case len(f.Lost) > 0:
		i.Level, i.Words = Block, fmt.Sprintf("%.60s is not there: it was deleted, or its name is wrong.", f.Lost[0])
		i.Fix = "Upload it again on the page Images, or take it out."
	case i.Level != Fine:
	case bare > 0:
		i.Level, i.Words, i.Fix = Warn, plural(bare, "1 has", "have")+" no alt text: who does not load images sees nothing.", "Describe each in a few words."
	case len(all) > 0:
		i.Words = plural(len(all), "1 image", "images") + ", described in words."
	}
	return i
}

// fields looks for merge fields that would stay empty.
func fields(f Facts) Item {
	i := Item{Level: Fine, Part: PartContent, Title: "Merge fields", Words: "There are none."}
	var names []string
	for _, use := range f.Fields {
		names = append(names, use.Name)
		if use.Without == 0 || !Unguarded(use.Name, f.Content.Subject, f.Content.Preheader, f.Content.Markdown, f.Content.HTML, f.Content.Text) {
			continue
		}
		i.Level = Warn
		i.Words = fmt.Sprintf("%s is empty for %d of %s that were looked at, and has no fallback.", use.Name, use.Without, plural(use.Looked, "1 reader", "readers"))
		i.Fix = fmt.Sprintf("Write {{ %s | default: \"friend\" }}.", use.Name)
	}
	if i.Level == Fine && len(names) > 0 {
		i.Words = strings.Join(names, ", ") + ": filled in, or with a fallback."
	}
	return i
}

var outputs = regexp.MustCompile(`\{\{-?\s*([A-Za-z_][\w.-]*)([^}]*)\}\}`)

// Unguarded reports whether a field is shown somewhere in the texts without a
// fallback.
func Unguarded(field string, texts ...string) bool {
	for _, text := range texts {
		for _, m := range outputs.FindAllStringSubmatch(text, -1) {
			if m[1] == field && !strings.Contains(m[2], "default") {
				return true
			}
		}
	}
	return false
}
