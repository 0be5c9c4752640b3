package api

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// Whatever is sent, a body is read as encoding/json reads it, or refused with a
// place that lies in it.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{`{}`, `{"for":"2h","note":"x","source":1,"dry_run":true}`, "{\n\"until\":\"2026-11-24T09:00:00Z\"}",
		`{"nte":1}`, `{"for":"2h","for":"3h"}`, `{"for":`, `[]`, `{} {}`, `{"f\u006fr":"1h"}`, "\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := decodeBody(raw, HoldBody{})
		if err != nil {
			var p *Problem
			if !errors.As(err, &p) || p.Status != 400 || !strings.HasPrefix(p.Detail, "line ") {
				t.Fatalf("%q: %v", raw, err)
			}
			return
		}
		var want HoldBody
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatalf("%q is read, and is no JSON: %v", raw, err)
		}
		if *got.(*HoldBody) != want {
			t.Fatalf("%q is read as %+v, not %+v", raw, got, want)
		}
	})
}
