package config

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// key is one setting: its path in the file, its field and its documentation.
type key struct {
	path  string // "web.listen"
	doc   string
	value reflect.Value
}

// flag returns the key as a command-line flag: "web-listen".
func (k key) flag() string { return strings.NewReplacer(".", "-", "_", "-").Replace(k.path) }

// variable returns the key as an environment variable: "HEADWAY_WEB_LISTEN".
func (k key) variable() string {
	return "HEADWAY_" + strings.ToUpper(strings.ReplaceAll(k.path, ".", "_"))
}

// keys lists all settings of c in the order of the struct.
func keys(c *Config) []key {
	return walk("", reflect.ValueOf(c).Elem())
}

func walk(prefix string, v reflect.Value) []key {
	var found []key
	for i := range v.NumField() {
		field := v.Type().Field(i)
		path := prefix + field.Tag.Get("koanf")
		if field.Type.Kind() == reflect.Struct {
			found = append(found, walk(path+".", v.Field(i))...)
			continue
		}
		found = append(found, key{path: path, doc: field.Tag.Get("doc"), value: v.Field(i)})
	}
	return found
}

// Example returns a TOML file with every setting, its meaning and its default,
// commented out. It is made from the struct itself.
func Example() string {
	defaults := Default()
	var b strings.Builder
	b.WriteString("# Headway settings. Every key is optional; what is commented out shows the default.\n")
	b.WriteString("# Each can also be given as a variable (HEADWAY_WEB_LISTEN) or a flag (--web-listen).\n")
	section := ""
	for _, k := range keys(&defaults) {
		name := k.path
		if before, after, ok := strings.Cut(k.path, "."); ok {
			if before != section {
				section = before
				fmt.Fprintf(&b, "\n[%s]\n", section)
			}
			name = after
		}
		fmt.Fprintf(&b, "\n%s# %s = %s\n", comment(k.doc), name, tomlValue(k.value))
	}
	return b.String()
}

// comment wraps text into lines of at most 90 columns that begin with "# ".
func comment(text string) string {
	const width = 88
	var b strings.Builder
	line := 0
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == 0:
			b.WriteString("# ")
		case line+1+len(word) > width:
			b.WriteString("\n# ")
			line = 0
		default:
			b.WriteByte(' ')
			line++
		}
		b.WriteString(word)
		line += len(word)
	}
	b.WriteByte('\n')
	return b.String()
}

func tomlValue(v reflect.Value) string {
	switch value := v.Interface().(type) {
	case string:
		return fmt.Sprintf("%q", value)
	case []string:
		quoted := make([]string, len(value))
		for i, s := range value {
			quoted[i] = fmt.Sprintf("%q", s)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	case time.Duration:
		return fmt.Sprintf("%q", value.String())
	default:
		return fmt.Sprint(value)
	}
}
