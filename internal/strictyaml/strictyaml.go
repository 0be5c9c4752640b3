// Package strictyaml reads a YAML file that a person wrote into a Go struct and
// explains every mistake in it at once, each with line, column and path.
//
//  1. [Decode] parses the text; a syntax error is the only problem then.
//  2. It walks the tree along the struct's yaml tags. An unknown or repeated
//     key, a value of the wrong kind, a number out of range and a text that
//     the field's own UnmarshalText refuses each become a [Problem]; the walk
//     goes on.
//  3. [Positions] remembers where everything stood, so that checks of meaning,
//     which know only paths such as "providers[2].hosts.count", can point at
//     lines too.
//
// Supported are strings, booleans, integers, floats, time.Duration, types with
// UnmarshalText, pointers, slices, string-keyed maps, structs and embedded
// structs tagged ",inline". Anchors, aliases, merge keys and tags are refused:
// they are not needed and make mistakes hard to place. It does not write YAML
// and knows nothing of what the fields mean.
package strictyaml

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Problem is one mistake.
type Problem struct {
	Line, Column int    // from 1; 0 when it concerns the file as a whole
	Path         string // "providers[2].limits[0].bucket.rate"; may be empty
	Text         string // what is wrong and what to do
}

// String returns "line 14, column 11: path: text".
func (p Problem) String() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d, column %d: ", p.Line, p.Column)
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Text)
	return b.String()
}

// Sort orders problems as they stand in the file.
func Sort(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// Positions says where the values of a file stand.
type Positions struct {
	at map[string]position
}

type position struct{ line, column int }

// Problem makes a problem with the value at path, or with the nearest thing
// around it when the file does not mention it.
func (p *Positions) Problem(path, format string, args ...any) Problem {
	out := Problem{Path: path, Text: fmt.Sprintf(format, args...)}
	for near := path; ; near = parent(near) {
		if at, ok := p.at[near]; ok {
			out.Line, out.Column = at.line, at.column
			return out
		}
		if near == "" {
			return out
		}
	}
}

// parent cuts the last key or index off a path.
func parent(path string) string {
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}

// Decode reads data into the struct that into points to. Values without a
// problem are set even if others have one.
func Decode(data []byte, into any) (*Positions, []Problem) {
	d := &decoder{positions: &Positions{at: map[string]position{}}}
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return d.positions, []Problem{syntaxProblem(err)}
	}
	var documents []ast.Node
	for _, doc := range file.Docs {
		if doc.Body != nil {
			documents = append(documents, doc.Body)
		}
	}
	switch len(documents) {
	case 0:
		return d.positions, []Problem{{Text: "the file is empty"}}
	case 1:
		d.value("", documents[0], reflect.ValueOf(into).Elem())
	default:
		d.fault("", documents[1], "holds a second document; a file holds one")
	}
	Sort(d.problems)
	return d.positions, d.problems
}

func syntaxProblem(err error) Problem {
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) {
		p := Problem{Text: "is not YAML: " + syntax.Message}
		if at := where(syntax.Token); at != nil {
			p.Line, p.Column = at.line, at.column
		}
		return p
	}
	return Problem{Text: "is not YAML: " + err.Error()}
}

// where returns where a token stands.
func where(t *token.Token) *position {
	if t == nil || t.Position == nil {
		return nil
	}
	return &position{t.Position.Line, t.Position.Column}
}

// tokenOf returns the token at which a reader sees a node begin; that of a
// group is its first key.
func tokenOf(n ast.Node) *token.Token {
	switch n := n.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 && !n.IsFlowStyle {
			return tokenOf(n.Values[0])
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken()
	}
	return n.GetToken()
}
