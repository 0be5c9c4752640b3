package address

import (
	"errors"
	"net/mail"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, raw, send, normal string
		utf8                    bool
	}{
		{name: "plain", raw: "anna@example.org", send: "anna@example.org"},
		{name: "case of the local part is kept", raw: "Anna.Maria@Example.ORG", send: "Anna.Maria@example.org"},
		{name: "every atext character", raw: "!#$%&'*+-/=?^_`{|}~@example.org", send: "!#$%&'*+-/=?^_`{|}~@example.org"},
		{name: "quoted", raw: `"anna maria"@example.org`, send: `"anna maria"@example.org`},
		{name: "needless quotes are sent as given", raw: `"an\na"@example.org`, send: `"an\na"@example.org`, normal: "anna@example.org"},
		{name: "international domain", raw: "anna@Bücher.ch", send: "anna@xn--bcher-kva.ch", normal: "anna@bücher.ch"},
		{name: "deviation characters are not mapped", raw: "anna@straße.de", send: "anna@xn--strae-oqa.de", normal: "anna@straße.de"},
		{name: "international local part", raw: "用户@例子.广告", send: "用户@xn--fsqu00a.xn--4rr70v", normal: "用户@例子.广告", utf8: true},
		{name: "ideographic full stop", raw: "anna@例子。广告", send: "anna@xn--fsqu00a.xn--4rr70v", normal: "anna@例子.广告"},
		{name: "A-label in capitals", raw: "anna@XN--BCHER-KVA.CH", send: "anna@xn--bcher-kva.ch", normal: "anna@bücher.ch"},
		{name: "country name with a mail host", raw: "test@io", send: "test@io"},
		{name: "single letter labels", raw: "a@b.c", send: "a@b.c"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, err := Parse(tt.raw)
			if err != nil {
				t.Fatalf("Parse(%q): %v", tt.raw, err)
			}
			if tt.normal == "" {
				tt.normal = tt.send
			}
			if got := a.String(); got != tt.send {
				t.Errorf("sent as %q, want %q", got, tt.send)
			}
			if got := a.Normal(); got != tt.normal {
				t.Errorf("normal form %q, want %q", got, tt.normal)
			}
			if a.UTF8 != tt.utf8 {
				t.Errorf("UTF8 = %v, want %v", a.UTF8, tt.utf8)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 60)
	tests := []struct {
		raw  string
		code Code
	}{
		{"", Empty},
		{"anna.example.org", NoAt},
		{"Anna Maria", NoAt},
		{"anna＠example.org", NoAt},
		{"anna@b@example.org", AtRepeated},
		{"anna@example.org\n", ControlChar},
		{"an\x00na@example.org", ControlChar},
		{"an\u200bna@example.org", ControlChar},
		{`"an\` + "\x07" + `na"@example.org`, ControlChar},
		{"an\xffna@example.org", NotUTF8},
		{"anna@exam\xffple.org", NotUTF8},
		{" anna@example.org", SpaceInside},
		{"anna@example.org ", SpaceInside},
		{"an\u00a0na@example.org", SpaceInside},
		{"anna maria@example.org", SpaceInside},
		{"Anna <anna@example.org>", NameForm},
		{`"Anna" <anna@example.org>`, NameForm},
		{"anna@example.org>", NameForm},
		{"(home)anna@example.org", CommentRefused},
		{"anna@example.org(home)", CommentRefused},
		{"@relay.example.org:anna@example.org", SourceRouteRefused},
		{"@example.org", LocalEmpty},
		{strings.Repeat("a", 65) + "@example.org", LocalTooLong},
		{`"` + strings.Repeat("a", 63) + `"@example.org`, LocalTooLong},
		{strings.Repeat("é", 65) + "@example.org", LocalTooLong},
		{`anna\maria@example.org`, LocalBadChar},
		{"anna,maria@example.org", LocalBadChar},
		{"annaâ‚¬@example.org", LocalBadChar},
		{"me\u037e@example.org", LocalBadChar}, // a Greek question mark is a semicolon in NFC
		{".anna@example.org", DotMisplaced},
		{"anna.@example.org", DotMisplaced},
		{"anna..maria@example.org", DotMisplaced},
		{`"anna"maria@example.org`, QuoteMisplaced},
		{`"anna@example.org`, QuoteMisplaced},
		{`an"na"@example.org`, QuoteMisplaced},
		{"anna@", DomainEmpty},
		{"anna@" + strings.Repeat(long+".", 4) + long[:10], DomainTooLong},
		{"anna@" + long + "abcd.de", DomainLabelTooLong},
		{"anna@exam_ple.org", DomainBadChar},
		{"anna@example,org", DomainBadChar},
		{"anna@example..org", DomainDotMisplaced},
		{"anna@.example.org", DomainDotMisplaced},
		{"anna@example.org.", DomainDotMisplaced},
		{"anna@例子。广告。", DomainDotMisplaced},
		{"anna@-example.org", DomainHyphenMisplaced},
		{"anna@example-.org", DomainHyphenMisplaced},
		{"a@b", DomainNoDot},
		{"anna@gmail", DomainNoDot},
		{"anna@com", DomainNoDot},
		{"anna@192.0.2.1", DomainNumericTop},
		{"user@localhost", DomainReserved},
		{"x@foo.invalid", DomainReserved},
		{"x@foo.TEST", DomainReserved},
		{"x@printer.local", DomainReserved},
		{"x@2.0.192.in-addr.arpa", DomainReserved},
		{"anna@[192.0.2.1]", DomainLiteralRefused},
		{"anna@[IPv6:2001:db8::1]", DomainLiteralRefused},
		{"anna@xn--a.de", IDNAInvalid},
		{"anna@ab--cd.de", IDNAInvalid},
		{"anna@\u0301a.de", IDNAInvalid},
		{long + "@" + strings.Repeat("abcdefghi.", 20) + "com", TooLong},
		{strings.Repeat("a", 2000), TooLong},
	}
	for _, tt := range tests {
		_, err := Parse(tt.raw)
		var p *Problem
		if !errors.As(err, &p) {
			t.Errorf("Parse(%q) = %v, want %s", tt.raw, err, tt.code)
		} else if p.Code != tt.code {
			t.Errorf("Parse(%q) = %s, want %s", tt.raw, p.Code, tt.code)
		}
	}
}

func TestEveryCodeHasWordsAndAHint(t *testing.T) {
	t.Parallel()
	if got, want := len(Codes()), len(explanations); got != want {
		t.Errorf("%d codes in order, %d explained", got, want)
	}
	for _, c := range Codes() {
		if c.Words() == "" || c.Hint() == "" {
			t.Errorf("%s has no words or no hint", c)
		}
	}
}

func TestSandboxAllowsReservedTestNamesOnly(t *testing.T) {
	t.Parallel()
	sandbox := Policy{AllowReserved: true}
	for _, raw := range []string{"x@foo.invalid", "x@mail.example", "x@a.test"} {
		if _, err := sandbox.Parse(raw); err != nil {
			t.Errorf("Parse(%q): %v", raw, err)
		}
	}
	for _, raw := range []string{"x@localhost", "x@printer.local", "x@host.internal", "x@test"} {
		if _, err := sandbox.Parse(raw); err == nil {
			t.Errorf("Parse(%q) was accepted", raw)
		}
	}
}

// Addresses that net/mail takes and no mail host ever will.
func TestStricterThanNetMail(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"a@b", "user@localhost", "x@foo.invalid", "a@b_c.de", "a@-b.de", "a@1.2.3.4"} {
		if _, err := mail.ParseAddress(raw); err != nil {
			t.Errorf("net/mail refuses %q: it proves nothing here", raw)
		}
		if _, err := Parse(raw); err == nil {
			t.Errorf("Parse(%q) was accepted", raw)
		}
	}
}

func TestTidy(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, raw string
		want      Tidied
	}{
		{"nothing to do", "anna@example.org", Tidied{Text: "anna@example.org"}},
		{"nothing to do in Unicode", "用户@例子.广告", Tidied{Text: "用户@例子.广告"}},
		{"quoted local part stays", `"a b"@example.org`, Tidied{Text: `"a b"@example.org`}},
		{"spaces", " \tanna@example.org\r\n", Tidied{Text: "anna@example.org", Changes: []Change{ChangeSpaces}}},
		{"byte order mark and no-break space", "\ufeffanna@example.org\u00a0", Tidied{Text: "anna@example.org", Changes: []Change{ChangeSpaces}}},
		{"trailing", "anna@example.org.,", Tidied{Text: "anna@example.org", Changes: []Change{ChangeTrailing}}},
		{"quotes", "“anna@example.org”", Tidied{Text: "anna@example.org", Changes: []Change{ChangeQuotes}}},
		{"apostrophes", "'anna@example.org'", Tidied{Text: "anna@example.org", Changes: []Change{ChangeQuotes}}},
		{"mailto", "MAILTO:anna%2Bnews@example.org?subject=hi", Tidied{Text: "anna+news@example.org", Changes: []Change{ChangeMailto}}},
		{"name", "Anna <anna@example.org>", Tidied{Text: "anna@example.org", Name: "Anna", Changes: []Change{ChangeName}}},
		{"quoted name", `"Maier, \"Anna\"" <anna@example.org>;`, Tidied{Text: "anna@example.org", Name: `Maier, "Anna"`, Changes: []Change{ChangeTrailing, ChangeName}}},
		{"everything at once", ` <mailto:anna@example.org> , `, Tidied{Text: "anna@example.org", Changes: []Change{ChangeSpaces, ChangeTrailing, ChangeName, ChangeMailto}}},
		{"full-width at sign", "anna＠example.org", Tidied{Text: "anna@example.org", Changes: []Change{ChangeAtSign}}},
		{"two addresses are not ours to choose from", "<a@example.org> <b@example.org>", Tidied{Text: "<a@example.org> <b@example.org>"}},
		{"empty", "", Tidied{}},
		{"only spaces", "  ", Tidied{Changes: []Change{ChangeSpaces}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, Tidy(tt.raw)); diff != "" {
				t.Errorf("Tidy(%q) (-want +got):\n%s", tt.raw, diff)
			}
		})
	}
}

func TestMend(t *testing.T) {
	t.Parallel()
	tests := []struct{ raw, want string }{
		{"anna@example,org", "anna@example.org"},
		{"anna @ example . org", "anna@example.org"},
		{"anna(at)example(dot)org", "anna@example.org"},
		{"anna at example dot org", "anna@example.org"},
		{"anna@@example..org", "anna@example.org"},
		{".anna.@example.org.", "anna@example.org"},
		{"anna@.example.org", "anna@example.org"},
		{"anna@example.org.", "anna@example.org"},
		{"anna", ""},
		{"anna@example.org; berta@example.org", ""},
		{"anna maria@example.org", ""},
		{"anna@example.org", ""},
	}
	for _, tt := range tests {
		a, ok := Policy{}.Mend(tt.raw)
		if got := a.String(); ok != (tt.want != "") || ok && got != tt.want {
			t.Errorf("Mend(%q) = %q, %v, want %q", tt.raw, got, ok, tt.want)
		}
	}
}
