package template

import (
	"regexp"
	"strings"
)

// A word is one lexical element of a Liquid expression.
type word struct {
	kind wordKind
	text string // without the quotes of a string, the dot of a property, the colon of a key
}

type wordKind uint8

const (
	name     wordKind = iota // first_name, or a keyword such as "and"
	key                      // default: limit:
	property                 // .city
	str                      // "friend"
	number                   // 12 or -1.5
	operator                 // | == and so on
)

var wordPattern = regexp.MustCompile(`^(?:` +
	`([A-Za-z_][A-Za-z0-9_-]*\??)(:?)` + // 1 name, 2 colon of a key
	`|\.([A-Za-z_][A-Za-z0-9_-]*\??)` + // 3 property
	`|"([^"]*)"|'([^']*)'` + // 4, 5 string
	`|(-?[0-9]{1,15}(?:\.[0-9]{1,15})?)` + // 6 number
	`|(==|!=|>=|<=|\.\.|[|<>()\[\],=:])` + // 7 operator
	`)`)

// keywords are names that Liquid gives a meaning of its own.
var keywords = map[string]bool{
	"true": true, "false": true, "nil": true,
	"and": true, "or": true, "contains": true, "in": true,
}

// words splits an expression. It returns the text from the first character that
// no expression contains, or "".
func words(expression string) (found []word, stray string) {
	rest := strings.TrimSpace(expression)
	for rest != "" {
		m := wordPattern.FindStringSubmatch(rest)
		if m == nil {
			return found, rest
		}
		switch {
		case m[2] != "":
			found = append(found, word{key, m[1]})
		case m[1] != "":
			found = append(found, word{name, m[1]})
		case m[3] != "":
			found = append(found, word{property, m[3]})
		case m[6] != "":
			found = append(found, word{number, m[6]})
		case m[7] != "":
			found = append(found, word{operator, m[7]})
		default:
			found = append(found, word{str, m[4] + m[5]})
		}
		rest = strings.TrimSpace(rest[len(m[0]):])
	}
	return found, ""
}

// fields returns the names that an expression reads.
func fields(expression []word) []string {
	var read []string
	for i, w := range expression {
		isFilter := i > 0 && expression[i-1] == word{operator, "|"}
		if w.kind == name && !isFilter && !keywords[w.text] {
			read = append(read, w.text)
		}
	}
	return read
}

// filters returns the names of the filters that an expression applies.
func filters(expression []word) []string {
	var applied []string
	for i, w := range expression[min(1, len(expression)):] {
		if (w.kind == name || w.kind == key) && expression[i] == (word{operator, "|"}) {
			applied = append(applied, w.text)
		}
	}
	return applied
}

// has reports whether an operator occurs in an expression.
func has(expression []word, op string) bool {
	for _, w := range expression {
		if w == (word{operator, op}) {
			return true
		}
	}
	return false
}

// direct reports whether an expression is one field, perhaps with a string as
// its default, so that it can be looked up without Liquid.
func direct(expression []word) (field, fallback string, ok bool) {
	if len(expression) == 0 || expression[0].kind != name || keywords[expression[0].text] {
		return "", "", false
	}
	field = expression[0].text
	if len(expression) == 1 {
		return field, "", true
	}
	if len(expression) == 4 && expression[1] == (word{operator, "|"}) &&
		expression[2] == (word{key, "default"}) && expression[3].kind == str {
		return field, expression[3].text, true
	}
	return "", "", false
}

// loopWithList returns the arguments of a for tag with a filter behind the list,
// before limit, offset and reversed.
func loopWithList(args, filter string) string {
	found, _ := words(args)
	end := len(found)
	for i, w := range found {
		isModifier := w.kind == key || w == word{name, "reversed"}
		if i > 2 && isModifier && found[i-1] != (word{operator, "|"}) {
			end = i
			break
		}
	}
	return join(found[:end]) + " | " + filter + " " + join(found[end:])
}

// join writes words as an expression.
func join(expression []word) string {
	var b strings.Builder
	for _, w := range expression {
		switch {
		case w.kind == property:
			b.WriteString("." + w.text)
		case w.kind == key:
			b.WriteString(" " + w.text + ":")
		case w.kind == str && strings.Contains(w.text, `"`):
			b.WriteString(" '" + w.text + "'")
		case w.kind == str:
			b.WriteString(` "` + w.text + `"`)
		default:
			b.WriteString(" " + w.text)
		}
	}
	return b.String()
}
