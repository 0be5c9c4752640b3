package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLifeline(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	line, err := tie(data)
	if err != nil {
		t.Fatal(err)
	}
	if severed(data, line.name) {
		t.Error("a lifeline that is held is severed")
	}
	forgetLifeline(data, line.name)
	if err := line.file.Close(); err != nil { // as the kernel does when the process ends
		t.Fatal(err)
	}
	if !severed(data, line.name) {
		t.Error("a lifeline that nobody holds proves nothing")
	}
	path := filepath.Join(data, lifelines, line.name)
	elsewhere := "00000000-0000-4000-8000-000000000000" + line.name[strings.IndexByte(line.name, '.'):]
	if err := os.Link(path, filepath.Join(data, lifelines, elsewhere)); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(path, filepath.Join(data, line.name)); err != nil {
		t.Fatal(err)
	}
	for name, proof := range map[string]string{
		"no lifeline": "", "of another machine, or before it was started anew": elsewhere, "another folder": machineRun() + ".ABC",
		"a path": machineRun() + "./../" + line.name,
	} {
		if severed(data, proof) {
			t.Errorf("%s: %q proves an end", name, proof)
		}
	}
	forgetLifeline(data, line.name)
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("a severed lifeline is kept: %v", err)
	}
}

func TestUntie(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	line, err := tie(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := line.untie(); err != nil {
		t.Fatal(err)
	}
	if severed(data, line.name) {
		t.Error("a node that left has died")
	}
	if files, err := os.ReadDir(filepath.Join(data, lifelines)); err != nil || len(files) > 0 {
		t.Errorf("%d lifelines are left (%v)", len(files), err)
	}
}
