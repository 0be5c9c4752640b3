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
		name      string
		results   []Result
		want      []int64
		undecided bool
	}{
		{"nothing yet", nil, nil, false},
		{"both well", []Result{{good, 1, 1000, 500, 5}, {bad, 1, 1000, 500, 20}}, nil, false},
		{"bad where others are well", []Result{{good, 1, 1000, 500, 5}, {bad, 1, 1000, 500, 40}}, []int64{bad}, false},
		{"bad where those without a file are well", []Result{{0, 1, 1000, 500, 5}, {bad, 1, 1000, 500, 40}}, []int64{bad}, false},
		{"bad at two providers of its own", []Result{{good, 1, 1000, 500, 5}, {bad, 2, 1000, 500, 40}, {bad, 3, 1000, 200, 20}}, []int64{bad}, false},
		{"a provider refuses everybody", []Result{{good, 1, 1000, 500, 300}, {bad, 1, 1000, 500, 300}, {good, 2, 1000, 500, 2}}, nil, false},
		{"a provider that only it goes to", []Result{{good, 1, 1000, 500, 5}, {bad, 2, 1000, 500, 300}}, nil, false},
		{"the only file", []Result{{bad, 1, 1000, 500, 40}, {bad, 2, 1000, 500, 40}}, nil, false},
		{"contacts without a file are no file", []Result{{good, 1, 1000, 500, 5}, {0, 1, 1000, 500, 40}}, nil, false},
		{"too few to say", []Result{{good, 1, 1000, 500, 5}, {bad, 1, 1000, 99, 50}}, nil, true},
		{"a file too small to say", []Result{{good, 1, 1000, 500, 5}, {bad, 1, 99, 60, 50}}, nil, false},
		{"too few others to say", []Result{{good, 1, 1000, 99, 0}, {bad, 1, 1000, 500, 50}}, nil, true},
	} {
		var got []int64
		found, undecided := BadFiles(tt.results)
		for _, f := range found {
			got = append(got, f.File)
			if f.Words == "" {
				t.Errorf("%s: no words", tt.name)
			}
		}
		if !slices.Equal(got, tt.want) || undecided != tt.undecided {
			t.Errorf("%s: %v, undecided %t; want %v, %t", tt.name, got, undecided, tt.want, tt.undecided)
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
		bad, undecided := BadFiles(results)
		for _, f := range bad {
			if f.File == 0 || !sums[f.File].isBad() {
				t.Fatalf("file %d is stopped with %+v", f.File, sums[f.File])
			}
		}
		again, still := BadFiles(rapid.Permutation(results).Draw(t, "order"))
		if !sameFiles(bad, again) || undecided != still {
			t.Fatalf("%v, in another order %v", bad, again)
		}
	})
}

func sameFiles(a, b []BadFile) bool {
	return slices.EqualFunc(a, b, func(a, b BadFile) bool { return a.File == b.File })
}
