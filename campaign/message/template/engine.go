package template

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/osteele/liquid"
	"github.com/osteele/liquid/expressions"
	"github.com/osteele/liquid/values"
)

// engine is Liquid with our filters.
type engine struct{ liquid *liquid.Engine }

func newEngine() engine {
	e := engine{liquid.NewEngine()}
	for name, fn := range ownFilters {
		e.liquid.RegisterFilter(name, fn)
	}
	e.liquid.RegisterFilter(asList, list)
	for escape, name := range escapeFilters {
		e.liquid.RegisterFilter(name, func(value any) string {
			return string(escaper(escape).append(nil, display(value)))
		})
	}
	return e
}

// parse compiles Liquid. The library panics on some malformed input, a number
// of thirty digits for one.
func (e engine) parse(source string) (t *liquid.Template, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("liquid: %v", r)
		}
	}()
	t, problem := e.liquid.ParseString(source)
	if problem != nil {
		return nil, problem
	}
	return t, nil
}

// source writes nodes as Liquid, each output passed through the filter that
// escapes it.
func source(b *strings.Builder, nodes []node) {
	for _, n := range nodes {
		switch n := n.(type) {
		case *literal:
			writeLiteral(b, n.text)
		case *output:
			fmt.Fprintf(b, "{{ (%s) | %s }}", n.Args, escapeFilters[n.escape])
		case *counted:
			b.WriteString("{{ " + countedName(n.link) + " }}")
		case *statement:
			writeTag(b, n.Token)
		case *block:
			for _, branch := range n.branches {
				head := branch.Token
				if head.Name == "for" {
					head.Args = loopWithList(head.Args, asList)
				}
				writeTag(b, head)
				source(b, branch.body)
			}
			b.WriteString("{% end" + n.name + " %}")
		}
	}
}

// countedName is under which Liquid finds the address of a counted link.
func countedName(link int) string { return "counted_link_" + strconv.Itoa(link) }

// writeLiteral writes text, each brace that Liquid could take for its own as an
// output of that brace.
func writeLiteral(b *strings.Builder, text string) {
	for i := range len(text) {
		if text[i] == '{' && (i+1 == len(text) || text[i+1] == '{' || text[i+1] == '%') {
			b.WriteString(`{{ "{" }}`)
		} else {
			b.WriteByte(text[i])
		}
	}
}

func writeTag(b *strings.Builder, t Token) {
	b.WriteString("{% " + t.Name)
	if t.Args != "" {
		b.WriteString(" " + t.Args)
	}
	b.WriteString(" %}")
}

// understands returns why Liquid refuses a piece of source, or nil. It runs the
// source without any field, which shows filters with the wrong number of
// arguments; that a field is missing is no mistake of the template.
func (e engine) understands(source string) (err error) {
	defer func() {
		if recover() != nil {
			err = nil // about a missing value, which a recipient may have
		}
	}()
	t, err := e.parse(source)
	if err != nil {
		return err
	}
	if _, problem := t.Render(nil); problem != nil {
		var failed expressions.FilterError
		var arity *values.CallParityError
		if errors.As(problem.Cause(), &failed) && errors.As(failed.Err, &arity) {
			return fmt.Errorf("the filter %s has %w", failed.FilterName, arity)
		}
	}
	return nil
}
