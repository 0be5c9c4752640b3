package risk

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headwaymail/headway/listhygiene"
	"github.com/headwaymail/headway/listhygiene/address"
	"github.com/headwaymail/headway/listhygiene/corpustest"
)

func TestSuggestDomain(t *testing.T) {
	t.Parallel()
	tests := []struct{ domain, want string }{
		{"gmial.com", "gmail.com"},
		{"gnail.con", "gmail.com"},
		{"gmail", "gmail.com"},
		{"gmailcom", "gmail.com"},
		{"gmail.net", "gmail.com"},
		{"gmail.de", "gmail.com"},
		{"hotmail.fe", "hotmail.fr"},
		{"yahoo.co.ukk", "yahoo.co.uk"},
		{"yahoo.com.com", "yahoo.com"},
		{"outlok.com", "outlook.com"},
		{"iclould.com", "icloud.com"},
		{"tonline.de", "t-online.de"},
		{"example.org", ""},
		{"example.con", "example.com"},
		{"example.ner", "example.net"},
		{"yahoo.co.nz", ""},
		{"outlook.fr", ""},
		{"ymail.com", ""},
		{"mail.com", ""},
		{"gmx.at", ""},
		{"example.org", ""},
		{"xn--bcher-kva.ch", ""},
		{"", ""},
		{"com", ""},
	}
	for _, tt := range tests {
		got, ok := SuggestDomain(tt.domain)
		if got != tt.want || ok != (tt.want != "") {
			t.Errorf("SuggestDomain(%q) = %q, %v, want %q", tt.domain, got, ok, tt.want)
		}
	}
}

// No domain that the table proposes is itself taken for a mistake.
func TestProposedDomainsAreNoTypos(t *testing.T) {
	t.Parallel()
	for _, list := range [][]string{common, strings.Fields(freeSeed)} {
		for _, domain := range list {
			if meant, ok := SuggestDomain(domain); ok && strings.Contains(domain, ".") && !strings.HasPrefix(domain, "#") {
				t.Errorf("%s is taken for %s", domain, meant)
			}
		}
	}
	for _, domain := range common {
		if len(domain) > maxName {
			t.Errorf("%s is longer than what can be compared", domain)
		}
	}
}

