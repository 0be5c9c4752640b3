package template

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Names that every template can read beside the fields of the contact.
const (
	Email          = "email"           // the recipient's address
	UnsubscribeURL = "unsubscribe_url" // where the recipient leaves
	ViewURL        = "view_url"        // where the message can be read in a browser
	SentAt         = "sent_at"         // the date of the message
)

func isProvided(name string) bool {
	return name == Email || name == UnsubscribeURL || name == ViewURL || name == SentAt
}

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// checker finds the mistakes in expressions and notes which fields they read.
type checker struct {
	engine
	roots    map[string]bool
	mistakes Errors
}

// check checks every expression of a tree and adds the fields that it reads to
// roots. The error is of type [Errors].
func (e engine) check(nodes []node, roots map[string]bool) error {
	c := checker{engine: e, roots: roots}
	c.body(nodes, map[string]bool{}, false)
	if len(c.mistakes) > 0 {
		return c.mistakes
	}
	return nil
}

// body checks nodes. Own holds the variables that are set so far.
func (c *checker) body(nodes []node, own map[string]bool, inLoop bool) {
	for _, n := range nodes {
		switch n := n.(type) {
		case *output:
			c.expression(n.Token, n.Args, "{{ "+n.Args+" }}", own)
		case *statement:
			c.statement(n, own, inLoop)
		case *block:
			c.block(n, own, inLoop)
		}
	}
}

func (c *checker) statement(s *statement, own map[string]bool, inLoop bool) {
	switch {
	case s.name == "assign":
		found, _ := words(s.Args)
		if len(found) < 3 || found[0].kind != name || found[1] != (word{operator, "="}) {
			c.fail(s.Token, "an assignment needs a name, = and a value", `write it as in {% assign greeting = "Hello" %}`)
			return
		}
		c.read(s.Token, found[2:], own)
		c.syntax(s.Token, s.Args, "{% assign "+s.Args+" %}")
		c.set(s.Token, found[0].text, own)
	case !inLoop:
		c.fail(s.Token, "{% "+s.name+" %} stands outside of a {% for %}", "remove it")
	case s.Args != "":
		c.fail(s.Token, "{% "+s.name+" %} takes no arguments", "remove "+s.Args)
	}
}

func (c *checker) block(b *block, own map[string]bool, inLoop bool) {
	inner := own
	if b.name == "for" {
		inner = maps.Clone(own)
	}
	for _, branch := range b.branches {
		c.head(branch.Token, own, inner)
		c.body(branch.body, inner, inLoop || b.name == "for")
	}
}

// head checks the arguments of a tag that begins a branch.
func (c *checker) head(t Token, own, inner map[string]bool) {
	switch t.Name {
	case "if", "unless":
		c.expression(t, t.Args, "{% if "+t.Args+" %}{% endif %}", own)
	case "elsif":
		c.expression(t, t.Args, "{% if nil %}{% elsif "+t.Args+" %}{% endif %}", own)
	case "case":
		c.expression(t, t.Args, "{% case "+t.Args+" %}{% endcase %}", own)
	case "when":
		c.expression(t, t.Args, "{% case nil %}{% when "+t.Args+" %}{% endcase %}", own)
	case "for":
		found, _ := words(t.Args)
		if len(found) < 3 || found[0].kind != name || found[1] != (word{name, "in"}) {
			c.fail(t, "a loop needs a name, the word in and a list", "write it as in {% for item in items %}")
			return
		}
		list := found[2:]
		for i, w := range list {
			if w == (word{name, "reversed"}) && (i == 0 || list[i-1] != word{operator, "|"}) {
				list = append(list[:i:i], list[i+1:]...)
				break
			}
		}
		c.read(t, list, own)
		c.syntax(t, t.Args, "{% for "+t.Args+" %}{% endfor %}")
		c.set(t, found[0].text, inner)
		inner["forloop"] = true
	case "capture":
		if !variable.MatchString(t.Args) || keywords[t.Args] {
			c.fail(t, "a capture needs the name of a variable", "write it as in {% capture greeting %}")
			return
		}
		c.set(t, t.Args, own)
	case "else":
		if t.Args != "" {
			c.fail(t, "{% else %} takes no condition", "write {% elsif "+t.Args+" %}")
		}
	}
}

// set notes that a variable is set.
func (c *checker) set(t Token, name string, own map[string]bool) {
	if isProvided(name) || keywords[name] || name == "forloop" {
		c.fail(t, name+" is a name that Headway provides", "choose another name for the variable")
		return
	}
	own[name] = true
}

func (c *checker) expression(t Token, args, probe string, own map[string]bool) {
	found, _ := words(args)
	c.read(t, found, own)
	c.syntax(t, args, probe)
}

// read notes the fields that an expression reads and refuses filters that
// templates do not have.
func (c *checker) read(t Token, expression []word, own map[string]bool) {
	for _, field := range fields(expression) {
		if !own[field] {
			c.roots[field] = true
		}
	}
	for _, filter := range filters(expression) {
		if !knownFilters[filter] {
			c.fail(t, fmt.Sprintf("there is no filter %q", filter), "choose one of "+strings.Join(slices.Sorted(maps.Keys(knownFilters)), ", "))
		}
	}
}

// syntax has Liquid itself judge a piece of source.
func (c *checker) syntax(t Token, args, probe string) {
	found, stray := words(args)
	switch {
	case stray != "":
		c.fail(t, fmt.Sprintf("%.20q cannot stand in an expression", stray), `write it as in {{ first_name | default: "friend" }}`)
	case has(found, ".."):
		c.fail(t, "ranges such as (1..10) are not available in newsletters", "loop over a field that holds a list")
	case c.understands(probe) != nil:
		c.fail(t, fmt.Sprintf("Liquid does not understand %q", args), `write it as in {{ first_name | default: "friend" }}`)
	}
}

func (c *checker) fail(t Token, problem, advice string) {
	c.mistakes = append(c.mistakes, t.mistake(problem, advice))
}
