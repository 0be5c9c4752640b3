package frame

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	t.Parallel()
	for _, p := range allPackages(t) {
		if p.Doc == "" && len(p.GoFiles) > 0 {
			t.Errorf("%s has no doc comment", p.folder())
		}
	}
}

// top is what a visitor of the repository sees first.
var top = []string{".ci", ".dockerignore", ".git", ".gitignore", "Dockerfile", "LICENSE", "Makefile", "README.md", "campaign", "cmd",
	"docker-compose.yml", "docs", "go.mod", "go.sum", "internal", "listhygiene", "migrations", "pacing", "tools"}

func TestNothingLiesAtTheDoor(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := os.ReadFile(filepath.Join(root, ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(top, e.Name()) && !strings.Contains("\n"+string(ignored), "\n/"+e.Name()) {
			t.Errorf("%s lies beside README.md; has it a better place?", e.Name())
		}
	}
}

// longest is how many lines a file may have that one still keeps in mind.
const longest = 450

// longer are files that stay together although they are longer, and why.
var longer = map[string]string{}

func TestFilesStaySmall(t *testing.T) {
	t.Parallel()
	for _, p := range allPackages(t) {
		for _, file := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, file))
			if err != nil {
				t.Fatal(err)
			}
			name, lines := p.folder()+"/"+file, strings.Count(string(text), "\n")
			_, excused := longer[name]
			switch {
			case lines > longest && !excused:
				t.Errorf("%s has %d lines, more than %d; split it by what it does", name, lines, longest)
			case lines <= longest && excused:
				t.Errorf("%s has %d lines; it needs no excuse any more", name, lines)
			}
		}
	}
}

// literal is a string in the source.
type literal struct {
	value string
	at    token.Position
}

// stringsOf returns all string literals of a package without its tests.
func stringsOf(t *testing.T, p goPackage) []literal {
	t.Helper()
	var found []literal
	files := token.NewFileSet()
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if value, err := strconv.Unquote(lit.Value); err == nil {
					found = append(found, literal{value, files.Position(lit.Pos())})
				}
			}
			return true
		})
	}
	return found
}

// looksLikeSQL tells statements, in lower case as ours are, from prose.
var looksLikeSQL = regexp.MustCompile(
	`(?s)^\s*(select\s.+\sfrom\s|insert\s+into\s|update\s+\w+\s+(\w+\s+)?set\s|delete\s+from\s|with\s+\w+\s+as\s|listen\s|create\s+table\s)`)
