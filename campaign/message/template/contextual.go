package template

import (
	"slices"
	"strings"
)

// escapeMarkup decides for each output how it must be escaped, following the
// markup through every branch. The error is of type [Errors].
func escapeMarkup(nodes []node) error {
	var m marker
	end := m.body(nodes, position{}, nil)
	if len(m.mistakes) > 0 {
		return m.mistakes
	}
	if end.place != inText && end.place != inOpen {
		return Errors{unfinished(end)}
	}
	return nil
}

// unfinished says what the text leaves open. All that is put behind it, such as
// an unsubscribe line, would be swallowed.
func unfinished(end position) *Error {
	switch end.place {
	case inComment, inBang:
		return &Error{Problem: "the HTML ends within a comment", Advice: "close it with -->"}
	case inSpecial, inRCData:
		return &Error{Problem: "the HTML ends within <" + end.element + ">", Advice: "close it with </" + end.element + ">"}
	}
	return &Error{Problem: "the HTML ends within the tag <" + end.element, Advice: "close it with >, and look for a quotation mark that is missing"}
}

// marker walks a tree and marks its outputs.
type marker struct{ mistakes Errors }

// body marks nodes that begin at p and returns where they end. Loop is where the
// enclosing loop begins, for those who break out of it.
func (m *marker) body(nodes []node, p position, loop *position) position {
	for _, n := range nodes {
		switch n := n.(type) {
		case *literal:
			p = p.after(n.text)
		case *output:
			p = m.output(n, p)
		case *counted:
			p = p.after("https://counted/")
		case *statement:
			if loop != nil && n.name != "assign" && p != *loop {
				m.fail(n.Token, "{% "+n.name+" %} leaves the loop in the middle of a tag or element", "move it to the beginning or end of the loop")
			}
		case *block:
			p = m.block(n, p, loop)
		}
	}
	return p
}

// block marks the branches of a block and returns where all of them end.
func (m *marker) block(b *block, p position, loop *position) position {
	switch b.name {
	case "capture": // rendered into a variable, and escaped where that is shown
		return p
	case "for":
		end := m.merge(b, p, m.body(b.branches[0].body, p, &p))
		if end != p { // the second round begins where the first ended
			m.body(b.branches[0].body, end, &end)
		}
		for _, other := range b.branches[1:] {
			end = m.merge(b, end, m.body(other.body, p, loop))
		}
		return end
	}
	end := p // no condition holds, nothing is shown
	branches := b.branches
	if b.name == "case" {
		branches = branches[1:]
	}
	if n := len(branches); n > 0 && branches[n-1].Name == "else" {
		end = m.body(branches[n-1].body, p, loop)
		branches = branches[:n-1]
	}
	for _, other := range branches {
		end = m.merge(b, end, m.body(other.body, p, loop))
	}
	return end
}

// merge returns one position for text that may follow either of two.
func (m *marker) merge(b *block, x, y position) position {
	if x == y {
		return x
	}
	if x.betweenAttributes() && y.betweenAttributes() {
		x.place, x.attr = inName, anyName
		y.place, y.attr = inName, anyName
	}
	same := x
	same.linkPart, same.recent = y.linkPart, y.recent
	if same != y {
		m.fail(b.Token, "the branches of {% "+b.name+" %} end in different places of the HTML", "open and close each tag and attribute within one branch")
		return x
	}
	if x.linkPart != y.linkPart {
		if x.linkPart == linkUnsafe || y.linkPart == linkUnsafe {
			x.linkPart = linkUnsafe
		} else {
			x.linkPart = linkAfterMark // the strictest of the others
		}
	}
	x.recent = ""
	return x
}

// output marks one output and returns the position behind it.
func (m *marker) output(o *output, p position) position {
	switch p.place {
	case inText:
		o.escape = markup
		if p.hidden {
			o.escape = conditional
		}
		p.recent = ""
	case inRCData:
		o.escape = markup
	case inDouble, inSingle:
		return m.attribute(o, p)
	case inSpecial:
		m.fail(o.Token, "a merge field cannot stand in <"+p.element+">", "move it into the text, or choose between fixed texts with {% if %}")
	case inComment, inBang:
		m.fail(o.Token, "a merge field cannot stand in a comment", "remove it; to leave out a stretch of text write {% comment %}")
	case inBare, afterEqual:
		m.fail(o.Token, "a merge field cannot stand in an attribute without quotes", `put the value in quotes, as in href="{{ view_url }}"`)
	default:
		m.fail(o.Token, "a merge field cannot be the name of a tag or attribute", "choose between fixed tags with {% if %}")
	}
	return p
}

// attribute marks an output in a quoted attribute.
func (m *marker) attribute(o *output, p position) position {
	attr := p.attrName()
	switch {
	case strings.HasPrefix(p.attr, anyName):
		m.fail(o.Token, "the name of this attribute depends on a condition", "write the whole attribute, name and value, in each branch")
	case linkAttributes[attr]:
		return m.link(o, p)
	case attr == "style":
		o.escape = style
	case attr == "srcset" || attr == "srcdoc" || attr == "ping" || strings.HasPrefix(attr, "on"):
		m.fail(o.Token, "a merge field cannot stand in the attribute "+attr, "use a fixed value, or choose between fixed values with {% if %}")
	default:
		o.escape = markup
	}
	return p
}

// link marks an output in a link.
func (m *marker) link(o *output, p position) position {
	expression, _ := words(o.Args)
	field, _, isField := direct(expression)
	switch {
	case p.linkPart == linkUnsafe:
		m.fail(o.Token, "a merge field cannot stand in a link of this kind", "begin the link with https:, http:, mailto: or tel:")
	case p.linkPart == linkStart && p.recent != "":
		o.escape = linkQuery // after the beginning of a relative link
	case p.linkPart == linkStart && isField && (field == UnsubscribeURL || field == ViewURL):
		o.escape = markup // our own links are right as they are
	case p.linkPart == linkStart:
		o.escape = link
	case p.linkPart == linkAfter:
		o.escape = linkPath
	case p.linkPart == linkMailbox:
		o.escape = linkAddress
	case encodesItself(o.Args):
		o.escape = linkEncoded
	default:
		o.escape = linkQuery
	}
	if p.linkPart == linkStart {
		p.linkPart, p.recent = linkAfterMark, ""
	}
	return p
}

func (m *marker) fail(t Token, problem, advice string) {
	if !slices.ContainsFunc(m.mistakes, func(e *Error) bool { return e.Line == t.Line && e.Column == t.Column }) {
		m.mistakes = append(m.mistakes, t.mistake(problem, advice))
	}
}
