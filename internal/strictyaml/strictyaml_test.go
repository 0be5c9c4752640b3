package strictyaml

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type percent float64

func (p *percent) UnmarshalText(text []byte) error {
	if !strings.HasSuffix(string(text), "%") {
		return errors.New(`"` + string(text) + `" is not a percentage; write e.g. 5%`)
	}
	*p = 5
	return nil
}

type inner struct {
	Delay time.Duration `yaml:"delay"`
	Share percent       `yaml:"share"`
}

type sample struct {
	Name   string         `yaml:"name"`
	Count  int            `yaml:"count"`
	Seed   uint64         `yaml:"seed"`
	Ratio  float64        `yaml:"ratio"`
	On     *bool          `yaml:"on"`
	Words  []string       `yaml:"words"`
	Inner  *inner         `yaml:"inner"`
	Many   []inner        `yaml:"many"`
	Groups map[string]int `yaml:"groups"`
	inline `yaml:",inline"`
}

type inline struct {
	Extra string `yaml:"extra"`
}

func TestDecodeReadsEveryKind(t *testing.T) {
	t.Parallel()
	var got sample
	_, problems := Decode([]byte(`
name: 10/s
count: -3
seed: 18446744073709551615
ratio: 1.5
on: false
words: [a, "2", 3]
inner: {delay: 1m30s, share: 2%}
many:
  - delay: 250ms
  - share: 1%
groups:
  a@b.test: 1
  c: 2
extra: |
  two
  lines
`), &got)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	off := false
	want := sample{
		Name: "10/s", Count: -3, Seed: 1<<64 - 1, Ratio: 1.5, On: &off,
		Words:  []string{"a", "2", "3"},
		Inner:  &inner{Delay: 90 * time.Second, Share: 5},
		Many:   []inner{{Delay: 250 * time.Millisecond}, {Share: 5}},
		Groups: map[string]int{"a@b.test": 1, "c": 2},
		inline: inline{Extra: "two\nlines\n"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(sample{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDecodeExplainsEveryMistakeAtOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"many": {
			"nmae: x\ncount: many\nseed: -1\nratio: .nan\non: yes\nwords: a\n" +
				"inner:\n  delay: 10\n  share: half\n  colour: red\nmany:\n  - [1]\ngroups: [1]\ncount: 2\n",
			[]string{
				`line 1, column 1: nmae: "nmae" is not known here; did you mean "name"?`,
				`line 2, column 8: count: "many" is not a whole number in range`,
				`line 3, column 7: seed: "-1" is not a whole number from 0 on in range`,
				`line 4, column 8: ratio: ".nan" is not a number`,
				`line 5, column 5: on: "yes" is not true or false`,
				`line 6, column 8: words: is a single value; write a list, e.g. [a, b] or lines that begin with "- "`,
				`line 8, column 10: inner.delay: "10" is not a duration; write a number with its unit, e.g. 250ms, 8s, 5m or 24h`,
				`line 9, column 10: inner.share: "half" is not a percentage; write e.g. 5%`,
				`line 10, column 3: inner.colour: "colour" is not known here; known keys: delay, share`,
				`line 12, column 5: many[0]: is a list; write a group of keys, one a line`,
				`line 13, column 9: groups: is a list; write a group of keys, one a line`,
				`line 14, column 1: count: occurs twice; keep one of the two`,
			},
		},
		"empty":         {"# nothing\n", []string{"the file is empty"}},
		"two documents": {"name: a\n---\nname: b\n", []string{"line 3, column 1: holds a second document; a file holds one"}},
		"anchors":       {"name: &x a\nextra: *x\n", []string{"line 1, column 7: name: anchors, aliases and tags are not supported; write the value out", "line 2, column 8: extra: anchors, aliases and tags are not supported; write the value out"}},
		"syntax":        {"name: [a\n", []string{"line 1, column 7: is not YAML: sequence end token ']' not found"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := Decode([]byte(test.text), &sample{})
			var got []string
			for _, p := range problems {
				got = append(got, p.String())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("problems differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPositionsPointAtTheNearestThing(t *testing.T) {
	t.Parallel()
	positions, problems := Decode([]byte("name: x\ninner:\n  delay: 1s\ngroups:\n  a@b.test: 1\n"), &sample{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for path, want := range map[string]string{
		"inner.delay":     "line 3, column 10: inner.delay: is wrong",
		"inner.share":     "line 2, column 1: inner.share: is wrong",
		"many[3].delay":   "line 1, column 1: many[3].delay: is wrong",
		"groups.a@b.test": "line 5, column 3: groups.a@b.test: is wrong",
		"":                "line 1, column 1: is wrong",
	} {
		if got := positions.Problem(path, "is %s", "wrong").String(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("name: x\ninner: {delay: 1s}\nmany: [{share: 1%}]\ngroups: {a: 1}\n"))
	f.Add([]byte("a: &x [*x]\n<<: *x\n? [b]\n: !!str c\n"))
	f.Add([]byte("- a\n- b: |\n   c\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		positions, problems := Decode(data, &sample{})
		for _, p := range problems {
			if p.Text == "" {
				t.Errorf("a problem without a text: %+v", p)
			}
		}
		_ = positions.Problem("many[0].delay", "x").String()
	})
}
