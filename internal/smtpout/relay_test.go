package smtpout

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseRelayRule(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("open sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]RelayRule{
		"* smtp+starttls://ann:open%20sesame@Smtp.Example.com": {[]string{"*"},
			Relay{Host: "smtp.example.com", Port: 587, TLS: TLSVerified, User: "ann", Password: "open sesame"}},
		"Example.test *.example.test smtp://10.0.0.25": {[]string{"example.test", "*.example.test"},
			Relay{Host: "10.0.0.25", Port: 25}},
		"provider:google smtps://ann@smtp.example.com?password_file=" + secret: {[]string{"provider:google"},
			Relay{Host: "smtp.example.com", Port: 465, TLS: TLSVerified, Implicit: true, User: "ann", Password: "open sesame"}},
		"* smtp://[::1]:2525?tls=off":              {[]string{"*"}, Relay{Host: "::1", Port: 2525, TLS: TLSOff}},
		"* smtp://r.test?signs=yes":                {[]string{"*"}, Relay{Host: "r.test", Port: 25, Signs: true}},
		"* smtp://r.test?signs=no":                 {[]string{"*"}, Relay{Host: "r.test", Port: 25}},
		"* smtp+starttls://r.test:25?tls=required": {[]string{"*"}, Relay{Host: "r.test", Port: 25, TLS: TLSRequired}},
	} {
		got, err := ParseRelayRule(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", text, d)
		}
	}
	for text, want := range map[string]string{
		"":                                     "a list of domains and an address",
		"smtp://r.test":                        "a list of domains and an address",
		"* r.test":                             "not an address",
		"* smtp://":                            "not an address",
		"* smtp://r.test/path":                 "not an address",
		"* smtp://a.test smtp://b.test":        "one address",
		"* http://r.test":                      `"http" is not smtp`,
		"* smtp://r.test:0":                    "port",
		"* smtp://r.test?tls=maybe":            "tls=maybe",
		"* smtps://r.test?tls=off":             "tls=off",
		"* smtp://r.test?signs=true":           "signs=true",
		"* smtp://r.test?signs=":               "neither yes nor no",
		"* smtp://r.test?verify=no":            `no option "verify"`,
		"* smtp://ann@r.test":                  "belong together",
		"* smtp://ann@r.test?password_file=/-": "no such file",
		"* smtp://ann:topsecret@r.test:99999":  "port",
		"* ftp://ann:topsecret@r.test":         `"ftp" is not smtp`,
		"* smtp://ann:topsecret@[r.test":       "not an address",
	} {
		_, err := ParseRelayRule(text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "topsecret") {
			t.Errorf("%s: error %v, want one with %q", text, err, want)
		}
	}
}

func FuzzParseRelayRule(f *testing.F) {
	f.Add("* smtp+starttls://ann:secret@smtp.example.com:587")
	f.Add("example.test provider:google smtps://10.0.0.1?tls=required")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "password_file") {
			t.Skip() // reads whatever file it names
		}
		rule, err := ParseRelayRule(text)
		if err == nil && (rule.Relay.Host == "" || rule.Relay.Port == 0 || len(rule.Match) == 0) {
			t.Errorf("%q: %+v", text, rule)
		}
	})
}

func TestUnsignedWays(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rules    []string
		unsigned string // part of the words; empty: relays sign all mail
		signing  []string
	}{
		"no rules":                     {nil, "recipients' own servers", nil},
		"all to one that signs":        {[]string{"* smtp://a.test?signs=yes"}, "", []string{"a.test"}},
		"all to one that does not":     {[]string{"* smtp://a.test"}, "mail for * goes to a.test", nil},
		"some to one that signs":       {[]string{"x.test smtp://a.test?signs=yes"}, "recipients' own servers", []string{"a.test"}},
		"some to one that does not":    {[]string{"x.test *.x.test smtp://b.test", "* smtp://a.test?signs=yes"}, "mail for x.test, *.x.test goes to b.test", []string{"a.test"}},
		"two that sign":                {[]string{"provider:google smtp://b.test?signs=yes", "* smtp://a.test?signs=yes"}, "", []string{"b.test", "a.test"}},
		"a rule that is never reached": {[]string{"* smtp://a.test?signs=yes", "x.test smtp://b.test"}, "", []string{"a.test"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			relays := &Relays{}
			for _, text := range test.rules {
				rule, err := ParseRelayRule(text)
				if err != nil {
					t.Fatal(err)
				}
				relays.Rules = append(relays.Rules, rule)
			}
			if got := relays.Unsigned(); (got == "") != (test.unsigned == "") || !strings.Contains(got, test.unsigned) {
				t.Errorf("a way without a signature: %q, want %q", got, test.unsigned)
			}
			if d := cmp.Diff(test.signing, relays.Signing()); d != "" {
				t.Error(d)
			}
		})
	}
	var none *Relays
	if none.Unsigned() == "" || none.Signing() != nil {
		t.Error("without relays somebody signs")
	}
}
