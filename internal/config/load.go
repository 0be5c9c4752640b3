package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	gotoml "github.com/pelletier/go-toml/v2"
	"github.com/spf13/pflag"
)

// Flags adds one flag per setting. Only the few that people use every day are
// shown in help texts; `headway config example` lists all.
func Flags(flags *pflag.FlagSet) {
	daily := []string{"data", "database.url", "web.listen", "log.level"}
	flags.String("config", "", "settings file (default: headway.toml in the data folder)")
	defaults := Default()
	for _, k := range keys(&defaults) {
		flags.String(k.flag(), "", k.doc)
		if k.value.Kind() == reflect.Bool {
			flags.Lookup(k.flag()).NoOptDefVal = "true"
		}
		if !slices.Contains(daily, k.path) {
			if err := flags.MarkHidden(k.flag()); err != nil {
				panic(err) // the flag was added on the line above
			}
		}
	}
}

// Sources are where settings come from besides the defaults.
type Sources struct {
	Flags   *pflag.FlagSet // may be nil
	Environ []string       // as os.Environ returns it
	// DataDir returns the data folder when none is set; headway.toml is looked
	// for there.
	DataDir func() (string, error)
}

// Load reads all sources, checks the result and returns it. The data folder is
// filled in.
func Load(from Sources) (Config, error) {
	c := Default()
	known := keys(&c)
	overrides, named, err := gather(from, known)
	if err != nil {
		return Config{}, err
	}
	data, _ := overrides["data"].(string)
	if data == "" {
		if data, err = from.DataDir(); err != nil {
			return Config{}, err
		}
	}
	name := cmp.Or(named, filepath.Join(data, "headway.toml"))
	values, err := readFile(name, known)
	if errors.Is(err, fs.ErrNotExist) && named == "" {
		err = nil
	}
	if err == nil {
		err = apply(known, values)
	}
	if err != nil {
		return Config{}, fmt.Errorf("settings file %s: %w", name, err)
	}
	if err := apply(known, overrides); err != nil {
		return Config{}, err
	}
	if c.Data == "" {
		c.Data = data
	}
	if err := c.Check(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// apply gives all known keys the values that a source has for them.
func apply(known []key, values map[string]any) error {
	for _, k := range known {
		if raw, set := values[k.path]; set {
			if err := k.set(raw); err != nil {
				return err
			}
		}
	}
	return nil
}

// gather reads the environment and the flags, and the name of the settings file.
func gather(from Sources, known []key) (overrides map[string]any, fileName string, err error) {
	overrides = make(map[string]any)
	byVariable := make(map[string]string, len(known))
	for _, k := range known {
		byVariable[k.variable()] = k.path
	}
	for _, entry := range from.Environ {
		name, value, _ := strings.Cut(entry, "=")
		switch path, ok := byVariable[name]; {
		case ok:
			overrides[path] = value
		case name == "DATABASE_URL":
			if _, set := overrides["database.url"]; !set && value != "" {
				overrides["database.url"] = value
			}
		case name == "HEADWAY_CONFIG":
			fileName = value
		case strings.HasPrefix(name, "HEADWAY_") && !reserved[name] && !strings.HasPrefix(name, "HEADWAY_TEST_"):
			return nil, "", fmt.Errorf("the environment variable %s is not a setting; `headway config example` lists them", name)
		}
	}
	if from.Flags == nil {
		return overrides, fileName, nil
	}
	for _, k := range known {
		if flag := from.Flags.Lookup(k.flag()); flag != nil && flag.Changed {
			overrides[k.path] = flag.Value.String()
		}
	}
	if flag := from.Flags.Lookup("config"); flag != nil && flag.Changed {
		fileName = flag.Value.String()
	}
	return overrides, fileName, nil
}

// reserved are variables of ours that are no settings.
var reserved = map[string]bool{"HEADWAY_AXE": true, "HEADWAY_CORPORA": true, "HEADWAY_SCREENSHOTS": true}

// readFile returns what a settings file holds, by path.
func readFile(name string, known []key) (map[string]any, error) {
	content := koanf.New(".")
	err := content.Load(file.Provider(name), toml.Parser())
	var mistake *gotoml.DecodeError
	if errors.As(err, &mistake) {
		line, column := mistake.Position()
		return nil, fmt.Errorf("line %d, column %d: %w", line, column, err)
	}
	if err != nil {
		return nil, err
	}
	values := content.All()
	for _, path := range content.Keys() {
		isSection := slices.ContainsFunc(known, func(k key) bool { return strings.HasPrefix(k.path, path+".") })
		empty, isTable := values[path].(map[string]any)
		switch {
		case slices.ContainsFunc(known, func(k key) bool { return k.path == path }):
		case isSection && isTable && len(empty) == 0: // all its settings are left out
		case isSection:
			return nil, fmt.Errorf("%s is a section, not a setting; its settings stand under [%s]", path, path)
		default:
			return nil, fmt.Errorf("%q is not a setting%s; `headway config example` lists them", path, nearest(path, known))
		}
	}
	return values, nil
}

// nearest suggests the setting with the same last word, if there is one.
func nearest(path string, known []key) string {
	last := path[strings.LastIndexByte(path, '.')+1:]
	for _, k := range known {
		if strings.HasSuffix(k.path, "."+last) || k.path == last {
			return fmt.Sprintf(" (did you mean %s?)", k.path)
		}
	}
	return ""
}

// Environ returns the process environment, for [Sources].
func Environ() []string { return os.Environ() }
