package address

import (
	"testing"

	"pgregory.net/rapid"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, raw, key, canonical string }{
		{"lower case", "Anna.Maria@Example.org", "anna.maria@example.org", "anna.maria@example.org"},
		{"unknown domain keeps tag and dots", "a.b+c@example.org", "a.b+c@example.org", "a.b+c@example.org"},
		{"gmail", "A.n.n.a+news@Gmail.com", "a.n.n.a+news@gmail.com", "anna@gmail.com"},
		{"googlemail is gmail", "an.na@googlemail.com", "an.na@googlemail.com", "anna@gmail.com"},
		{"outlook keeps dots", "an.na+x@outlook.com", "an.na+x@outlook.com", "an.na@outlook.com"},
		{"national hotmail", "anna+x@hotmail.co.uk", "anna+x@hotmail.co.uk", "anna@hotmail.co.uk"},
		{"a company called hotmail-something", "anna+x@hotmail.shop.example.org", "anna+x@hotmail.shop.example.org", "anna+x@hotmail.shop.example.org"},
		{"icloud", "anna+x@icloud.com", "anna+x@icloud.com", "anna@icloud.com"},
		{"proton", "anna+x@pm.me", "anna+x@pm.me", "anna@pm.me"},
		{"yandex", "anna+x@yandex.kz", "anna+x@yandex.kz", "anna@yandex.kz"},
		{"yahoo is only a hint", "anna-x@yahoo.com", "anna-x@yahoo.com", "anna-x@yahoo.com"},
		{"nothing before the tag", "+x@gmail.com", "+x@gmail.com", "+x@gmail.com"},
		{"needless quotes", `"Anna"@example.org`, "anna@example.org", "anna@example.org"},
		{"quotes that are needed", `"Anna Maria"@gmail.com`, `"anna maria"@gmail.com`, `"anna maria"@gmail.com`},
		{"composed and decomposed", "e\u0301va@example.org", "éva@example.org", "éva@example.org"},
		{"capitals beyond ASCII", "ÉVA@Bücher.ch", "éva@xn--bcher-kva.ch", "éva@xn--bcher-kva.ch"},
		{"Kelvin sign", "\u212aarl@example.org", "karl@example.org", "karl@example.org"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, err := Parse(tt.raw)
			if err != nil {
				t.Fatal(err)
			}
			if got := a.Key(); got != tt.key {
				t.Errorf("key %q, want %q", got, tt.key)
			}
			if got := a.Canonical(); got != tt.canonical {
				t.Errorf("canonical %q, want %q", got, tt.canonical)
			}
		})
	}
}

func TestTagHint(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"Anna-shop@yahoo.de":  "anna@yahoo.de",
		"anna@yahoo.com":      "",
		"-anna@yahoo.com":     "",
		"anna-x@example.org":  "",
		"anna@yahoo-inc.com":  "",
		`"a-b c"@yahoo.com`:   "",
		"anna-x@yahoo.com.br": "anna@yahoo.com.br",
	} {
		a, err := Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := a.TagHint(); got != want || ok != (want != "") {
			t.Errorf("TagHint(%q) = %q, %v, want %q", raw, got, ok, want)
		}
	}
}

// mailbox draws well-formed addresses of every kind, many of them at providers
// with rules of their own.
func mailbox() *rapid.Generator[Address] {
	local := rapid.OneOf(
		rapid.StringMatching(`[a-zA-Z0-9+_-]{1,12}(\.[a-zA-Z0-9+_-]{1,8}){0,3}`),
		rapid.StringMatching(`"([ !#-\[\]-~]|\\[ -~]){0,12}"`),
		rapid.StringMatching(`[\p{L}\p{M}\p{N}]{1,12}`),
	)
	domain := rapid.OneOf(
		rapid.SampledFrom([]string{"gmail.com", "GoogleMail.com", "outlook.fr", "hotmail.co.uk", "yandex.ru", "yahoo.com", "pm.me"}),
		rapid.StringMatching(`[a-zA-Z0-9]{1,10}(\.[a-z]{2,6}){1,2}`),
		rapid.StringMatching(`[äöüß一-龥]{1,6}\.(de|中国)`),
	)
	return rapid.Custom(func(t *rapid.T) Address {
		a, err := Parse(local.Draw(t, "local") + "@" + domain.Draw(t, "domain"))
		if err != nil {
			t.Skip("not well formed")
		}
		return a
	})
}

func TestKeyLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := mailbox().Draw(t, "address")
		key, canonical := a.Key(), a.Canonical()
		if again := CanonicalKey(canonical); again != canonical {
			t.Fatalf("canonical of %q is %q, of that %q", a, canonical, again)
		}
		k, err := Parse(key)
		if err != nil {
			if p := err.(*Problem); p.Code == LocalTooLong || p.Code == TooLong {
				return // lower case may need more bytes than capitals
			}
			t.Fatalf("the key %q of %q is no address: %v", key, a, err)
		}
		if got := k.Key(); got != key {
			t.Fatalf("key of %q is %q, of that %q", a, key, got)
		}
		if got := k.Canonical(); got != canonical {
			t.Fatalf("canonical of %q is %q, of its key %q", a, canonical, got)
		}
	})
}

func TestParseIsStable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := mailbox().Draw(t, "address")
		sent, err := Parse(a.String())
		if err != nil || sent != a {
			t.Fatalf("%q parses again as %+v, %v", a, sent, err)
		}
		normal, err := Parse(a.Normal())
		if err != nil {
			t.Fatalf("normal form %q of %q: %v", a.Normal(), a, err)
		}
		if normal.Key() != a.Key() {
			t.Fatalf("normal form %q has key %q, %q has %q", a.Normal(), normal.Key(), a, a.Key())
		}
	})
}
