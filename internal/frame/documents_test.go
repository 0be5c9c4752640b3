package frame

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/headwaymail/headway/internal/cli"
	"github.com/headwaymail/headway/internal/config"
)

// documents lists the project's Markdown files, below the root.
func documents(t *testing.T) []string {
	t.Helper()
	names := []string{"README.md"}
	err := fs.WalkDir(os.DirFS(root), "docs", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(name, ".md") {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

var link = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)\s]*)?\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, name := range documents(t) {
		for _, found := range link.FindAllStringSubmatch(read(t, name), -1) {
			target := found[1]
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(name), target)); err != nil {
				t.Errorf("%s links to %s: %v", name, target, err)
			}
		}
	}
}

// moduleRow is a row of a table in docs/DEPENDENCIES.md that begins with a module.
var moduleRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")

// TestDependenciesAreJustified compares the modules that we import with those
// that docs/DEPENDENCIES.md gives reasons for, both ways.
func TestDependenciesAreJustified(t *testing.T) {
	t.Parallel()
	text := read(t, "docs/DEPENDENCIES.md")
	program, rest, found := strings.Cut(text, "\n## In tests\n")
	if !found {
		t.Fatal("docs/DEPENDENCIES.md has no part for tests")
	}
	tests, _, _ := strings.Cut(rest, "\n## ")
	inProgram, inTests := imported(t)
	for _, m := range inProgram {
		delete(inTests, m)
	}
	for _, tt := range []struct {
		part    string
		text    string
		modules []string
	}{
		{"In the program", program, inProgram},
		{"In tests", tests, slices.Sorted(maps.Keys(inTests))},
	} {
		var listed []string
		for _, row := range moduleRow.FindAllStringSubmatch(tt.text, -1) {
			listed = append(listed, row[1])
		}
		for _, m := range tt.modules {
			if !slices.Contains(listed, m) {
				t.Errorf("%s is imported, and part %q of docs/DEPENDENCIES.md does not say why", m, tt.part)
			}
		}
		for _, m := range listed {
			if !slices.Contains(tt.modules, m) {
				t.Errorf("part %q of docs/DEPENDENCIES.md lists %s, which nothing imports", tt.part, m)
			}
		}
	}
}

// imported returns the modules that our packages, and those that their tests,
// import directly.
func imported(t *testing.T) (program []string, tests map[string]bool) {
	t.Helper()
	list := exec.Command("go", "list", "-tags", "libcrypto", "-deps", "-test", "-json=ImportPath,ForTest,Imports,Module", "./...")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	type entry struct {
		ImportPath string
		ForTest    string
		Imports    []string
		Module     *struct {
			Path string
			Main bool
		}
	}
	entries := make(map[string]entry)
	for decoder := json.NewDecoder(bytes.NewReader(out)); decoder.More(); {
		var e entry
		if err := decoder.Decode(&e); err != nil {
			t.Fatal(err)
		}
		entries[e.ImportPath] = e
	}
	inProgram := make(map[string]bool)
	tests = make(map[string]bool)
	for _, e := range entries {
		if e.Module == nil || !e.Module.Main {
			continue
		}
		into := inProgram
		if e.ForTest != "" || inside(strings.TrimPrefix(e.ImportPath, module+"/"), testSupport...) {
			into = tests
		}
		for _, path := range e.Imports {
			if m := entries[path].Module; m != nil && !m.Main {
				into[m.Path] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(inProgram)), tests
}

var (
	exampleSection = regexp.MustCompile(`^\[(\w+)\]$`)
	exampleKey     = regexp.MustCompile(`^# (\w+) = `)
	settingRow     = regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\|")
)

// TestSettingsAreDocumented compares the table of docs/OPERATIONS.md with the
// settings that there are.
func TestSettingsAreDocumented(t *testing.T) {
	t.Parallel()
	var settings []string
	section := ""
	for line := range strings.Lines(config.Example()) {
		line = strings.TrimSpace(line)
		if found := exampleSection.FindStringSubmatch(line); found != nil {
			section = found[1] + "."
		}
		if found := exampleKey.FindStringSubmatch(line); found != nil {
			settings = append(settings, section+found[1])
		}
	}
	_, table, _ := strings.Cut(read(t, "docs/OPERATIONS.md"), "\n## Settings\n")
	table, _, _ = strings.Cut(table, "\n## ")
	var documented []string
	for _, row := range settingRow.FindAllStringSubmatch(table, -1) {
		documented = append(documented, row[1])
	}
	if !slices.Equal(settings, documented) {
		t.Errorf("settings:\n  %s\ndocumented:\n  %s", strings.Join(settings, "\n  "), strings.Join(documented, "\n  "))
	}
}

var (
	metricName = regexp.MustCompile(`^headway_[a-z_]+_(total|seconds|bytes)$|^headway_lanes$`)
	metricRow  = regexp.MustCompile("(?m)^\\| `(headway_[a-z_]+)")
)

// TestMetricsAreDocumented compares the table of docs/OPERATIONS.md with the
// names of metrics in the source.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	counted := make(map[string]bool)
	for _, p := range allPackages(t) {
		if !slices.Contains(p.Imports, "github.com/prometheus/client_golang/prometheus") {
			continue
		}
		for _, text := range stringsOf(t, p) {
			if metricName.MatchString(text.value) {
				counted[text.value] = true
			}
		}
	}
	documented := make(map[string]bool)
	for _, row := range metricRow.FindAllStringSubmatch(read(t, "docs/OPERATIONS.md"), -1) {
		documented[row[1]] = true
	}
	if !maps.Equal(counted, documented) {
		t.Errorf("metrics: %v\ndocumented: %v", slices.Sorted(maps.Keys(counted)), slices.Sorted(maps.Keys(documented)))
	}
}

var (
	command = regexp.MustCompile(`(?m)(?:^|\x60|cmd/|-- env \S+ )headway ((?:[a-z]+(?:-[a-z]+)* ?)+)([^\n\x60]*)`)
	flag    = regexp.MustCompile(`--[a-z][a-z-]*`)
	usage   = regexp.MustCompile(`Usage:\n  headway ((?:[a-z]+(?:-[a-z]+)* ?)*)([A-Z]?)`)
)

// TestCommandsInDocumentsExist asks the command line whether it knows each
// command, and each flag, that a document shows.
func TestCommandsInDocumentsExist(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, name := range documents(t) {
		text := strings.ReplaceAll(read(t, name), "\\\n", " ")
		for _, found := range command.FindAllStringSubmatch(text, -1) {
			seen++
			words := strings.Fields(found[1])
			if !knownCommand(words) {
				t.Errorf("%s: there is no command headway %s", name, found[1])
				continue
			}
			arguments, _, _ := strings.Cut(found[2], " #")
			for _, f := range flag.FindAllString(arguments, -1) {
				if strings.Contains(help(append(words, f+"=1")), "unknown flag") {
					t.Errorf("%s: headway %s has no flag %s", name, found[1], f)
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d commands were found in the documents", seen)
	}
}

// help returns what the command line says to some arguments and --help.
func help(args []string) string {
	var out bytes.Buffer
	cli.Main(append(slices.Clone(args), "--help"), &out, &out)
	return out.String()
}

// knownCommand reports whether words begin with a command. What follows it are
// arguments, unless the command takes none itself and has others below it.
func knownCommand(words []string) bool {
	text := help(words)
	found := usage.FindStringSubmatch(text)
	if found == nil {
		return false
	}
	known := len(strings.Fields(found[1]))
	takesArguments := found[2] != "" || !strings.Contains(text, "Available Commands:")
	return known > 0 && (known == len(words) || takesArguments)
}
