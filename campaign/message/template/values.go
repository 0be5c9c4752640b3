package template

import (
	"maps"
	"slices"
	"time"

	"gopkg.in/yaml.v2"
)

// Values is what slots are filled with: the names that Headway provides and the
// fields of one contact. A field under a provided name is not seen. One Values
// serves one goroutine, and may be used again for the next recipient.
type Values struct {
	Email          string
	UnsubscribeURL string
	ViewURL        string
	SentAt         time.Time
	Fields         map[string]any // strings, numbers, booleans, times, lists and maps of these

	// Counted appends the address of a counted link. Needed where a template has
	// some ([Token]).
	Counted func(dst []byte, link int) []byte

	bindings map[string]any // what Liquid reads; made from the above when first needed
	bound    bool
	buffer   bounded
}

// Reset forgets a recipient and keeps the memory.
func (v *Values) Reset() {
	clear(v.bindings)
	*v = Values{bindings: v.bindings, buffer: bounded{data: v.buffer.data[:0]}}
}

// text returns a provided name or a string field, and whether it is one. What
// Liquid's default filter takes for absent is returned as "".
func (v *Values) text(name string) (string, bool) {
	switch name {
	case Email:
		return v.Email, true
	case UnsubscribeURL:
		return v.UnsubscribeURL, true
	case ViewURL:
		return v.ViewURL, true
	case SentAt:
		return "", false
	}
	switch value := v.Fields[name].(type) {
	case nil:
		return "", true
	case string:
		return value, true
	}
	return "", false
}

// liquid returns everything as Liquid reads it.
func (v *Values) liquid() map[string]any {
	if v.bound {
		return v.bindings
	}
	if v.bindings == nil {
		v.bindings = make(map[string]any, len(v.Fields)+4)
	}
	for name, value := range v.Fields {
		v.bindings[name] = inOrder(value)
	}
	v.bindings[Email] = v.Email
	v.bindings[UnsubscribeURL] = v.UnsubscribeURL
	v.bindings[ViewURL] = v.ViewURL
	v.bindings[SentAt] = v.SentAt
	v.bound = true
	return v.bindings
}

// inOrder returns a value with every map as a list of its entries, sorted by key.
// Liquid reads these like maps, and walks over them in the same order each time.
func inOrder(value any) any {
	switch v := value.(type) {
	case map[string]any:
		entries := make(yaml.MapSlice, 0, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			entries = append(entries, yaml.MapItem{Key: key, Value: inOrder(v[key])})
		}
		return entries
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = inOrder(v[i])
		}
		return list
	}
	return value
}

// bounded collects what Liquid writes, up to a limit.
type bounded struct{ data []byte }

// maxSlot is the most that one slot may grow to, in bytes. Gmail shows the first
// 102 KB of a message; a slot of a megabyte is a loop gone wrong.
const maxSlot = 1 << 20

func (b *bounded) Write(p []byte) (int, error) {
	if len(b.data)+len(p) > maxSlot {
		return 0, errTooLong
	}
	b.data = append(b.data, p...)
	return len(p), nil
}

func (b *bounded) WriteString(s string) (int, error) { return b.Write([]byte(s)) }
