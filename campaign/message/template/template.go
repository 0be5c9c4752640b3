// Package template turns text with merge fields, written in Liquid, into a list
// of literals and slots, so that what is the same for everybody is done once.
//
// It is the first half of composing a newsletter; package message is the other:
//
//  1. [Scan] splits a text into what stands as written and what is Liquid,
//     each with its line and column, and applies {{- and -}};
//  2. [Parse] checks the structure (every if has its endif), each expression and
//     each filter, and reports every mistake it finds with its place;
//  3. for HTML it follows the markup through all branches and decides how each
//     output must be escaped where it stands: as text, in an attribute, at the
//     beginning of a link, in its query. Where no escaping is safe, as in a
//     script or an unquoted attribute, the template is refused with advice;
//  4. [Template.Pieces] is the result: literals, and slots that [Slot.Append]
//     fills in for one recipient. A slot that is one field, perhaps with a
//     default, is looked up directly; all others are rendered by Liquid.
//
// [Template.Render] does the same in the slow and obvious way, by one Liquid
// rendering of the whole text. Tests hold the two against each other.
//
// The package knows nothing of mail. It reads no files and no clock: {% include %}
// and "now" do not exist here, so a message renders the same at every attempt.
package template

import (
	"errors"
	"maps"
	"slices"
)

// Mode says what kind of text a template makes.
type Mode uint8

const (
	Text Mode = iota // outputs appear as they are without control characters, encoded in the query of a link
	HTML             // outputs are escaped as their place in the markup demands
)

// A Template is a checked text with slots. It never changes and may be used by
// many goroutines.
type Template struct {
	nodes  []node
	pieces []Piece
	whole  *Slot
	roots  map[string]bool
}

// Piece is a literal or, when Slot is not nil, a slot.
type Piece struct {
	Literal string
	Slot    *Slot
}

// Parse checks tokens and makes a template of them. The error is of type
// [Errors].
func Parse(tokens []Token, mode Mode) (*Template, error) {
	t := &Template{roots: map[string]bool{}}
	var err error
	if t.nodes, err = parse(tokens); err != nil {
		return nil, err
	}
	l := newEngine()
	if err := l.check(t.nodes, t.roots); err != nil {
		return nil, err
	}
	switch mode {
	case HTML:
		if err := escapeMarkup(t.nodes); err != nil {
			return nil, err
		}
	case Text:
		escapeTextLinks(t.nodes, "")
	}
	if t.pieces, err = l.pieces(t.nodes); err != nil {
		return nil, err
	}
	if t.whole, err = l.region(t.nodes); err != nil {
		return nil, err
	}
	return t, nil
}

// Pieces returns the literals and slots in their order. Two literals never
// follow each other and none is empty.
func (t *Template) Pieces() []Piece { return t.pieces }

// Fields returns the names of the contact fields that the template reads, in
// order: neither its own variables nor the names that Headway provides.
func (t *Template) Fields() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(t.roots)), isProvided)
}

// Uses reports whether the template reads a field or a provided name.
func (t *Template) Uses(name string) bool { return t.roots[name] }

// Render renders the template in one piece.
func (t *Template) Render(v *Values) (string, error) {
	out, err := t.whole.Append(nil, v)
	return string(out), err
}

// pieces splits a template at its outputs and blocks. A variable that is set
// lives until the end of the text, so from the first block that sets one on
// everything is one slot.
func (l *engine) pieces(nodes []node) ([]Piece, error) {
	var pieces []Piece
	for i, n := range nodes {
		if literal, ok := n.(*literal); ok {
			pieces = append(pieces, Piece{Literal: literal.text})
			continue
		}
		span := nodes[i : i+1]
		if sets(span) {
			span = nodes[i:]
		}
		slot, err := l.slot(span)
		if err != nil {
			return nil, err
		}
		pieces = append(pieces, Piece{Slot: slot})
		if len(span) > 1 || sets(span) {
			break
		}
	}
	return pieces, nil
}

// sets reports whether an assign or capture stands anywhere in the nodes.
func sets(nodes []node) bool {
	for _, n := range nodes {
		switch n := n.(type) {
		case *statement:
			if n.name == "assign" {
				return true
			}
		case *block:
			if n.name == "capture" || slices.ContainsFunc(n.branches, func(b branch) bool { return sets(b.body) }) {
				return true
			}
		}
	}
	return false
}

// Error is one mistake in a template.
type Error struct {
	Line, Column int    // where, counted from 1, the column in characters; 0 if it is about the whole text
	Source       string // the Liquid in question, as it was written; may be empty
	Problem      string // what is wrong
	Advice       string // what to do
}

func (e *Error) Error() string { return e.Problem + "; " + e.Advice }

// Errors are all mistakes that were found, in the order of the text.
type Errors []*Error

func (e Errors) Error() string { return errors.Join(e.Unwrap()...).Error() }

// Unwrap returns the mistakes one by one.
func (e Errors) Unwrap() []error {
	errs := make([]error, len(e))
	for i := range e {
		errs[i] = e[i]
	}
	return errs
}

func (t Token) mistake(problem, advice string) *Error {
	return &Error{Line: t.Line, Column: t.Column, Source: t.Source, Problem: problem, Advice: advice}
}
