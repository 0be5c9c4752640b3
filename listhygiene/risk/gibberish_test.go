package risk

import (
	"strings"
	"testing"

	"github.com/headwaymail/headway/listhygiene/corpustest"
)

func TestIsGibberish(t *testing.T) {
	t.Parallel()
	for local, want := range map[string]bool{
		"xkqzvbnmwrt": true, "a1b2c3d4e5f6": true, "qwrtpsdfghjkl+x": true,
		"anna.maier": false, "annamaier1987": false, "christopherschwarz": false, "szczepanskikrzysztof": false,
		"hrvstmljnk": true, "jsmith": false, "contact2024team": false, "wolfgangschmidt": false,
		"nguyenthithanhhuong": false, "günther-maier-xyz": false, "bkr": false, "rhythmnblues": false,
		"marketingdepartment": false, "2024newsletter07": false, "brzeczyszczykiewicz": false, "hrdlickazbynek": false,
	} {
		if got := IsGibberish(local); got != want {
			t.Errorf("IsGibberish(%q) = %v", local, got)
		}
	}
}

func FuzzIsGibberish(f *testing.F) {
	f.Add("xkqzvbnmwrt")
	f.Fuzz(func(t *testing.T, local string) {
		if IsGibberish(local) && len(local) < gibberishFrom {
			t.Fatalf("%q is too short to tell", local)
		}
	})
}

// BenchmarkSuggestCorpus measures flanker's list.
func BenchmarkSuggestCorpus(b *testing.B) {
	lines := corpustest.Lines(b, "flanker/domain_typos_valid.txt")
	i := 0
	for b.Loop() {
		typed, _, _ := strings.Cut(lines[i%len(lines)], ",")
		SuggestDomain(typed)
		i++
	}
}
