package frame

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	root   = "../.."
	module = "github.com/headwaymail/headway"
)

// testSupport are packages that only tests import.
var testSupport = []string{"internal/postgres/pgtest", "internal/postgres/storetest", "internal/mailserver/mailservertest", "listhygiene/corpustest"}

// goPackage is what `go list` says of one of our packages.
type goPackage struct {
	ImportPath string
	Dir        string
	Doc        string   // first sentence of its doc comment
	GoFiles    []string // without tests
	Imports    []string // of these
}

// folder is the package's place in the repository.
func (p goPackage) folder() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

// packages lists all packages of the module.
var packages = sync.OnceValues(func() ([]goPackage, error) {
	list := exec.Command("go", "list", "-json=ImportPath,Dir,Doc,GoFiles,Imports", "./...")
	list.Dir = root
	var complaint strings.Builder
	list.Stderr = &complaint
	out, err := list.Output()
	if err != nil {
		return nil, errors.New("go list: " + complaint.String())
	}
	var all []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
})

func allPackages(t *testing.T) []goPackage {
	t.Helper()
	all, err := packages()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// read returns a file of the repository.
func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// inside reports whether a folder, or import path, is one of those or below it.
func inside(name string, folders ...string) bool {
	for _, folder := range folders {
		if name == folder || strings.HasPrefix(name, folder+"/") {
			return true
		}
	}
	return false
}
