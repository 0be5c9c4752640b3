package sandbox

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/headwaymail/headway/internal/strictyaml"
)

// maxFile bounds a description: thousands of providers fit in a megabyte.
const maxFile = 4 << 20

// Problem is one mistake in a file.
type Problem = strictyaml.Problem

// Load reads a description. The error is that of reading; mistakes are
// problems, each with its place and what to do, all of them at once. The file
// is usable only if there are none.
func Load(r io.Reader, name string) (*File, []Problem, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(data) > maxFile {
		return nil, nil, fmt.Errorf("%s is larger than %d bytes; is it the right file?", name, maxFile)
	}
	f := &File{}
	positions, problems := strictyaml.Decode(data, f)
	if len(f.Providers) > 0 || len(problems) == 0 {
		problems = append(problems, notFollowing(problems, f.check(positions))...)
		strictyaml.Sort(problems)
	}
	return f, problems, nil
}

// notFollowing leaves out the mistakes of meaning that follow from something
// that could not be read: whoever mends the one mends the other.
func notFollowing(unread, meaning []Problem) []Problem {
	return slices.DeleteFunc(meaning, func(m Problem) bool {
		return slices.ContainsFunc(unread, func(u Problem) bool {
			return within(m.Path, u.Path) || within(u.Path, m.Path)
		})
	})
}

// within reports whether a path is, or lies below, another.
func within(path, above string) bool {
	rest, found := strings.CutPrefix(path, above)
	return found && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// ErrMistakes is what [Check] returns when the file has mistakes.
var ErrMistakes = errors.New("the sandbox file has mistakes")

// Check reads a description and prints every mistake in it, or one line that
// says what it holds.
func Check(w io.Writer, r io.Reader, name string) error {
	f, problems, err := Load(r, name)
	if err != nil {
		return err
	}
	for _, p := range problems {
		fmt.Fprintf(w, "%s: %s\n", name, p)
	}
	if len(problems) > 0 {
		return fmt.Errorf("%w: %d in %s", ErrMistakes, len(problems), name)
	}
	hosts, domains := 0, len(f.DNS.Special)
	for i := range f.Providers {
		hosts += len(f.Providers[i].HostNames())
		domains += len(f.Providers[i].AllDomains())
	}
	_, err = fmt.Fprintf(w, "%s: no mistakes; %d providers with %d hosts, %d domains, %d contacts\n",
		name, len(f.Providers), hosts, domains, f.List.Count)
	return err
}

//go:embed default.yaml
var defaultFile []byte

// Default returns the internet of the demo.
func Default() *File {
	f, problems, err := Load(bytes.NewReader(defaultFile), "default.yaml")
	if err != nil || len(problems) > 0 {
		panic(fmt.Sprint("the built-in default.yaml is wrong: ", err, problems)) // a test loads it
	}
	return f
}

// DefaultYAML returns the text of the demo's description, as a file to begin with.
func DefaultYAML() []byte { return bytes.Clone(defaultFile) }
