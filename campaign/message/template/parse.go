package template

import "strings"

// node is a *literal, *output, *counted, *statement or *block.
type node interface{}

// literal is text that stands as written.
type literal struct{ text string }

// output is {{ expression }}.
type output struct {
	Token
	escape escaper
}

// counted is where the address of a counted link goes.
type counted struct{ link int }

// statement is a tag that stands alone: assign, break, continue.
type statement struct {
	Token
	name string
}

// block is a tag with what it encloses, up to its end.
type block struct {
	Token
	name     string
	branches []branch // the first is the block's own, then elsif, when and else
}

// branch is one of the ways through a block.
type branch struct {
	Token
	body []node
}

// clauses lists the blocks and the tags that divide each.
var clauses = map[string][]string{
	"if":      {"elsif", "else"},
	"unless":  {"else"},
	"case":    {"when", "else"},
	"for":     {"else"},
	"capture": nil,
}

// refused are tags of Liquid that newsletters do not have, and the advice.
var refused = map[string]string{
	"include":   "put the text here; other files cannot be read",
	"render":    "put the text here; other files cannot be read",
	"layout":    "put the text here; other files cannot be read",
	"cycle":     "use {% if forloop.first %} or {% case forloop.index %} instead",
	"tablerow":  "write the table with {% for %}",
	"increment": "use {% assign %} instead",
	"decrement": "use {% assign %} instead",
}

// parser builds the tree of a template.
type parser struct {
	tokens   []Token
	mistakes Errors
}

// parse returns the tree of the tokens. The error is of type [Errors].
func parse(tokens []Token) ([]node, error) {
	p := parser{tokens: tokens}
	nodes, _ := p.body(nil)
	if len(p.mistakes) > 0 {
		return nil, p.mistakes
	}
	return nodes, nil
}

// body reads nodes up to a tag that ends or divides the enclosing block, which
// it returns, or up to the end of the text.
func (p *parser) body(inside *Token) ([]node, *Token) {
	var nodes []node
	for len(p.tokens) > 0 {
		token := p.tokens[0]
		p.tokens = p.tokens[1:]
		switch {
		case token.Kind == Literal:
			nodes = append(nodes, &literal{token.Source})
		case token.Kind == Output:
			nodes = append(nodes, &output{Token: token})
		case token.Kind == Counted:
			nodes = append(nodes, &counted{token.Link})
		case inside != nil && endsOrDivides(inside.Name, token.Name):
			return nodes, &token
		default:
			if n := p.tag(token, inside); n != nil {
				nodes = append(nodes, n)
			}
		}
	}
	return nodes, nil
}

// tag reads the statement or block that a tag begins.
func (p *parser) tag(token Token, inside *Token) node {
	_, isBlock := clauses[token.Name]
	advice, isRefused := refused[token.Name]
	switch {
	case isBlock:
		return p.block(token)
	case token.Name == "assign":
		return &statement{token, token.Name}
	case token.Name == "break", token.Name == "continue":
		return &statement{token, token.Name}
	case isRefused:
		p.fail(token, "{% "+token.Name+" %} is not available in newsletters", advice)
	case strings.HasPrefix(token.Name, "end") || token.Name == "else" || token.Name == "elsif" || token.Name == "when":
		problem := "{% " + token.Name + " %} stands outside of any block that it belongs to"
		if inside != nil {
			problem = "{% " + token.Name + " %} does not belong into {% " + inside.Name + " %}"
		}
		p.fail(token, problem, "remove it, or add the tag that begins its block")
	default:
		p.fail(token, "there is no tag {% "+token.Name+" %}", "there are if, unless, case, for, assign, capture, comment and raw")
	}
	return nil
}

// block reads the branches of a block up to its end tag.
func (p *parser) block(begin Token) node {
	b := &block{Token: begin, name: begin.Name}
	head := begin
	for {
		body, next := p.body(&begin)
		b.branches = append(b.branches, branch{head, body})
		if next == nil {
			p.fail(begin, "{% "+begin.Name+" %} is never closed", "end it with {% end"+begin.Name+" %}")
			return b
		}
		if head.Name == "else" && next.Name != "end"+begin.Name {
			p.fail(*next, "{% "+next.Name+" %} comes after {% else %}", "make {% else %} the last branch")
		}
		if next.Name == "end"+begin.Name {
			break
		}
		head = *next
	}
	if b.name == "case" {
		p.dropLead(b)
	}
	return b
}

// dropLead empties the stretch between {% case %} and the first {% when %},
// which Liquid never shows.
func (p *parser) dropLead(b *block) {
	for _, n := range b.branches[0].body {
		if l, ok := n.(*literal); !ok || strings.TrimSpace(l.text) != "" {
			p.fail(b.Token, "something stands between {% case %} and its first {% when %}", "move it into a {% when %}; it would never be shown")
			break
		}
	}
	b.branches[0].body = nil
}

func endsOrDivides(block, tag string) bool {
	if tag == "end"+block {
		return true
	}
	for _, clause := range clauses[block] {
		if tag == clause {
			return true
		}
	}
	return false
}

func (p *parser) fail(token Token, problem, advice string) {
	p.mistakes = append(p.mistakes, token.mistake(problem, advice))
}
