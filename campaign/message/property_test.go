package message_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headwaymail/headway/campaign/message"
)

// hostile draws values as contacts may have them, and as nobody should.
func hostile() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{
			"", " ", "Ana", "Łódź", "a=b", ".", "From here", " ends in a blank ", "a\r\nBcc: victim@example.test\r\n\r\nbody",
			"\x00\x01\x7f", "\xff\xfe", "=?utf-8?q?x?=", "<script>&\"'", "javascript:alert(1)", "https://x.test/?a=b&c=d e",
			"--", "-->", "\u2028\u0085", "{{ first_name }}", "{% if x %}", strings.Repeat("long ", 60), strings.Repeat("x", 300), strings.Repeat("ü", 200),
		}),
		rapid.String(),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
	)
}

// written draws text as an editor may write it.
func written() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{
			" ", "\n", "\n\n", "\r\n", "\t", " \n", ".", ".\n.", "From ", "\nFrom ", "=", "==20", "Hello ", "für alle", "--=_x", "日本語",
			strings.Repeat("y", 75), strings.Repeat("y", 76), strings.Repeat("y", 200), strings.Repeat("é", 40), "{", "}}", "%}", "&amp;", "1 < 2 > 0",
		}),
		rapid.StringMatching(`[a-zA-Z0-9 ,.=é\n-]{0,90}`),
	)
}

// liquid draws a piece of Liquid that is right wherever text may stand.
func liquid(depth int, text *rapid.Generator[string]) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		inner := func(label string) string { return body(depth-1, text).Draw(t, label) }
		kind := rapid.IntRange(0, 9).Draw(t, "kind")
		switch {
		case kind == 6 && depth > 0:
			return "{% if a %}" + inner("then") + "{% else %}" + inner("else") + "{% endif %}"
		case kind == 7 && depth > 0:
			return "{%- for i in items -%}" + inner("each") + "{{ i }}{% endfor %}"
		case kind == 8 && depth > 0:
			return "{% assign z = b %}{{ z | upcase }}" + inner("after")
		case kind == 9:
			return "{% raw %}{{ not Liquid {% {% endraw %}"
		}
		return rapid.SampledFrom([]string{
			"{{ a }}", "{{ b }}", `{{ a | default: "fri=end ü" }}`, "{{ a | upcase | strip }}", "{{- b -}}", "{{ missing }}",
			"{{ email }}", "{{ unsubscribe_url }}", "{{ items }}", "{{ a | truncate: 9 }}",
		}).Draw(t, "output")
	})
}

// body draws a sequence of text and Liquid.
func body(depth int, text *rapid.Generator[string]) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.OneOf(text, liquid(depth, text)), 0, 6).Draw(t, "body"), "")
	})
}

// markup draws HTML with Liquid in all places where it may stand.
func markup() *rapid.Generator[string] {
	text := rapid.OneOf(written(), rapid.SampledFrom([]string{
		"<p>", "</p>", "<br/>", `<a href="{{ a }}">`, `<a href="https://x.test/{{ a }}?b={{ b }}">`, `<img alt='{{ a }}'>`, `<p style="color:{{ a }}">`,
		"<!-- note -->", "<!--[if mso]>{{ a }}<![endif]-->", "<style>p { color: red }</style>", "<title>{{ a }}</title>",
		`<td{% if a %} class="x"{% endif %}>`, `<a href="https://x.test/page?a=1&amp;b=2">`, `<A title='>' HREF=https://x.test/bare>`,
		`{% if a %}<a href='https://x.test/{{ a }}'>{% else %}<a href='https://x.test/only'>{% endif %}`, `<a href="{% if a %}https://a.test/{% else %}mailto:x@y.test{% endif %}{{ b }}">`,
	}))
	return body(2, text)
}

