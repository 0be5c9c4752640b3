package mtasts

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/internal/smtpout"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestParse(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		text string
		want Policy
		err  string
	}{
		"as in the RFC": {
			text: "version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmx: backupmx.example.com\nmax_age: 604800\n",
			want: Policy{Mode: Enforce, Hosts: []string{"mail.example.com", "*.example.net", "backupmx.example.com"}, Expires: noon.Add(7 * 24 * time.Hour)},
		},
		"CRLF, spaces, upper case, unknown fields, doubles": {
			text: "version: STSv1\r\nmode:testing \r\nmode: enforce\r\n\r\nmx:  MX.Example.COM.\r\ncolour: green\r\nmax_age: 86400",
			want: Policy{Mode: Testing, Hosts: []string{"mx.example.com."}, Expires: noon.Add(24 * time.Hour)},
		},
		"none needs no host":       {text: "version: STSv1\nmode: none\nmax_age: 60", want: Policy{Mode: None, Expires: noon.Add(time.Minute)}},
		"at most a year":           {text: "version: STSv1\nmode: none\nmax_age: 99999999999", want: Policy{Mode: None, Expires: noon.Add(31557600 * time.Second)}},
		"no version":               {text: "mode: none\nmax_age: 60", err: "not of version STSv1"},
		"another version":          {text: "version: STSv2\nmode: none\nmax_age: 60", err: "not of version STSv1"},
		"an unknown mode":          {text: "version: STSv1\nmode: maybe\nmax_age: 60", err: `mode "maybe"`},
		"no age":                   {text: "version: STSv1\nmode: none", err: `max_age ""`},
		"a negative age":           {text: "version: STSv1\nmode: none\nmax_age: -1", err: `max_age "-1"`},
		"enforce without hosts":    {text: "version: STSv1\nmode: enforce\nmax_age: 60", err: "no mail host"},
		"a page in place of it":    {text: "<!doctype html>", err: "line 1 of the policy has no colon"},
		"an address for a host":    {text: "version: STSv1\nmode: enforce\nmx: [192.0.2.1]\nmax_age: 60", err: "line 3"},
		"a wildcard in the middle": {text: "version: STSv1\nmode: enforce\nmx: mx.*.example\nmax_age: 60", err: "line 3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse(tc.text, noon)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("error %v, want one with %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestEdition(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		records []string
		want    string
	}{
		"one":                   {[]string{"v=STSv1; id=20160831085700Z;"}, "20160831085700Z"},
		"without the last mark": {[]string{"v=STSv1;id=1"}, "1"},
		"beside other records":  {[]string{"v=spf1 -all", "v=STSv1; id=1; more=2;"}, "1"},
		"none":                  {nil, ""},
		"two":                   {[]string{"v=STSv1; id=1;", "v=STSv1; id=2;"}, ""},
		"without id":            {[]string{"v=STSv1;"}, ""},
		"an id with signs":      {[]string{"v=STSv1; id=a-b;"}, ""},
		"an id too long":        {[]string{"v=STSv1; id=" + strings.Repeat("a", 33)}, ""},
	} {
		if got, ok := edition(tc.records); got != tc.want && ok || ok != (tc.want != "") {
			t.Errorf("%s: %q, %v; want %q", name, got, ok, tc.want)
		}
	}
}

func TestPolicyTLS(t *testing.T) {
	t.Parallel()
	for mode, want := range map[Mode]bool{Enforce: true, Testing: false, None: false, "": false} {
		got, ok := Policy{Mode: mode, Hosts: []string{"mx.two.test"}}.TLS()
		if ok != want || ok && got.Mode != smtpout.TLSVerified {
			t.Errorf("%s: %v, %v", mode, got, ok)
		}
	}
}

// FuzzParse checks that what is accepted can be used.
func FuzzParse(f *testing.F) {
	f.Add("version: STSv1\nmode: enforce\nmx: *.two.test\nmax_age: 604800\n")
	f.Add("version: STSv1\r\nmode: none\r\nmax_age: 0")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(text, noon)
		if err != nil {
			return
		}
		if p.Mode == Enforce && len(p.Hosts) == 0 {
			t.Error("a policy that no host can meet")
		}
		if p.Expires.Before(noon) || p.Expires.After(noon.Add(366*24*time.Hour)) {
			t.Errorf("expires %s", p.Expires)
		}
	})
}
