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
		{name: "plain", raw: "anna@posteo.de", send: "anna@posteo.de"},
		{name: "case of the local part is kept", raw: "Anna.Maria@Posteo.DE", send: "Anna.Maria@posteo.de"},
		{name: "every atext character", raw: "!#$%&'*+-/=?^_`{|}~@posteo.de", send: "!#$%&'*+-/=?^_`{|}~@posteo.de"},
		{name: "quoted", raw: `"anna maria"@posteo.de`, send: `"anna maria"@posteo.de`},
		{name: "needless quotes are sent as given", raw: `"an\na"@posteo.de`, send: `"an\na"@posteo.de`, normal: "anna@posteo.de"},
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
		{"anna.posteo.de", NoAt},
		{"Anna Maria", NoAt},
		{"anna＠posteo.de", NoAt},
		{"anna@b@posteo.de", AtRepeated},
		{"anna@posteo.de\n", ControlChar},
		{"an\x00na@posteo.de", ControlChar},
		{"an\u200bna@posteo.de", ControlChar},
		{`"an\` + "\x07" + `na"@posteo.de`, ControlChar},
		{"an\xffna@posteo.de", NotUTF8},
		{"anna@post\xffeo.de", NotUTF8},
		{" anna@posteo.de", SpaceInside},
		{"anna@posteo.de ", SpaceInside},
		{"an\u00a0na@posteo.de", SpaceInside},
		{"anna maria@posteo.de", SpaceInside},
		{"Anna <anna@posteo.de>", NameForm},
		{`"Anna" <anna@posteo.de>`, NameForm},
		{"anna@posteo.de>", NameForm},
		{"(home)anna@posteo.de", CommentRefused},
		{"anna@posteo.de(home)", CommentRefused},
		{"@relay.example.org:anna@posteo.de", SourceRouteRefused},
		{"@posteo.de", LocalEmpty},
		{strings.Repeat("a", 65) + "@posteo.de", LocalTooLong},
		{`"` + strings.Repeat("a", 63) + `"@posteo.de`, LocalTooLong},
		{strings.Repeat("é", 65) + "@posteo.de", LocalTooLong},
		{`anna\maria@posteo.de`, LocalBadChar},
		{"anna,maria@posteo.de", LocalBadChar},
		{"annaâ‚¬@posteo.de", LocalBadChar},
		{"me\u037e@posteo.de", LocalBadChar}, // a Greek question mark is a semicolon in NFC
		{".anna@posteo.de", DotMisplaced},
		{"anna.@posteo.de", DotMisplaced},
		{"anna..maria@posteo.de", DotMisplaced},
		{`"anna"maria@posteo.de`, QuoteMisplaced},
		{`"anna@posteo.de`, QuoteMisplaced},
		{`an"na"@posteo.de`, QuoteMisplaced},
		{"anna@", DomainEmpty},
		{"anna@" + strings.Repeat(long+".", 4) + long[:10], DomainTooLong},
		{"anna@" + long + "abcd.de", DomainLabelTooLong},
		{"anna@post_eo.de", DomainBadChar},
		{"anna@posteo,de", DomainBadChar},
		{"anna@posteo..de", DomainDotMisplaced},
		{"anna@.posteo.de", DomainDotMisplaced},
		{"anna@posteo.de.", DomainDotMisplaced},
		{"anna@例子。广告。", DomainDotMisplaced},
		{"anna@-posteo.de", DomainHyphenMisplaced},
		{"anna@posteo-.de", DomainHyphenMisplaced},
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
		{"nothing to do", "anna@posteo.de", Tidied{Text: "anna@posteo.de"}},
		{"nothing to do in Unicode", "用户@例子.广告", Tidied{Text: "用户@例子.广告"}},
		{"quoted local part stays", `"a b"@posteo.de`, Tidied{Text: `"a b"@posteo.de`}},
		{"spaces", " \tanna@posteo.de\r\n", Tidied{Text: "anna@posteo.de", Changes: []Change{ChangeSpaces}}},
		{"byte order mark and no-break space", "\ufeffanna@posteo.de\u00a0", Tidied{Text: "anna@posteo.de", Changes: []Change{ChangeSpaces}}},
		{"trailing", "anna@posteo.de.,", Tidied{Text: "anna@posteo.de", Changes: []Change{ChangeTrailing}}},
		{"quotes", "“anna@posteo.de”", Tidied{Text: "anna@posteo.de", Changes: []Change{ChangeQuotes}}},
		{"apostrophes", "'anna@posteo.de'", Tidied{Text: "anna@posteo.de", Changes: []Change{ChangeQuotes}}},
		{"mailto", "MAILTO:anna%2Bnews@posteo.de?subject=hi", Tidied{Text: "anna+news@posteo.de", Changes: []Change{ChangeMailto}}},
		{"name", "Anna <anna@posteo.de>", Tidied{Text: "anna@posteo.de", Name: "Anna", Changes: []Change{ChangeName}}},
		{"quoted name", `"Maier, \"Anna\"" <anna@posteo.de>;`, Tidied{Text: "anna@posteo.de", Name: `Maier, "Anna"`, Changes: []Change{ChangeTrailing, ChangeName}}},
		{"everything at once", ` <mailto:anna@posteo.de> , `, Tidied{Text: "anna@posteo.de", Changes: []Change{ChangeSpaces, ChangeTrailing, ChangeName, ChangeMailto}}},
		{"full-width at sign", "anna＠posteo.de", Tidied{Text: "anna@posteo.de", Changes: []Change{ChangeAtSign}}},
		{"two addresses are not ours to choose from", "<a@posteo.de> <b@posteo.de>", Tidied{Text: "<a@posteo.de> <b@posteo.de>"}},
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
		{"anna@posteo,de", "anna@posteo.de"},
		{"anna @ posteo . de", "anna@posteo.de"},
		{"anna(at)posteo(dot)de", "anna@posteo.de"},
		{"anna at posteo dot de", "anna@posteo.de"},
		{"anna@@posteo..de", "anna@posteo.de"},
		{".anna.@posteo.de.", "anna@posteo.de"},
		{"anna@.posteo.de", "anna@posteo.de"},
		{"anna@posteo.de.", "anna@posteo.de"},
		{"anna", ""},
		{"anna@posteo.de; berta@posteo.de", ""},
		{"anna maria@posteo.de", ""},
		{"anna@posteo.de", ""},
	}
	for _, tt := range tests {
		a, ok := Policy{}.Mend(tt.raw)
		if got := a.String(); ok != (tt.want != "") || ok && got != tt.want {
			t.Errorf("Mend(%q) = %q, %v, want %q", tt.raw, got, ok, tt.want)
		}
	}
}
