package api

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

var (
	shellBlock   = regexp.MustCompile("(?s)```sh\n(.*?)```")
	rejectRows   = regexp.MustCompile("^Email Address,.*,line,problem,suggestion\r?\n.+")
	codeInSource = regexp.MustCompile(`Code: "([a-z_]+)"`)
	codeInTable  = regexp.MustCompile("`([a-z_]+)`")
)

// TestDocumentedCommandsWork executes every command of docs/API.md.
func TestDocumentedCommandsWork(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("no curl here: the commands of docs/API.md are not tried")
	}
	text, err := os.ReadFile("../../docs/API.md")
	if err != nil {
		t.Fatal(err)
	}
	b := setup(t)
	tried := 0
	for _, block := range shellBlock.FindAllStringSubmatch(string(text), -1) {
		for command := range strings.Lines(strings.ReplaceAll(block[1], "\\\n", " ")) {
			tried++
			run := exec.Command("bash", "-c", command)
			run.Env = append(os.Environ(), "HEADWAY="+b.site.URL, "TOKEN="+b.operate)
			out, err := run.CombinedOutput()
			if err != nil || !json.Valid(out) && !rejectRows.Match(out) {
				t.Errorf("%s%v\n%s", command, err, out)
			}
			b.workImports()
		}
	}
	if tried < 15 {
		t.Errorf("only %d commands were found", tried)
	}
}

// TestCodesAreDocumented compares the table of docs/API.md with the codes of
// problems in the source.
func TestCodesAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/API.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| status | code | when |")
	documented := make(map[string]bool)
	for _, found := range codeInTable.FindAllStringSubmatch(table, -1) {
		documented[found[1]] = true
	}
	delete(documented, "id") // a field that the table names
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	used := make(map[string]bool)
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		source, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range codeInSource.FindAllStringSubmatch(string(source), -1) {
			used[found[1]] = true
			if !documented[found[1]] {
				t.Errorf("%s: the code %s is not documented", file.Name(), found[1])
			}
		}
	}
	for code := range documented {
		if !used[code] {
			t.Errorf("the code %s is documented and never used", code)
		}
	}
}