func source() *rapid.Generator[message.Source] {
	return rapid.Custom(func(t *rapid.T) message.Source {
		src := message.Source{
			FromName:        hostile().Filter(func(s string) bool { return !strings.Contains(s, "{") }).Draw(t, "from name"),
			FromAddress:     "news@example.test",
			Subject:         "S" + body(1, written()).Draw(t, "subject"),
			Preheader:       body(1, written()).Draw(t, "preheader"),
			UnsubscribeText: hostile().Draw(t, "unsubscribe text"),
			PostalAddress:   hostile().Draw(t, "postal address"),
			OmitFooter:      rapid.Bool().Draw(t, "omit footer"),
			CountClicks:     rapid.Bool().Draw(t, "count clicks"),
			CountOpens:      rapid.Bool().Draw(t, "count opens"),
		}
		switch rapid.IntRange(0, 3).Draw(t, "bodies") {
		case 0:
			src.HTML = "<p>" + markup().Draw(t, "html")
		case 1:
			src.HTML = "<p>" + markup().Draw(t, "html")
			src.Text = "T" + body(2, written()).Draw(t, "text")
		case 2:
			src.Markdown = "# M" + body(2, written()).Draw(t, "markdown")
		case 3:
			src.Text = "T" + body(2, written()).Draw(t, "text")
		}
		return src
	})
}

func recipient() *rapid.Generator[message.Recipient] {
	return rapid.Custom(func(t *rapid.T) message.Recipient {
		r := ana()
		r.Fields = map[string]any{"a": hostile().Draw(t, "a"), "items": []any{"one", hostile().Draw(t, "item"), 3.0}}
		if rapid.Bool().Draw(t, "b is a number") {
			r.Fields["b"] = rapid.Float64Range(-1e9, 1e9).Draw(t, "b")
		} else {
			r.Fields["b"] = hostile().Draw(t, "b")
		}
		return r
	})
}

// agree holds what Append wrote against the naive rendering.
func agree(t interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}, c *message.Compiled, r message.Recipient) {
	t.Helper()
	want, naiveErr := c.Naive(r)
	before := []byte("before")
	raw, err := c.Append(before, r)
	if err != nil || naiveErr != nil {
		var known *message.Error
		if !errors.As(err, &known) || naiveErr == nil {
			t.Fatalf("Append says %v, Naive says %v", err, naiveErr)
		}
		if !bytes.Equal(raw, before) {
			t.Fatalf("after an error the buffer holds %q", raw)
		}
		return
	}
	if !bytes.HasPrefix(raw, before) {
		t.Fatalf("the buffer now begins with %q", raw[:len(before)])
	}
	raw = raw[len(before):]
	if problem := wellFormed(raw); problem != "" {
		t.Fatalf("%s\n%s", problem, raw)
	}
	got, err := decode(raw)
	if err != nil {
		t.Fatalf("decode: %v\n%s", err, raw)
	}
	if diff := cmp.Diff(want, got.Rendering); diff != "" {
		t.Fatalf("(-naive +decoded):\n%s\n%s", diff, raw)
	}
	again, err := c.Append(nil, r)
	if err != nil || !bytes.Equal(raw, again) {
		t.Fatalf("the second time: %v\n%s\n%s", err, raw, again)
	}
}

func TestAppendDecodesToTheNaiveRendering(t *testing.T) {
	t.Parallel()
	compiled := 0
	rapid.Check(t, func(t *rapid.T) {
		c, err := message.Compile(source().Draw(t, "source"))
		var known message.Errors
		switch {
		case errors.As(err, &known):
			return // trimming can join text and tags in ways that HTML does not allow
		case err != nil:
			t.Fatal(err)
		}
		compiled++
		agree(t, c, recipient().Draw(t, "recipient"))
	})
	if compiled == 0 {
		t.Error("no source compiled")
	}
	t.Logf("%d sources compiled", compiled)
}

