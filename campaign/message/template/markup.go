package template

import "strings"

// place is where in HTML a byte stands.
type place uint8

const (
	inText     place = iota // between tags
	inSpecial               // in <style>, <script> and others whose text is no markup
	inRCData                // in <title> and <textarea>, whose text has entities but no tags
	inComment               // <!-- … -->
	inBang                  // <!DOCTYPE …>, <![endif]-->, <?xml …>
	inOpen                  // right after <
	inTagName               // <na
	inTag                   // between attributes
	inName                  // attribute na
	afterName               // attribute name and space
	afterEqual              // attribute =
	inDouble                // attribute "va
	inSingle                // attribute 'va
	inBare                  // attribute=va
)

// linkPart is where in a link a byte stands.
type linkPart uint8

const (
	linkStart     linkPart = iota // in or before the scheme
	linkAfter                     // after it, or in a link without one
	linkMailbox                   // after mailto: or tel:
	linkAfterMark                 // after ? or #, or after a slot
	linkUnsafe                    // after javascript: and the like
)

// position is all that must be known about what stands before a byte of HTML.
// Two branches that end in the same position can be followed by the same text.
type position struct {
	place    place
	hidden   bool     // within <!--[if mso]> … <![endif]-->
	element  string   // the tag being read, or the element around special text
	closing  bool     // that tag is an end tag
	attr     string   // the attribute being read
	linkPart linkPart // in the value of a link
	recent   string   // the last bytes, where an end is looked for; the scheme of a link
}

// The longest pieces of text that recent must hold: "</plaintext", and the
// condition of <!--[if …]>.
const (
	recentEnd  = 12
	recentHead = 80
)

// noComment stands for the element once it is clear that <!… is not <!--.
const noComment = "!"

// anyName begins the attribute whose name depends on a condition.
const anyName = "?"

// specialText are the elements whose text is no markup.
var specialText = map[string]place{
	"style": inSpecial, "script": inSpecial, "xmp": inSpecial, "iframe": inSpecial,
	"noembed": inSpecial, "noframes": inSpecial, "plaintext": inSpecial,
	"title": inRCData, "textarea": inRCData,
}

// linkAttributes are the attributes that hold one link.
var linkAttributes = map[string]bool{
	"href": true, "src": true, "action": true, "formaction": true,
	"background": true, "cite": true, "poster": true, "data": true, "longdesc": true,
}

// after returns the position behind text that begins here.
func (p position) after(text string) position {
	for i := range len(text) {
		p = p.step(text[i])
	}
	return p
}

// step returns the position behind one byte. It follows the tokenizer of HTML
// (WHATWG HTML §13.2.5) as far as positions are concerned.
func (p position) step(c byte) position {
	switch p.place {
	case inText:
		return p.stepText(c)
	case inSpecial, inRCData:
		return p.stepSpecial(c)
	case inComment:
		return p.stepComment(c)
	case inBang:
		return p.stepBang(c)
	case inOpen, inTagName:
		return p.stepTagName(c)
	case inTag, inName, afterName, afterEqual:
		return p.stepTag(c)
	default:
		return p.stepValue(c)
	}
}

func (p position) stepText(c byte) position {
	if c == '<' {
		return position{place: inOpen, hidden: p.hidden}
	}
	return p.watchHidden(c)
}

// watchHidden notices the --> that ends a conditional comment.
func (p position) watchHidden(c byte) position {
	if p.hidden {
		p.recent = last(p.recent+string(rune(c)), 3)
		if p.recent == "-->" {
			p.hidden, p.recent = false, ""
		}
	}
	return p
}

func (p position) stepSpecial(c byte) position {
	if isSpace(c) || c == '>' || c == '/' {
		if strings.HasSuffix(p.recent, "</"+p.element) {
			return position{place: inTag, hidden: p.hidden, element: p.element, closing: true}.stepTag(c)
		}
	}
	p.recent = last(p.recent+lower(c), recentEnd)
	return p
}

func (p position) stepComment(c byte) position {
	p.recent += lower(c)
	switch {
	case strings.HasSuffix(p.recent, "-->"), p.recent == ">", p.recent == "->":
		return position{}
	case !p.hidden && strings.HasPrefix(p.recent, "[if") && strings.HasSuffix(p.recent, "]>"):
		return position{hidden: true}
	case len(p.recent) > recentHead || p.hidden || !strings.HasPrefix("[if", first(p.recent, 3)):
		p.recent = "x" + last(p.recent, 2) // no condition any more
	}
	return p
}

