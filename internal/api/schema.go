package api

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// object is a JSON object under construction.
type object = map[string]any

// schemas makes JSON Schemas (2020-12, as OpenAPI 3.1 uses them) of Go types.
// Structs become named components; tags say the rest: json the name and, with
// omitzero or omitempty, that a field may be missing; doc what it means; enum
// which values it has.
type schemas struct {
	components object
}

// of returns the schema of a type.
func (s *schemas) of(t reflect.Type) object {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case t.Kind() == reflect.Pointer:
		return s.of(t.Elem())
	case t.Kind() == reflect.Slice:
		return object{"type": "array", "items": s.of(t.Elem())}
	case t.Kind() == reflect.Struct:
		name := componentName(t)
		if _, known := s.components[name]; !known {
			s.components[name] = nil // a type may contain itself
			s.components[name] = s.structure(t)
		}
		return object{"$ref": "#/components/schemas/" + name}
	}
	switch t.Kind() {
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64, reflect.Int32:
		return object{"type": "integer"}
	case reflect.Float64:
		return object{"type": "number"}
	}
	panic(fmt.Sprintf("the API has no form for %s", t)) // found by any test that makes a server
}

func (s *schemas) structure(t reflect.Type) object {
	properties, required := object{}, []string{}
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !field.IsExported() || name == "-" {
			continue
		}
		property := s.of(field.Type)
		if doc := field.Tag.Get("doc"); doc != "" {
			property["description"] = doc
		}
		if values := field.Tag.Get("enum"); values != "" {
			property["enum"] = strings.Split(values, ",")
		}
		properties[name] = property
		if !strings.Contains(options, "omit") {
			required = append(required, name)
		}
	}
	return object{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}

// componentName is the name of a type; a Page of Provider is ProviderPage.
func componentName(t reflect.Type) string {
	name := t.Name()
	generic, of, ok := strings.Cut(name, "[")
	if !ok {
		return name
	}
	of = strings.TrimSuffix(of, "]")
	return of[strings.LastIndex(of, ".")+1:] + generic
}

// kindWords says what a value of a type looks like in JSON.
func kindWords(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "a time such as 2026-11-24T09:00:00Z"
	case t.Kind() == reflect.String:
		return "a string"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Int64:
		return "a whole number"
	}
	return "a number"
}

// names lists the fields of a body.
func names(fields map[string]reflect.Value) string {
	if len(fields) == 0 {
		return "none"
	}
	return strings.Join(sortedKeys(fields), ", ")
}
