package dsn

import (
	"html"
	"strings"
)

// inline are elements that do not end a line.
var inline = map[string]bool{"a": true, "b": true, "i": true, "u": true, "em": true, "strong": true,
	"span": true, "font": true, "code": true, "tt": true, "small": true}

// silent are elements whose content nobody sees.
var silent = map[string]bool{"style": true, "script": true, "head": true}

// withoutMarkup returns the text of HTML, one line for each block.
func withoutMarkup(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	hidden := "" // the silent element that we are in
	for {
		text, rest, ok := strings.Cut(s, "<")
		if hidden == "" {
			b.WriteString(text)
		}
		if !ok {
			break
		}
		tag, after, ok := strings.Cut(rest, ">")
		if !ok {
			break
		}
		s = after
		name, closing := elementName(tag)
		switch {
		case hidden != "":
			if closing && name == hidden {
				hidden = ""
			}
		case silent[name] && !closing:
			hidden = name
		case strings.IndexByte(tag, '@') > 0 && !strings.ContainsAny(tag, " ="):
			b.WriteString(tag) // <a@b> that was not escaped
		case !inline[name]:
			b.WriteByte('\n')
		}
	}
	return html.UnescapeString(b.String())
}

func elementName(tag string) (name string, closing bool) {
	tag, closing = strings.CutPrefix(tag, "/")
	if end := strings.IndexAny(tag, " \t\n/"); end >= 0 {
		tag = tag[:end]
	}
	return strings.ToLower(tag), closing
}
