// Package corpustest opens other people's test data for tests.
//
// The data is not part of the project: its folder is named by the environment
// variable HEADWAY_CORPORA. Without it a test is skipped; with it, data that
// cannot be read is a failure, so that a test never passes by not running.
package corpustest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Path returns the path of a file or folder of the corpora, given with slashes.
func Path(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("HEADWAY_CORPORA")
	if root == "" {
		t.Skip("HEADWAY_CORPORA is not set: no corpora to test with")
	}
	path := filepath.Join(root, filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("HEADWAY_CORPORA is set but %s cannot be read: %v", name, err)
	}
	return path
}

// Lines returns the lines of a text file without empty ones.
func Lines(t testing.TB, name string) []string {
	t.Helper()
	data, err := os.ReadFile(Path(t, name))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// JSONLines decodes a file of one JSON value per line.
func JSONLines[T any](t testing.TB, name string) []T {
	t.Helper()
	data, err := os.ReadFile(Path(t, name))
	if err != nil {
		t.Fatal(err)
	}
	var values []T
	for line := range bytes.Lines(data) {
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		values = append(values, v)
	}
	return values
}
