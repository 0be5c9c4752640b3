package template

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/osteele/liquid/values"
	"github.com/osteele/tuesday"
)

// libraryFilters are the filters of the Liquid library that templates may use.
// Left out are those that show the insides of values (inspect, type, json) and
// newline_to_br, whose markup would be escaped.
var libraryFilters = []string{
	"abs", "append", "ceil", "compact", "concat", "default", "divided_by",
	"downcase", "first", "floor", "join", "last", "lstrip", "map", "minus",
	"modulo", "plus", "prepend", "remove", "remove_first", "replace",
	"replace_first", "reverse", "round", "rstrip", "size", "sort",
	"sort_natural", "split", "strip", "strip_html", "strip_newlines", "times",
	"uniq", "upcase", "url_decode", "url_encode",
}

// ownFilters replace filters of the library that cut characters in half, panic,
// read the clock, or escape what is escaped anyway.
var ownFilters = map[string]any{
	"capitalize":    capitalize,
	"date":          date,
	"escape":        func(s string) string { return s },
	"escape_once":   func(s string) string { return s },
	"slice":         slice,
	"truncate":      truncate,
	"truncatewords": truncateWords,
}

// asList is the name of a filter behind the list of every loop, so that the
// {% else %} of a loop is shown for a field that is absent or empty. No template
// can name it.
const asList = "as_list"

func list(value any) any {
	if value == nil || value == "" {
		return []any{}
	}
	return value
}

// knownFilters holds the names that a template may use.
var knownFilters = func() map[string]bool {
	known := map[string]bool{}
	for _, name := range libraryFilters {
		known[name] = true
	}
	for name := range ownFilters {
		known[name] = true
	}
	return known
}()

func capitalize(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	if first == utf8.RuneError {
		return s
	}
	return string(unicode.ToTitle(first)) + s[size:]
}

// slice returns length characters from start on, counted from the end if start
// is negative.
func slice(s string, start int, length func(int) int) string {
	runes := []rune(s)
	if start < 0 {
		start += len(runes)
	}
	if start < 0 || start >= len(runes) {
		return ""
	}
	n := min(max(length(1), 0), len(runes)-start)
	return string(runes[start : start+n])
}

// truncate shortens a text to a number of characters, those of the ellipsis
// included.
func truncate(s string, length func(int) int, ellipsis func(string) string) string {
	runes, end := []rune(s), []rune(ellipsis("..."))
	n := length(50)
	if len(runes) <= n {
		return s
	}
	return string(runes[:min(max(n-len(end), 0), len(runes))]) + string(end)
}

// truncateWords shortens a text to a number of words.
func truncateWords(s string, length func(int) int, ellipsis func(string) string) string {
	left := length(15)
	inWord := false
	for i, r := range s {
		if unicode.IsSpace(r) {
			inWord = false
			continue
		}
		if !inWord {
			if left <= 0 {
				return strings.TrimRightFunc(s[:i], unicode.IsSpace) + ellipsis("...")
			}
			inWord, left = true, left-1
		}
	}
	return s
}

// date formats a date by the rules of strftime. What is no date stays as it is,
// so that one contact's odd value stops no delivery. "now" is not a date here:
// a message must render the same at every attempt.
func date(value any, format func(string) string) (string, error) {
	var t time.Time
	switch v := value.(type) {
	case time.Time:
		t = v
	case string:
		parsed, err := values.ParseDate(v)
		if err != nil || v == "now" {
			return v, nil
		}
		t = parsed
	default:
		return display(value), nil
	}
	return tuesday.Strftime(format("%a, %b %d, %y"), t)
}

// display returns a value as text, the way Liquid shows it.
func display(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case []byte:
		return string(v)
	case float64: // as JSON and Liquid's arithmetic have all numbers
		return strconv.FormatFloat(v, 'f', -1, 64)
	case time.Time:
		return v.Format("2006-01-02 15:04:05 -0700")
	}
	rv := reflect.ValueOf(value)
	if rv.Kind() != reflect.Slice && rv.Kind() != reflect.Array {
		return fmt.Sprint(value)
	}
	var b strings.Builder
	for i := range rv.Len() {
		b.WriteString(display(rv.Index(i).Interface()))
	}
	return b.String()
}
