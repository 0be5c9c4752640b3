package message_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/headwaymail/headway/campaign/message"
)

func TestLinksFor(t *testing.T) {
	t.Parallel()
	to := message.Recipient{Address: "ana@a.test", Date: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC),
		Fields: map[string]any{"id": "a b&c=ü", "n": 7.0, "evil": "//evil.test/?\r\nX: y", "dots": "../../x"}}
	for source, want := range map[string]string{
		"https://a.test/x?y=1#z":                     "https://a.test/x?y=1#z",
		"https://a.test/?id={{ id }}&n={{ n }}":      "https://a.test/?id=a%20b%26c%3D%C3%BC&n=7",
		"https://a.test/{{ id }}/x":                  "https://a.test/a%20b&c=%C3%BC/x",
		"HTTPS://A.test/?e={{ email | url_encode }}": "HTTPS://A.test/?e=ana%40a.test",
		"https://a.test/?x={{ none }}":               "https://a.test/?x=",
		"https://a.test/?x={{ evil }}":               "https://a.test/?x=%2F%2Fevil.test%2F%3F%0D%0AX%3A%20y",
		"https://bücher.test/?n={{ n }}":             "https://xn--bcher-kva.test/?n=7",
	} {
		l, err := message.ParseLink(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got, err := l.For(to); err != nil || got != want {
			t.Errorf("%s leads to %q, %v; want %q", source, got, err, want)
		}
	}
	for _, bad := range []string{"", "/x", "{{ id }}", "https://{{ id }}/", "https://a.test{{ id }}", "https://a.test:{{ id }}@b.test/", "https://a.test:80{{ id }}/",
		"https://ann@a.test/{{ id }}", "javascript:{{ id }}", "mailto:{{ id }}", "https://a.test/{% if x %}{% endif %}", "https://a.test/{{", "https://a.test/?{{ view_url }}",
		"https:\\\\a.test/{{ id }}", "https://a.test\\{{ id }}"} {
		if l, err := message.ParseLink(bad); err == nil {
			page, err := l.For(to)
			t.Errorf("%q is a link: %q, %v", bad, page, err)
		}
	}
}

// Whatever a field holds, a link leads to the site that was written.
func TestFieldsLeadToNoOtherSite(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.SampledFrom([]string{"/", "?", "#", "@", ":", "\\", "..", "//", "evil.test", "https://", "%2f", "%", " ", "\n", "\r", "\t", "\x00", "\"", "'", "<", ">", "é", "{{", "}}", "&amp;", "&#64;"})
		value := strings.Join(rapid.SliceOfN(piece, 0, 8).Draw(t, "value"), "")
		source := rapid.SampledFrom([]string{"https://a.test/{{ x }}", "https://a.test/p/{{ x }}/q", "https://a.test/?q={{ x }}", "https://a.test#{{ x }}", "https://a.test:8443/?{{ x }}={{ x }}",
			"https://a.test/{{ x | url_encode }}", "https://a.test?{{ x | upcase }}"}).Draw(t, "link")
		l, err := message.ParseLink(source)
		if err != nil {
			t.Fatal(err)
		}
		page, err := l.For(message.Recipient{Fields: map[string]any{"x": value}})
		if err != nil {
			return // no page is no other site
		}
		u, err := url.Parse(page)
		if err != nil || u.Scheme != "https" || u.Hostname() != "a.test" || u.User != nil || strings.ContainsAny(page, "\r\n\x00 \\<>\"") {
			t.Fatalf("%q with %q leads to %q", source, value, page)
		}
	})
}
