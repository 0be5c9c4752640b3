package message

import (
	"fmt"
	"strings"

	"golang.org/x/net/html"

	"github.com/headwaymail/headway/campaign/picture"
)

// Widths of the columns of text, in pixels. Outlook knows no max-width: it shows
// an image in its full size, and lets it push the column wide.
const (
	columnWidth     = 600
	newsletterWidth = 536 // of its sheet, without the margins
)

// placeImages gives images of our own (campaign/picture) their whole address
// and, where the editor has given none, the size at which they are shown.
func (k *compiler) placeImages(document string) string {
	if k.src.PublicURL == "" {
		return document
	}
	return rewriteTags(document, k.placeImage)
}

func (k *compiler) placeImage(z *html.Tokenizer, raw string) string {
	tag, more := z.TagName()
	if string(tag) != "img" {
		return raw
	}
	source, sized, styled := "", false, false
	for more {
		var key, value []byte
		key, value, more = z.TagAttr()
		switch string(key) {
		case "src":
			if source == "" {
				source = string(value)
			}
		case "width", "height":
			sized = true
		case "style":
			styled = true
		}
	}
	name, ours := k.ownImage(source)
	start, end, found := attributeValue(raw, "src")
	if !ours || !found {
		return raw
	}
	placed := `"` + k.src.PublicURL + picture.Path + name.String() + `"`
	if !sized {
		width, height := k.shownSize(name)
		placed += fmt.Sprintf(` width="%d" height="%d"`, width, height)
	}
	if !styled {
		placed += ` style="max-width:100%;height:auto"`
	}
	if rest := raw[end:]; !strings.HasPrefix(rest, ">") && !strings.HasPrefix(rest, " ") {
		placed += " "
	}
	return raw[:start] + placed + raw[end:]
}

// ownImage reads the source of an image: its name behind [picture.Path], with our
// host or without any.
func (k *compiler) ownImage(source string) (picture.Name, bool) {
	path := strings.TrimPrefix(strings.TrimSpace(source), k.src.PublicURL)
	name, ok := strings.CutPrefix(path, picture.Path)
	if !ok {
		return picture.Name{}, false
	}
	return picture.ParseName(name)
}

// shownSize is an image's size where it fits the column, or else as wide as that.
func (k *compiler) shownSize(name picture.Name) (width, height int) {
	column := columnWidth
	if k.wraps() && k.src.Frame == "" && k.src.Layout == LayoutNewsletter {
		column = newsletterWidth
	}
	if name.Width <= column {
		return name.Width, name.Height
	}
	return column, max((name.Height*column+name.Width/2)/name.Width, 1)
}
