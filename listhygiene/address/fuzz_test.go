package address

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzParse(f *testing.F) {
	for _, raw := range []string{
		"anna@example.org", `"a\"b"@example.org`, "用户@例子.广告", "@a:b@c.de", " Anna <anna@example.org>,",
		"a@xn--bcher-kva.ch", "a@[1.2.3.4]", "a@b。c", "mailto:a%40b@c.de?x", "a@b--c.de", "\xff@\xfe.de",
	} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		policy := Policy{AllowReserved: true}
		policy.Mend(raw)
		Tidy(raw)
		a, err := policy.Parse(raw)
		if err != nil {
			p := err.(*Problem)
			if p.Code.Words() == "" || p.Offset < 0 {
				t.Fatalf("Parse(%q): %+v says nothing", raw, p)
			}
			return
		}
		send := a.String()
		if len(send) > maxAddress || !utf8.ValidString(send) || strings.ContainsAny(send, "\r\n\x00<>") && a.Local[0] != '"' {
			t.Fatalf("Parse(%q) would send %q", raw, send)
		}
		if strings.ContainsAny(send, "\r\n\x00") {
			t.Fatalf("Parse(%q) would break the command line with %q", raw, send)
		}
		if again, err := policy.Parse(send); err != nil || again != a {
			t.Fatalf("Parse(%q) = %+v, %v, want %+v", send, again, err, a)
		}
		if key := a.Key(); CanonicalKey(CanonicalKey(key)) != CanonicalKey(key) {
			t.Fatalf("canonical key of %q is not stable", key)
		}
		if tidied := Tidy(send).Text; tidied != send {
			t.Fatalf("Tidy changed the address %q to %q", send, tidied)
		}
	})
}

var benchmarkAddresses = []string{
	"anna.maria+news@example.org", "john_smith1982@gmail.com", "contact@some-company.example.com",
	"j.doe@mail.department.example.net", "x@example.io",
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for i := range b.N {
		if _, err := Parse(benchmarkAddresses[i%len(benchmarkAddresses)]); err != nil {
			b.Fatal(err)
		}
	}
}

// What an import does with each address: tidy, parse, both keys.
func BenchmarkImportSteps(b *testing.B) {
	b.ReportAllocs()
	for i := range b.N {
		a, err := Parse(Tidy(benchmarkAddresses[i%len(benchmarkAddresses)]).Text)
		if err != nil {
			b.Fatal(err)
		}
		_ = CanonicalKey(a.Key())
	}
}

func BenchmarkParseInternational(b *testing.B) {
	b.ReportAllocs()
	for range b.N {
		if _, err := Parse("用户@例子.广告"); err != nil {
			b.Fatal(err)
		}
	}
}

func TestPlainASCIIAllocatesNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() {
		for _, raw := range benchmarkAddresses {
			a, err := Parse(Tidy(raw).Text)
			if err != nil || a.Key() != raw {
				t.Fatal(err)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations for %d addresses", n, len(benchmarkAddresses))
	}
}
