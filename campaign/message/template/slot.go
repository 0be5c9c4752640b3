package template

import (
	"errors"
	"fmt"
	"strings"

	"github.com/osteele/liquid"
)

var errTooLong = errors.New("it grows beyond 1 MB")

// Slot is a place that each recipient's values fill in.
type Slot struct {
	place Token // where it begins in the template

	// The field, if the slot is nothing but one.
	field    string
	fallback string // instead of an absent or empty field
	escape   escaper

	program *liquid.Template // the slot with its escaping; for fields that hold no string too
	links   []int            // counted links that the program shows

	link *counted // the slot is nothing but the address of a counted link
}

// slot makes a slot of nodes that begin with an output or a tag.
func (e engine) slot(nodes []node) (*Slot, error) {
	if link, ok := nodes[0].(*counted); ok && len(nodes) == 1 {
		return &Slot{link: link}, nil
	}
	if out, ok := nodes[0].(*output); ok && len(nodes) == 1 {
		found, _ := words(out.Args)
		if field, fallback, ok := direct(found); ok {
			program, err := e.region(nodes)
			if err != nil {
				return nil, err
			}
			program.field, program.fallback, program.escape = field, fallback, out.escape
			return program, nil
		}
	}
	return e.region(nodes)
}

// region makes a slot that Liquid renders.
func (e engine) region(nodes []node) (*Slot, error) {
	s := &Slot{links: counts(nil, nodes)}
	for _, n := range nodes {
		if place, ok := begins(n); ok {
			s.place = place
			break
		}
	}
	var b strings.Builder
	source(&b, nodes)
	var err error
	if s.program, err = e.parse(b.String()); err != nil {
		return nil, Errors{s.place.mistake("Liquid does not understand this: "+err.Error(), "write it in a simpler way")}
	}
	return s, nil
}

// Append appends the slot's text for these values to dst, escaped for its place.
// The error is of type [*Error]; dst then comes back as it was.
func (s *Slot) Append(dst []byte, v *Values) ([]byte, error) {
	if s.link != nil {
		return v.Counted(dst, s.link.link), nil
	}
	if s.field != "" {
		if text, ok := v.text(s.field); ok {
			if text == "" {
				text = s.fallback
			}
			return s.escape.append(dst, text), nil
		}
	}
	if err := s.run(v); err != nil {
		return dst, s.place.mistake("this cannot be filled in: "+err.Error(), "mend the contact's field, or give the template a default")
	}
	return append(dst, v.buffer.data...), nil
}

// run has Liquid render the slot into the buffer of the values. The library
// panics on some values.
func (s *Slot) run(v *Values) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	v.buffer.data = v.buffer.data[:0]
	bindings := v.liquid()
	for _, link := range s.links {
		bindings[countedName(link)] = string(v.Counted(nil, link))
	}
	problem := s.program.FRender(&v.buffer, bindings)
	if problem == nil {
		return nil
	}
	if cause := problem.Cause(); cause != nil {
		return cause
	}
	return problem
}

// counts appends the counted links of nodes to links.
func counts(links []int, nodes []node) []int {
	for _, n := range nodes {
		switch n := n.(type) {
		case *counted:
			links = append(links, n.link)
		case *block:
			for _, branch := range n.branches {
				links = counts(links, branch.body)
			}
		}
	}
	return links
}

// begins returns where a node begins, if it is Liquid.
func begins(n node) (Token, bool) {
	switch n := n.(type) {
	case *output:
		return n.Token, true
	case *statement:
		return n.Token, true
	case *block:
		return n.Token, true
	}
	return Token{}, false
}
