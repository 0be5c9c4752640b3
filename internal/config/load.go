package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
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
	k := koanf.New(".")
	defaults := Default()
	known := keys(&defaults)
	if err := k.Load(confmap.Provider(flat(known), "."), nil); err != nil {
		return Config{}, fmt.Errorf("settings: %w", err)
	}
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
	if err := loadFile(k, named, filepath.Join(data, "headway.toml"), known); err != nil {
		return Config{}, err
	}
	if err := k.Load(confmap.Provider(overrides, "."), nil); err != nil {
		return Config{}, fmt.Errorf("settings: %w", err)
	}
	var c Config
	if err := decode(k, &c); err != nil {
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

func flat(known []key) map[string]any {
	values := make(map[string]any, len(known))
	for _, k := range known {
		values[k.path] = k.value.Interface()
	}
	return values
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
var reserved = map[string]bool{"HEADWAY_CORPORA": true}

func loadFile(k *koanf.Koanf, named, usual string, known []key) error {
	name := named
	if name == "" {
		name = usual
	}
	values := koanf.New(".")
	err := values.Load(file.Provider(name), toml.Parser())
	if errors.Is(err, fs.ErrNotExist) && named == "" {
		return nil
	}
	if err != nil {
		return fmt.Errorf("settings file %s: %w", name, err)
	}
	for _, path := range values.Keys() {
		if !slices.ContainsFunc(known, func(k key) bool { return k.path == path }) {
			return fmt.Errorf("settings file %s: %q is not a setting%s; `headway config example` lists them",
				name, path, nearest(path, known))
		}
	}
	return k.Merge(values)
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

func decode(k *koanf.Koanf, into *Config) error {
	err := k.UnmarshalWithConf("", into, koanf.UnmarshalConf{
		DecoderConfig: &mapstructure.DecoderConfig{
			DecodeHook: mapstructure.ComposeDecodeHookFunc(
				mapstructure.StringToTimeDurationHookFunc(), mapstructure.StringToSliceHookFunc(",")),
			WeaklyTypedInput: true,
			ErrorUnused:      true,
			Result:           into,
			TagName:          "koanf",
		},
	})
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	for _, list := range []*[]string{&into.Roles, &into.DNS.Servers} {
		for i, item := range *list {
			(*list)[i] = strings.TrimSpace(item)
		}
	}
	return nil
}

// Environ returns the process environment, for [Sources].
func Environ() []string { return os.Environ() }