func (p position) stepBang(c byte) position {
	p.recent = last(p.recent+lower(c), 3)
	switch {
	case p.recent == "--" && p.element == "":
		return position{place: inComment, hidden: p.hidden}
	case c == '>':
		return position{hidden: p.hidden && p.recent != "-->"}
	case len(p.recent) >= 2:
		p.element = noComment
	}
	return p
}

func (p position) stepTagName(c byte) position {
	letter := isAlphanumeric(c) && (c < '0' || c > '9')
	switch {
	case p.place == inTagName && isSpace(c), p.place == inTagName && c == '/':
		p.place = inTag
	case p.place == inTagName && c == '>':
		return p.endOfTag()
	case p.place == inTagName:
		p.element = first(p.element+lower(c), recentEnd)
	case letter:
		p.place, p.element = inTagName, lower(c)
	case c == '/' && !p.closing:
		p.closing = true
	case p.closing && c == '>':
		return position{hidden: p.hidden}
	case c == '!' && !p.closing:
		return position{place: inBang, hidden: p.hidden}
	case c == '?' || p.closing:
		return position{place: inBang, hidden: p.hidden, element: noComment}
	default: // a lone <
		return position{hidden: p.hidden}.stepText(c)
	}
	return p
}

func (p position) stepTag(c byte) position {
	switch {
	case c == '>' && p.place != afterEqual:
		return p.endOfTag()
	case c == '=' && (p.place == inName || p.place == afterName):
		p.place = afterEqual
	case isSpace(c):
		if p.place == inName {
			p.place = afterName
		}
	case p.place == afterEqual:
		return p.stepEqual(c)
	case c == '/':
		p.place, p.attr = inTag, ""
	case p.place == inName:
		p.attr = first(p.attr+lower(c), 2*recentEnd)
	default:
		p.place, p.attr = inName, lower(c)
	}
	return p
}

func (p position) stepEqual(c byte) position {
	switch c {
	case '"':
		p.place = inDouble
	case '\'':
		p.place = inSingle
	case '>':
		return p.endOfTag()
	default:
		p.place = inBare
	}
	return p
}

func (p position) stepValue(c byte) position {
	switch {
	case p.place == inDouble && c == '"', p.place == inSingle && c == '\'', p.place == inBare && isSpace(c):
		p.place, p.attr, p.linkPart, p.recent = inTag, "", linkStart, ""
		return p
	case p.place == inBare && c == '>':
		return p.endOfTag()
	case !linkAttributes[p.attrName()]:
		return p
	}
	switch p.linkPart {
	case linkStart:
		p = p.stepScheme(c)
	case linkAfter, linkMailbox:
		if c == '?' || c == '#' {
			p.linkPart = linkAfterMark
		}
	}
	return p
}

// stepScheme reads the scheme of a link.
func (p position) stepScheme(c byte) position {
	switch {
	case isSpace(c) && p.recent == "":
		return p
	case c == ':' && (p.recent == "mailto" || p.recent == "tel"):
		p.linkPart = linkMailbox
	case c == ':' && (isSafeScheme(p.recent) || p.recent == "cid"):
		p.linkPart = linkAfter
	case c == ':':
		p.linkPart = linkUnsafe
	case c == '?' || c == '#':
		p.linkPart = linkAfterMark
	case c == '/':
		p.linkPart = linkAfter
	default:
		p.recent = first(p.recent+lower(c), recentEnd)
		return p
	}
	p.recent = ""
	return p
}

// endOfTag returns the position behind the > of a tag.
func (p position) endOfTag() position {
	if special, ok := specialText[p.element]; ok && !p.closing {
		return position{place: special, hidden: p.hidden, element: p.element}
	}
	return position{hidden: p.hidden}
}

// betweenAttributes reports whether a new attribute could begin here.
func (p position) betweenAttributes() bool {
	return p.place == inTagName || p.place == inTag || p.place == inName || p.place == afterName
}

// attrName returns the attribute being read without its namespace.
func (p position) attrName() string { return p.attr[strings.LastIndexByte(p.attr, ':')+1:] }

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r' }

func lower(c byte) string { return strings.ToLower(string([]byte{c})) }

func first(s string, n int) string { return s[:min(n, len(s))] }

func last(s string, n int) string { return s[max(0, len(s)-n):] }
