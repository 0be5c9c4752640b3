package strictyaml

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// decoder walks a tree along a Go value.
type decoder struct {
	positions *Positions
	problems  []Problem
}

func (d *decoder) fault(path string, n ast.Node, format string, args ...any) {
	p := Problem{Path: path, Text: fmt.Sprintf(format, args...)}
	if at := where(tokenOf(n)); at != nil {
		p.Line, p.Column = at.line, at.column
	}
	d.problems = append(d.problems, p)
}

// note remembers where the thing at path stands.
func (d *decoder) note(path string, n ast.Node) {
	if at := where(tokenOf(n)); at != nil {
		d.positions.at[path] = *at
	}
}

var durationType = reflect.TypeFor[time.Duration]()

// value reads one node into v.
func (d *decoder) value(path string, n ast.Node, v reflect.Value) {
	if _, noted := d.positions.at[path]; !noted {
		d.note(path, n)
	}
	switch n.(type) {
	case *ast.NullNode:
		return // a key without a value is as good as none
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		d.fault(path, n, "anchors, aliases and tags are not supported; write the value out")
		return
	}
	if v.Kind() == reflect.Pointer {
		fresh := reflect.New(v.Type().Elem())
		d.value(path, n, fresh.Elem())
		v.Set(fresh)
		return
	}
	if text, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		d.scalar(path, n, "a text", func(s string) error { return text.UnmarshalText([]byte(s)) })
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.object(path, n, v)
	case reflect.Map:
		d.dictionary(path, n, v)
	case reflect.Slice:
		d.list(path, n, v)
	default:
		d.simple(path, n, v)
	}
}

// simple reads a scalar into a plain Go type.
func (d *decoder) simple(path string, n ast.Node, v reflect.Value) {
	switch {
	case v.Type() == durationType:
		d.scalar(path, n, "a duration", func(s string) error {
			length, err := time.ParseDuration(s)
			if err != nil {
				return fmt.Errorf("%q is not a duration; write a number with its unit, e.g. 250ms, 8s, 5m or 24h", s)
			}
			v.SetInt(int64(length))
			return nil
		})
	case v.Kind() == reflect.String:
		d.scalar(path, n, "a text", func(s string) error { v.SetString(s); return nil })
	case v.Kind() == reflect.Bool:
		d.scalar(path, n, "true or false", func(s string) error {
			if s != "true" && s != "false" {
				return fmt.Errorf("%q is not true or false", s)
			}
			v.SetBool(s == "true")
			return nil
		})
	case v.CanInt():
		d.scalar(path, n, "a whole number", func(s string) error {
			i, err := strconv.ParseInt(s, 10, v.Type().Bits())
			if err != nil {
				return fmt.Errorf("%q is not a whole number in range", s)
			}
			v.SetInt(i)
			return nil
		})
	case v.CanUint():
		d.scalar(path, n, "a whole number", func(s string) error {
			i, err := strconv.ParseUint(s, 10, v.Type().Bits())
			if err != nil {
				return fmt.Errorf("%q is not a whole number from 0 on in range", s)
			}
			v.SetUint(i)
			return nil
		})
	case v.CanFloat():
		d.scalar(path, n, "a number", func(s string) error {
			f, err := strconv.ParseFloat(s, v.Type().Bits())
			if err != nil || f != f || f-f != 0 { // neither NaN nor infinite
				return fmt.Errorf("%q is not a number", s)
			}
			v.SetFloat(f)
			return nil
		})
	default:
		panic("strictyaml: cannot read into " + v.Type().String())
	}
}

// scalar hands the text of a scalar node to set and reports what it objects to.
func (d *decoder) scalar(path string, n ast.Node, want string, set func(string) error) {
	s, ok := scalarText(n)
	if !ok {
		d.fault(path, n, "is %s; write %s", kindOf(n), want)
		return
	}
	if err := set(s); err != nil {
		d.fault(path, n, "%s", err)
	}
}

// scalarText returns what the file says, not what YAML makes of it: 0x10 stays
// 0x10, and a rate such as 10/s is text anyhow.
func scalarText(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a group of keys"
	case *ast.SequenceNode:
		return "a list"
	}
	return "a single value"
}

func (d *decoder) list(path string, n ast.Node, v reflect.Value) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.fault(path, n, `is %s; write a list, e.g. [a, b] or lines that begin with "- "`, kindOf(n))
		return
	}
	out := reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values))
	for i, item := range seq.Values {
		d.value(fmt.Sprintf("%s[%d]", path, i), item, out.Index(i))
	}
	v.Set(out)
}

// entries calls each for the keys of a group, the first of each name only.
func (d *decoder) entries(path string, n ast.Node, each func(key, path string, k, value ast.Node)) {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		d.fault(path, n, "is %s; write a group of keys, one a line", kindOf(n))
		return
	}
	seen := map[string]bool{}
	for _, entry := range values {
		key, ok := scalarText(entry.Key)
		if !ok {
			d.fault(path, entry.Key, "has a key that is not a plain word; anchors, aliases and merge keys are not supported")
			continue
		}
		full := strings.TrimPrefix(path+"."+key, ".")
		if seen[key] {
			d.fault(full, entry.Key, "occurs twice; keep one of the two")
			continue
		}
		seen[key] = true
		each(key, full, entry.Key, entry.Value)
	}
}

func (d *decoder) dictionary(path string, n ast.Node, v reflect.Value) {
	out := reflect.MakeMap(v.Type())
	d.entries(path, n, func(key, full string, k, value ast.Node) {
		d.note(full, k)
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(full, value, item)
		out.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), item)
	})
	v.Set(out)
}

func (d *decoder) object(path string, n ast.Node, v reflect.Value) {
	fields := map[string]reflect.Value{}
	collect(v, fields)
	d.entries(path, n, func(key, full string, k, value ast.Node) {
		field, ok := fields[key]
		if !ok {
			d.fault(full, k, "%q is not known here; %s", key, suggest(key, fields))
			return
		}
		if _, single := scalarText(value); !single {
			d.note(full, k)
		}
		d.value(full, value, field)
	})
}

// collect finds the fields of a struct by their keys, those of inlined structs
// included.
func collect(v reflect.Value, fields map[string]reflect.Value) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case option == "inline":
			collect(v.Field(i), fields)
		case name != "" && name != "-":
			fields[name] = v.Field(i)
		}
	}
}

// suggest names the key that was probably meant, or all that there are.
func suggest(key string, fields map[string]reflect.Value) string {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if distance(key, name) <= max(1, len(name)/4) || sorted(key) == sorted(name) {
			return fmt.Sprintf("did you mean %q?", name)
		}
	}
	return "known keys: " + strings.Join(names, ", ")
}

// sorted returns the letters of a word in order: equal for words with letters
// swapped.
func sorted(word string) string {
	letters := []byte(word)
	slices.Sort(letters)
	return string(letters)
}

// distance is the number of letters to insert, drop or change (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
