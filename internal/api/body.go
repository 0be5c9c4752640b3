package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"

	"github.com/headwaymail/headway/campaign/picture"
)

const (
	// bodyLimit bounds what may be sent: bodies have a handful of fields.
	bodyLimit = 16 << 10
	// templateLimit bounds a layout, which JSON may write several times as long as
	// it is.
	templateLimit = 512 << 10
)

// limitOf returns how long the body of a route may be, in bytes.
func limitOf(r route) int64 {
	switch r.body.(type) {
	case File:
		return picture.MaxBytes
	case TemplateBody:
		return templateLimit
	}
	return bodyLimit
}

// reader reads the file.
func (f *File) reader() io.Reader { return bytes.NewReader(f.data) }

// readBody reads the body of a call whose route takes one. An empty body is an
// empty object.
func readBody(w http.ResponseWriter, request *http.Request, r route) ([]byte, error) {
	if r.body == nil {
		return nil, nil
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, request.Body, limitOf(r)))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, err
		}
		return nil, &Problem{Status: http.StatusBadRequest, Code: "invalid_body", Detail: "the body broke off"}
	}
	if _, isFile := r.body.(File); isFile {
		return raw, nil // what it is, its content says
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return []byte("{}"), nil
	}
	kind, _, err := mime.ParseMediaType(request.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return nil, &Problem{Status: http.StatusUnsupportedMediaType, Code: "not_json",
			Detail: "the body must be JSON, with Content-Type: application/json"}
	}
	return raw, nil
}

// decodeBody reads a flat JSON object into a new value of a type. A field that
// is not known, given twice or of the wrong kind is named with its place.
func decodeBody(raw []byte, shape any) (any, error) {
	if shape == nil {
		return nil, nil
	}
	if _, isFile := shape.(File); isFile {
		return &File{raw}, nil
	}
	value := reflect.New(reflect.TypeOf(shape))
	fields := make(map[string]reflect.Value)
	for i := range value.Elem().NumField() {
		name, _, _ := strings.Cut(value.Elem().Type().Field(i).Tag.Get("json"), ",")
		fields[name] = value.Elem().Field(i)
	}
	d := &bodyReader{raw: raw, decoder: json.NewDecoder(bytes.NewReader(raw))}
	if err := d.object(fields); err != nil {
		return nil, err
	}
	return value.Interface(), nil
}

// bodyReader walks through an object field by field, so that it can say where
// something is wrong.
type bodyReader struct {
	raw     []byte
	decoder *json.Decoder
}

func (d *bodyReader) object(fields map[string]reflect.Value) error {
	if token, err := d.decoder.Token(); err != nil || token != json.Delim('{') {
		return d.wrong("", 0, "the body must be a JSON object")
	}
	seen := make(map[string]bool)
	for d.decoder.More() {
		token, err := d.decoder.Token()
		if err != nil {
			return d.syntax()
		}
		name := token.(string)                               // within an object, every other token is a name
		at := d.decoder.InputOffset() - int64(len(name)) - 2 // its opening quote
		field, known := fields[name]
		switch {
		case !known:
			return d.wrong(name, at, fmt.Sprintf("there is no field %q; known are %s", name, names(fields)))
		case seen[name]:
			return d.wrong(name, at, fmt.Sprintf("the field %q is given twice", name))
		}
		seen[name] = true
		var value json.RawMessage
		if err := d.decoder.Decode(&value); err != nil {
			return d.syntax()
		}
		if string(value) == "null" || json.Unmarshal(value, field.Addr().Interface()) != nil {
			return d.wrong(name, at, fmt.Sprintf("the field %q must be %s", name, kindWords(field.Type())))
		}
	}
	if _, err := d.decoder.Token(); err != nil {
		return d.syntax()
	}
	if _, err := d.decoder.Token(); !errors.Is(err, io.EOF) {
		return d.wrong("", d.decoder.InputOffset(), "something stands after the object")
	}
	return nil
}

// syntax says behind what the body stops being JSON.
func (d *bodyReader) syntax() error {
	return d.wrong("", d.decoder.InputOffset(), "what follows is not JSON")
}

// wrong says what is wrong at a byte of the body.
func (d *bodyReader) wrong(field string, at int64, words string) error {
	before := d.raw[:min(max(at, 0), int64(len(d.raw)))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len([]rune(string(before[bytes.LastIndexByte(before, '\n')+1:]))) + 1
	return &Problem{Status: http.StatusBadRequest, Code: "invalid_body", Field: field,
		Detail: fmt.Sprintf("line %d, column %d: %s", line, column, words)}
}