func TestNobodyCanAddAHeader(t *testing.T) {
	t.Parallel()
	src := newsletter()
	src.Subject = "{{ a }}{{ b | default: a }}"
	c := compile(t, src)
	want := fieldNames(t, render(t, c, ana()))
	rapid.Check(t, func(t *rapid.T) {
		r := recipient().Draw(t, "recipient")
		or := func(label, usual string) string {
			if rapid.Bool().Draw(t, "hostile "+label) {
				return usual + hostile().Draw(t, label)
			}
			return usual
		}
		r.Address = or("address", "ana") + "@" + or("domain", "recipient.test")
		r.MessageID = or("message id", r.MessageID)
		r.Ref = "r" + or("ref", r.Ref)
		r.UnsubscribeURL = or("unsubscribe", r.UnsubscribeURL)
		r.UnsubscribeMailto = or("mailto", r.UnsubscribeMailto)
		raw, err := c.Append(nil, r)
		if err != nil {
			return
		}
		if problem := wellFormed(raw); problem != "" {
			t.Fatalf("%s\n%s", problem, raw)
		}
		if diff := cmp.Diff(want, fieldNames(t, raw)); diff != "" {
			t.Fatalf("(-want +got):\n%s\n%s", diff, raw)
		}
	})
}

// fieldNames returns the names of the header fields of a message, sorted.
func fieldNames(t interface{ Fatal(...any) }, raw []byte) []string {
	d, err := decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for fields := d.header.Fields(); fields.Next(); {
		names = append(names, fields.Key())
	}
	slices.Sort(names)
	return names
}

func FuzzCompile(f *testing.F) {
	src := newsletter()
	f.Add(src.Subject, src.Preheader, "", src.Markdown, "", src.PostalAddress)
	f.Add("S {% if a %}b{% endif %}", "", realistic().HTML, "", realistic().Text, "")
	f.Add("S", "p", `<!--[if mso]><a href="{{ a }}"><![endif]--><style>{{ a }}</style><a href={{ a }}>`, "", "", "x")
	f.Add("S", "", "", "{% for i in items %}\n- {{ i }}\n{% endfor %}\n[x]({{ unsubscribe_url }})", "", "")
	f.Add("{% assign a = b | split: ',' %}{{ a | join: '-' }}", "", "<p {{- a -}} >", "", "{% raw %}{{", "")
	f.Fuzz(func(t *testing.T, subject, preheader, html, markdown, text, postal string) {
		src := message.Source{FromAddress: "news@example.test", Subject: subject, Preheader: preheader,
			HTML: html, Markdown: markdown, Text: text, PostalAddress: postal}
		c, err := message.Compile(src)
		var known message.Errors
		switch {
		case err == nil:
			r := ana()
			r.Fields = map[string]any{"a": "A & b", "b": 2.0, "items": []any{"one", "two"}, "first_name": "Ana\r\n", "city": "Łódź"}
			agree(t, c, r)
		case !errors.As(err, &known) || len(known) == 0:
			t.Errorf("error %v is not of type message.Errors", err)
		}
	})
}

func FuzzAppend(f *testing.F) {
	src := newsletter()
	src.Subject = "{{ a }} {{ b | upcase }}"
	src.Markdown += "\n[{{ a }}]({{ a }}) <a href=\"https://x.test/?{{ b }}\" title='{{ a }}'>x</a>{% if a == b %}{{ a }}{% endif %}"
	c := compile(f, src)
	r := ana()
	f.Add("Ana", "b", r.Address, r.UnsubscribeURL, r.UnsubscribeMailto, r.MessageID, r.Ref)
	f.Add("a\r\nBcc: x", "=?x", `"a b"@x.test`, "http://x", "", "a@b", "")
	f.Add("javascript:x", "\xff", "ü@ü.test", "https://x", "x@y", "a@b", "x")
	f.Fuzz(func(t *testing.T, a, b, address, unsubscribe, mailto, id, ref string) {
		r := ana()
		r.Fields = map[string]any{"a": a, "b": b}
		r.Address, r.UnsubscribeURL, r.UnsubscribeMailto, r.MessageID, r.Ref = address, unsubscribe, mailto, id, ref
		agree(t, c, r)
	})
}

func TestDateAndTextAreValid(t *testing.T) {
	t.Parallel()
	raw := render(t, compile(t, newsletter()), ana())
	d, err := decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	if date, err := d.header.Date(); err != nil || !date.Equal(ana().Date.Truncate(time.Second)) {
		t.Errorf("Date is %v, %v", date, err)
	}
	if !utf8.ValidString(d.HTML + d.Text + d.Subject) {
		t.Error("not valid UTF-8")
	}
}
