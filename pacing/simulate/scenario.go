package simulate

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/headwaymail/headway/pacing/receiver"
)

// Scenario is one receiver to play against, and for how long.
//
// It is written in YAML like a provider of the sandbox's file: a list under
// the key providers. Keys that only the sandbox needs (domains, series,
// share, without, people) are read over.
type Scenario struct {
	Name  string        `yaml:"name"`  // R03
	Title string        `yaml:"title"` // a few words
	Run   time.Duration `yaml:"run"`   // how long it is played; default 2h

	// Converges says that the limit is one to run at evenly, so that the time
	// to find it is measured. Rises is when, after the start, a limit that
	// fell comes back: the time to notice is measured from there.
	Converges bool          `yaml:"converges"`
	Rises     time.Duration `yaml:"rises"`

	Hosts struct {
		Count       int      `yaml:"count"` // default 1
		Names       []string `yaml:"names"`
		Preferences []int    `yaml:"preferences"`
	} `yaml:"hosts"`

	receiver.Spec `yaml:",inline"`

	Domains any `yaml:"domains"`
	Series  any `yaml:"series"`
	Share   any `yaml:"share"`
	Without any `yaml:"without"`
	People  any `yaml:"people"`
}

// Start is when every run begins: a time of day on no round boundary.
var Start = time.Date(2026, 3, 3, 10, 17, 23, 0, time.UTC)

// defaultLatency is a server at some distance: the figures of the benchmark.
var defaultLatency = receiver.Latency{
	Connect: 250 * time.Millisecond,
	Message: 400 * time.Millisecond,
	Refusal: 120 * time.Millisecond,
	Jitter:  0.3,
}

//go:embed receivers
var receivers embed.FS

// Load reads scenarios and reports every mistake in them.
func Load(r io.Reader) ([]Scenario, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read receivers: %w", err)
	}
	var file struct {
		Providers []Scenario `yaml:"providers"`
		Seed      any        `yaml:"seed"`
		DNS       any        `yaml:"dns"`
		List      any        `yaml:"contacts"`
		People    any        `yaml:"people"`
	}
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("read receivers: %w", err)
	}
	if len(file.Providers) == 0 {
		return nil, errors.New("no receivers in the file: list them under the key providers")
	}
	var faults []error
	for i := range file.Providers {
		s := &file.Providers[i]
		s.complete()
		for _, p := range s.Check(s.Hosts.Count) {
			faults = append(faults, fmt.Errorf("receiver %s: %v", s.Name, p))
		}
	}
	return file.Providers, errors.Join(faults...)
}

func (s *Scenario) complete() {
	if s.Run == 0 {
		s.Run = 2 * time.Hour
	}
	s.Hosts.Count = max(s.Hosts.Count, len(s.Hosts.Names), 1)
	if s.Latency == (receiver.Latency{}) {
		s.Latency = defaultLatency
	}
}

// Sets are the built-in scenarios by what they are for, as prefixes of [Named].
var Sets = map[string][]string{
	"development": {"R", "N"}, // the controller was developed against these
	"cold":        {"C"},      // the first five minutes
	"held-out":    {"H"},      // after real software, written before the controller was tried on them
}

// Named returns the built-in scenarios with the given names, those of a whole
// letter (R, N, C, H), or the thirty of the benchmark when none is given.
func Named(prefixes ...string) ([]Scenario, error) {
	if len(prefixes) == 0 {
		prefixes = []string{"R", "N"}
	}
	var found []Scenario
	for _, name := range []string{"development", "nested", "cold", "heldout", "heldout2", "heldout3"} {
		all, err := loadBuiltIn(name)
		if err != nil {
			return nil, err
		}
		for _, s := range all {
			for _, p := range prefixes {
				if s.Name == p || len(p) == 1 && strings.HasPrefix(s.Name, p) {
					found = append(found, s)
					break
				}
			}
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no built-in receiver is called %s; there are R01 to R24, N1 to N6, C1 to C3 and H1 to H30", strings.Join(prefixes, ", "))
	}
	return found, nil
}

func loadBuiltIn(name string) ([]Scenario, error) {
	file, err := fs.Sub(receivers, "receivers")
	if err != nil {
		return nil, fmt.Errorf("built-in receivers: %w", err)
	}
	f, err := file.Open(name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("built-in receivers: %w", err)
	}
	defer f.Close()
	return Load(f)
}
