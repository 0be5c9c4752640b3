package frame

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/headwaymail/headway/internal/cli"
)

// instruction is one line of a Dockerfile: its word, and what follows.
type instruction struct{ word, rest string }

// stage is what stands between two FROM lines, the first included.
type stage []instruction

// stages reads the Dockerfile. Ours continues no lines.
func stages(t *testing.T) []stage {
	t.Helper()
	var all []stage
	for line := range strings.Lines(read(t, "Dockerfile")) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		if word == "FROM" {
			all = append(all, nil)
		}
		if len(all) == 0 || strings.HasSuffix(line, `\`) {
			t.Fatalf("this reader does not know what to make of %q", line)
		}
		last := &all[len(all)-1]
		*last = append(*last, instruction{word, strings.TrimSpace(rest)})
	}
	return all
}

// all returns what follows a word, wherever it stands in the stage.
func (s stage) all(word string) []string {
	var found []string
	for _, i := range s {
		if i.word == word {
			found = append(found, i.rest)
		}
	}
	return found
}

// only returns what follows a word that stands in the stage once.
func (s stage) only(t *testing.T, word string) string {
	t.Helper()
	found := s.all(word)
	if len(found) != 1 {
		t.Fatalf("%s stands %d times in a stage", word, len(found))
	}
	return found[0]
}

// TestImageIsBuiltAsCIBuilds follows the binary: one script makes it, CI runs
// that script, the image takes what it wrote.
func TestImageIsBuiltAsCIBuilds(t *testing.T) {
	t.Parallel()
	image := stages(t)
	if len(image) != 3 {
		t.Fatalf("the Dockerfile has %d stages, want one that builds and two that run", len(image))
	}
	build, fast, run := image[0], image[1], image[2]
	if !strings.HasPrefix(build.only(t, "FROM"), "golang:") {
		t.Errorf("it is built in %s", build.only(t, "FROM"))
	}
	for _, command := range []string{".ci/build /out/headway", ".ci/build --libcrypto /out/headway-libcrypto"} {
		if !slices.Contains(build.all("RUN"), command) {
			t.Errorf("the build stage runs %q, and not %s", build.all("RUN"), command)
		}
	}
	if !slices.Contains(fast.all("COPY"), "--from=build /out/headway-libcrypto /headway") {
		t.Errorf("the image with OpenSSL copies %q", fast.all("COPY"))
	}
	// The two differ in their base and their binary, and in nothing else.
	for _, word := range []string{"ENV", "VOLUME", "USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"} {
		if !slices.Equal(fast.all(word), run.all(word)) {
			t.Errorf("%s is %q in one image and %q in the other", word, fast.all(word), run.all(word))
		}
	}
	if !slices.Contains(run.all("COPY"), "--from=build /out/headway /headway") {
		t.Errorf("the image copies %q, and not what was built", run.all("COPY"))
	}
	for _, other := range slices.Concat(build.all("RUN"), run.all("RUN")) {
		if strings.Contains(other, "go build") {
			t.Errorf("the Dockerfile builds by itself: %s", other)
		}
	}
	ci := read(t, ".ci/run")
	if !strings.Contains(ci, ".ci/build ") || strings.Contains(ci, "go build") {
		t.Error(".ci/run does not build by .ci/build alone")
	}
	script := read(t, ".ci/build")
	if strings.Count(script, "go build ") != 1 || !strings.Contains(script, "CGO_ENABLED=0 go build ") {
		t.Error(".ci/build does not make one binary without cgo")
	}
	for _, name := range []string{".ci/build", ".ci/run"} {
		info, err := os.Stat(filepath.Join(root, name))
		if err != nil || info.Mode()&0o111 == 0 {
			t.Errorf("%s cannot be run: %v", name, err)
		}
	}
}

func TestImageRunsAsNobody(t *testing.T) {
	t.Parallel()
	image := stages(t)
	run := image[len(image)-1]
	user, _, _ := strings.Cut(run.only(t, "USER"), ":")
	if user == "" || user == "0" || user == "root" {
		t.Errorf("the image runs as %q", user)
	}
	data := strings.TrimPrefix(run.only(t, "ENV"), "HEADWAY_DATA=")
	if run.only(t, "VOLUME") != data {
		t.Errorf("the data folder is %s, and the volume is %s", data, run.only(t, "VOLUME"))
	}
	// The folder comes from the build stage, and belongs to the user.
	made := "mkdir -p /out/lib/" + filepath.Base(data)
	if !slices.Contains(image[0].all("RUN"), made) ||
		!slices.Contains(run.all("COPY"), "--from=build --chown="+run.only(t, "USER")+" /out/lib/ "+filepath.Dir(data)+"/") {
		t.Errorf("nobody makes %s for user %s", data, user)
	}
}

// TestImageStartsWhatExists asks the command line whether it knows what the
// image starts.
func TestImageStartsWhatExists(t *testing.T) {
	t.Parallel()
	image := stages(t)
	run := image[len(image)-1]
	entry := words(t, run.only(t, "ENTRYPOINT"))
	_, check, found := strings.Cut(run.only(t, "HEALTHCHECK"), "CMD ")
	if !found {
		t.Fatal("the health check runs nothing")
	}
	for _, command := range [][]string{append(entry, words(t, run.only(t, "CMD"))...), words(t, check)} {
		if command[0] != "/headway" || len(command) != 2 {
			t.Errorf("the image runs %q", command)
			continue
		}
		var out bytes.Buffer
		if code := cli.Main([]string{command[1], "--help"}, &out, &out); code != 0 || !strings.Contains(out.String(), "headway "+command[1]) {
			t.Errorf("headway %s --help: exit code %d\n%s", command[1], code, out.String())
		}
	}
}

// words reads the JSON form of a command.
func words(t *testing.T, text string) []string {
	t.Helper()
	var list []string
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return list
}
