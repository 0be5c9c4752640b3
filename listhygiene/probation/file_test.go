package probation

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestBadFiles(t *testing.T) {
	t.Parallel()
	const good, bad = 1, 2
	for _, tt := range []struct {
		name    string
		results []Result
		want    []int64
	}{
		{"nothing yet", nil, nil},
		{"both well", []Result{{good, 1, 1000, 500, 5}, {bad, 1, 1000, 500, 20}}, nil},
		{"bad where others are well", []Result{{good, 1, 1000, 500, 5}, {bad, 1, 1000, 500, 40}}, []int64{bad}},
		{"bad where those without a file are well", []Result{{0, 1, 1000, 500, 5}, {bad, 1, 1000, 500, 40}}, []int64{bad}},
		{"bad at two providers of its own", []Result{{good, 1, 1000, 500, 5}, {bad, 2, 1000, 500, 40}, {bad, 3, 1000, 200, 20}}, []int64{bad}},
		{"a provider refuses everybody", []Result{{good, 1, 1000, 500, 300}, {bad, 1, 1000, 500, 300}, {good, 2, 1000, 500, 2}}, nil},
		{"a provider that only it goes to", []Result{{good, 1, 1000, 500, 5}, {bad, 2, 1000, 500, 300}}, nil},
		{"the only file", []Result{{bad, 1, 1000, 500, 40}, {bad, 2, 1000, 500, 40}}, nil},
		{"contacts without a file are no file", []Result{{good, 1, 1000, 500, 5}, {0, 1, 1000, 500, 40}}, nil},
		{"too few to say", []Result{{good, 1, 1000, 500, 5}, {bad, 1, 1000, 99, 50}}, nil},
		{"too few others to say", []Result{{good, 1, 1000, 99, 0}, {bad, 1, 1000, 500, 50}}, nil},
	} {
		var got []int64
		for _, f := range BadFiles(tt.results) {
			got = append(got, f.File)
			if f.Words == "" {
				t.Errorf("%s: no words", tt.name)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// A file of which little bounced is never stopped, whatever the others do, and
// the order of the results does not matter.
func TestBadFilesLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var results []Result
		sums := make(map[int64]Result)
		for file := range int64(4) {
			for provider := range int64(3) {
				r := Result{File: file, Provider: provider, Tried: rapid.Int64Range(0, 400).Draw(t, "tried")}
				r.Bounced = rapid.Int64Range(0, r.Tried).Draw(t, "bounced")
				r.Total = r.Tried + rapid.Int64Range(0, 400).Draw(t, "waiting")
				results = append(results, r)
				sums[file] = sums[file].add(r)
			}
		}
		bad := BadFiles(results)
		for _, f := range bad {
			if f.File == 0 || !sums[f.File].isBad() {
				t.Fatalf("file %d is stopped with %+v", f.File, sums[f.File])
			}
		}
		if again := BadFiles(rapid.Permutation(results).Draw(t, "order")); !sameFiles(bad, again) {
			t.Fatalf("%v, in another order %v", bad, again)
		}
	})
}

func sameFiles(a, b []BadFile) bool {
	return slices.EqualFunc(a, b, func(a, b BadFile) bool { return a.File == b.File })
}