func TestDistanceLaws(t *testing.T) {
	t.Parallel()
	name := rapid.StringMatching(`[a-z0-9.]{0,12}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := name.Draw(t, "a"), name.Draw(t, "b")
		if d := distance(a, a, 99); d != 0 {
			t.Fatalf("%q is %v from itself", a, d)
		}
		d := distance(a, b, 99)
		if (d == 0) != (a == b) {
			t.Fatalf("%q and %q are %v apart", a, b, d)
		}
		if limited := distance(a, b, 1.5); limited != min(d, 1.5) {
			t.Fatalf("%q and %q are %v apart, %v with a limit", a, b, d, limited)
		}
	})
}

func TestCorpusFlankerTypos(t *testing.T) {
	t.Parallel()
	right, total := 0, 0
	for _, line := range corpustest.Lines(t, "flanker/domain_typos_valid.txt") {
		typed, want, _ := strings.Cut(line, ",")
		total++
		if got, _ := SuggestDomain(typed); got == want {
			right++
		} else {
			t.Logf("%s: %q, want %s", typed, got, want)
		}
	}
	t.Logf("right: %d of %d", right, total)
	if right*100 < total*95 {
		t.Errorf("%d of %d right, want at least 95 %%", right, total)
	}
	wrong, total := 0, 0
	for _, domain := range corpustest.Lines(t, "flanker/domain_typos_invalid.txt") {
		total++
		if meant, ok := SuggestDomain(domain); ok {
			wrong++
			t.Logf("%s is real, taken for %s", domain, meant)
		}
	}
	t.Logf("real domains taken for mistakes: %d of %d", wrong, total)
	if wrong > 1 {
		t.Errorf("%d real domains taken for mistakes, want at most 1", wrong)
	}
}

func TestCorpusMailcheck(t *testing.T) {
	t.Parallel()
	type pair struct{ Input, Expect string }
	for _, p := range corpustest.JSONLines[pair](t, "mailcheck/pairs.jsonl") {
		_, domain, _ := strings.Cut(strings.ToLower(p.Input), "@")
		got, _ := SuggestDomain(domain)
		if got != p.Expect {
			if p.Expect == "emaildomain.com" {
				t.Logf("%s: %q, not %q, a name that only that test knows", p.Input, got, p.Expect)
				continue
			}
			t.Errorf("%s: %q, want %q", p.Input, got, p.Expect)
		}
	}
}

// Real domains from public lists must hardly ever be taken for mistakes.
func TestCorpusFreeMailDomainsAreNoTypos(t *testing.T) {
	t.Parallel()
	taken, total := 0, 0
	for _, domain := range corpustest.Lines(t, "lists/freemail-free.txt") {
		total++
		if meant, ok := SuggestDomain(domain); ok {
			taken++
			t.Logf("%s is taken for %s", domain, meant)
		}
	}
	t.Logf("%d of %d taken for mistakes", taken, total)
	if taken*50 > total {
		t.Errorf("more than 2 %% taken for mistakes")
	}
}

func TestAssess(t *testing.T) {
	t.Parallel()
	lists := SeedLists()
	tests := []struct {
		raw  string
		want Assessment
	}{
		{"anna.maier@example.org", Assessment{}},
		{"anna@gmail.com", Assessment{FreeProvider: true}},
		{"Anna@gmial.com", Assessment{Reasons: []listhygiene.Reason{listhygiene.TypoLikely}, Suggestion: "Anna@gmail.com"}},
		{"x@mailinator.com", Assessment{Reasons: []listhygiene.Reason{listhygiene.Disposable}}},
		{"x@eu.mailinator.com", Assessment{Reasons: []listhygiene.Reason{listhygiene.Disposable}}},
		{"no-reply@example.org", Assessment{Reasons: []listhygiene.Reason{listhygiene.RoleTechnical}}},
		{"Info+news@example.org", Assessment{Reasons: []listhygiene.Reason{listhygiene.RoleShared}}},
		{"info@duck.com", Assessment{RelayAlias: true}},
		{"x7@anna.anonaddy.com", Assessment{RelayAlias: true}},
		{"x7@privaterelay.appleid.com", Assessment{RelayAlias: true}},
	}
	for _, tt := range tests {
		a, err := address.Parse(tt.raw)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, lists.Assess(a)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.raw, diff)
		}
	}
}

func TestRelaysAreNeverDisposable(t *testing.T) {
	t.Parallel()
	lists := Lists{Disposable: Set{"mozmail.com": {}, "duck.com": {}, "trash.example.org": {}}}
	for domain, want := range map[string]bool{"mozmail.com": false, "a.duck.com": false, "trash.example.org": true} {
		if got := lists.IsDisposable(domain); got != want {
			t.Errorf("IsDisposable(%s) = %v", domain, got)
		}
	}
}

func TestReadSet(t *testing.T) {
	t.Parallel()
	set, skipped, err := ReadSet(strings.NewReader("\ufeff# list\n\nMailinator.com # note\n@yopmail.com\r\nBücher.ch\nno domain\n"))
	if err != nil || skipped != 1 {
		t.Errorf("skipped %d, %v", skipped, err)
	}
	if diff := cmp.Diff(Set{"mailinator.com": {}, "yopmail.com": {}, "xn--bcher-kva.ch": {}}, set); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, _, err := ReadSet(strings.NewReader("<html>\n<body>\n")); err == nil {
		t.Error("a web page was read as a list")
	}
}

func TestCorpusLists(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"lists/disposable_email_blocklist.conf", "lists/freemail-free.txt"} {
		set, skipped, err := ReadSet(strings.NewReader(strings.Join(corpustest.Lines(t, name), "\n")))
		t.Logf("%s: %d domains, %d lines skipped", name, len(set), skipped)
		if err != nil || len(set) < 1000 || skipped > len(set)/100 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzSuggestDomain(f *testing.F) {
	for _, domain := range common {
		f.Add(domain)
	}
	f.Add("..")
	f.Add("yahoo.")
	f.Fuzz(func(t *testing.T, domain string) {
		if meant, ok := SuggestDomain(domain); ok && (meant == domain || !strings.Contains(meant, ".")) {
			t.Fatalf("SuggestDomain(%q) = %q", domain, meant)
		}
	})
}

func BenchmarkSuggestDomain(b *testing.B) {
	domains := []string{"gmial.com", "some-company.co.uk", "hotlamil.com", "honda.com", "mail.university.edu"}
	for i := range b.N {
		SuggestDomain(domains[i%len(domains)])
	}
}
