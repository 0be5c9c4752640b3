package message_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/campaign/message"
)

// counted renders a body with its clicks counted.
func counted(t *testing.T, src message.Source) (*message.Compiled, message.Rendering) {
	t.Helper()
	src.FromAddress, src.Subject, src.OmitFooter, src.CountClicks = "news@example.test", "News", true, true
	src.OwnHosts = []string{"news.example.test"}
	c := compile(t, src)
	out, err := c.Naive(ana())
	if err != nil {
		t.Fatal(err)
	}
	return c, out
}

func TestLinksOfHTMLAreCounted(t *testing.T) {
	t.Parallel()
	const one = `https://t.example.test/c/1`
	for name, test := range map[string]struct {
		html, want string
		links      []string
	}{
		"quoted":                   {`<a href="https://a.test/x">x</a>`, `<a href="` + one + `">x</a>`, []string{"https://a.test/x"}},
		"in single quotes":         {`<a class=b href='https://a.test/x' id=c>x</a>`, `<a class=b href="` + one + `" id=c>x</a>`, []string{"https://a.test/x"}},
		"bare":                     {`<a href=https://a.test/x>x</a>`, `<a href="` + one + `">x</a>`, []string{"https://a.test/x"}},
		"with blanks":              {"<A\n HREF = \" https://a.test/x\n\" >x</A>", "<A\n HREF = \"" + one + "\" >x</A>", []string{"https://a.test/x"}},
		"references":               {`<a href="https://a.test/?a=1&amp;copy=2&b=3">x</a>`, `<a href="` + one + `">x</a>`, []string{"https://a.test/?a=1&copy=2&b=3"}},
		"behind a > in quotes":     {`<a title="a > b" href="https://a.test/">x</a>`, `<a title="a > b" href="` + one + `">x</a>`, []string{"https://a.test/"}},
		"href within a title":      {`<a title=" href='https://b.test/'" href="https://a.test/">x</a>`, `<a title=" href='https://b.test/'" href="` + one + `">x</a>`, []string{"https://a.test/"}},
		"twice":                    {`<a href="https://a.test/" href="https://b.test/">x</a>`, `<a href="` + one + `" href="https://b.test/">x</a>`, []string{"https://a.test/"}},
		"the same again":           {`<a href="https://a.test/">x</a><a href='https://a.test/'>y</a>`, `<a href="` + one + `">x</a><a href="` + one + `">y</a>`, []string{"https://a.test/"}},
		"an area":                  {`<area href="http://a.test/">`, `<area href="` + one + `">`, []string{"http://a.test/"}},
		"a button of Outlook":      {`<!--[if mso]><v:roundrect href="https://a.test/"><![endif]-->`, `<!--[if mso]><v:roundrect href="` + one + `"><![endif]-->`, []string{"https://a.test/"}},
		"letters of other scripts": {`<a href="https://bücher.test/ä?q=ü b">x</a>`, `<a href="` + one + `">x</a>`, []string{"https://xn--bcher-kva.test/%C3%A4?q=%C3%BC%20b"}},
		"a fragment":               {`<a href="#top">x</a>`, `<a href="#top">x</a>`, nil},
		"mail":                     {`<a href="mailto:a@b.test">x</a>`, `<a href="mailto:a@b.test">x</a>`, nil},
		"a telephone":              {`<a href="tel:+48">x</a>`, `<a href="tel:+48">x</a>`, nil},
		"a script":                 {`<a href="javascript:alert(1)">x</a>`, `<a href="javascript:alert(1)">x</a>`, nil},
		"no scheme":                {`<a href="//a.test/x">x</a>`, `<a href="//a.test/x">x</a>`, nil},
		"an image":                 {`<img src="https://a.test/x.png">`, `<img src="https://a.test/x.png">`, nil},
		"a style sheet":            {`<link href="https://a.test/x.css">`, `<link href="https://a.test/x.css">`, nil},
		"within a comment":         {`<!-- <a href="https://a.test/">x</a> -->`, `<!-- <a href="https://a.test/">x</a> -->`, nil},
		"within a style":           {`<style>/* <a href="https://a.test/"> */</style>`, `<style>/* <a href="https://a.test/"> */</style>`, nil},
		"our own":                  {`<a href="https://News.example.test/u/abc">x</a>`, `<a href="https://News.example.test/u/abc">x</a>`, nil},
		"to leave":                 {`<a href="{{ unsubscribe_url }}">x</a>`, `<a href="https://news.example.test/u/abc">x</a>`, nil},
		"to the page":              {`<a href="{{ view_url }}">x</a>`, `<a href="https://news.example.test/v/abc">x</a>`, nil},
		"with a merge field":       {`<a href="https://a.test/?a=1&amp;id={{ id }}">x</a>`, `<a href="` + one + `">x</a>`, []string{"https://a.test/?a=1&id={{ id }}"}},
		"with a filter":            {`<a href="https://a.test/{{ id | default: 'x' | url_encode }}/y">x</a>`, `<a href="` + one + `">x</a>`, []string{"https://a.test/{{ id | default: 'x' | url_encode }}/y"}},
		"a field as the host":      {`<a href="https://{{ id | url_encode }}/">x</a>`, `<a href="https://a+b/">x</a>`, nil},
		"a field behind the host":  {`<a href="https://a.test{{ id | url_encode }}">x</a>`, `<a href="https://a.testa+b">x</a>`, nil},
		"a field before the host":  {`<a href="https://a.test:{{ id | url_encode }}@b.test/">x</a>`, `<a href="https://a.test:a+b@b.test/">x</a>`, nil},
		"with a variable":          {`{% assign n = id %}<a href="https://a.test/?n={{ n }}">x</a>`, `<a href="https://a.test/?n=a%20b">x</a>`, nil},
		"with a condition inside":  {`<a href="https://a.test/?{% if id %}a=1{% endif %}">x</a>`, `<a href="https://a.test/?a=1">x</a>`, nil},
		"our own, with a field":    {`<a href="https://news.example.test/i/{{ id }}">x</a>`, `<a href="https://news.example.test/i/a%20b">x</a>`, nil},
		"with the way out in it":   {`<a href="https://a.test/?u={{ unsubscribe_url }}">x</a>`, `<a href="https://a.test/?u=https%3A%2F%2Fnews.example.test%2Fu%2Fabc">x</a>`, nil},
		"within a condition":       {`{% if city %}<a href="https://a.test/">x</a>{% endif %}`, `<a href="` + one + `">x</a>`, []string{"https://a.test/"}},
		"an unfinished tag":        {`<p>x <a href="https://a.test/">y</a> 1 < 2`, `<p>x <a href="` + one + `">y</a> 1 < 2`, []string{"https://a.test/"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, out := counted(t, message.Source{HTML: test.html, Text: "Hello"})
			if got := strings.TrimSuffix(out.HTML, "\n"); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if got := c.Links(); !slices.Equal(got, test.links) {
				t.Errorf("links %q, want %q", got, test.links)
			}
		})
	}
}

func TestLinksOfTextAreCounted(t *testing.T) {
	t.Parallel()
	_, out := counted(t, message.Source{Text: "See https://a.test/x, (https://b.test/y_(z)) or <https://c.test/>.\n" +
		"HTTPS://d.test! mailto:a@b.test ftp://e.test {{ unsubscribe_url }} https://a.test/x?id={{ id }} https://a.test/x\n"})
	want := "See https://t.example.test/c/1, (https://t.example.test/c/2) or <https://t.example.test/c/3>.\n" +
		"https://t.example.test/c/4! mailto:a@b.test ftp://e.test https://news.example.test/u/abc https://t.example.test/c/5 https://t.example.test/c/1\n"
	if diff := cmp.Diff(want, out.Text); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

func TestBothPartsShareTheirLinks(t *testing.T) {
	t.Parallel()
	c, out := counted(t, message.Source{Markdown: "[One](https://a.test/) and [two](https://b.test/?x=1&y=2).\n\nhttps://a.test/\n"})
	if diff := cmp.Diff([]string{"https://a.test/", "https://b.test/?x=1&y=2"}, c.Links()); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	for _, body := range []string{out.HTML, out.Text} {
		if !strings.Contains(body, "https://t.example.test/c/1") || !strings.Contains(body, "https://t.example.test/c/2") || strings.Contains(body, `"https://a.test/`) {
			t.Errorf("not all links are counted:\n%s", body)
		}
	}
}

func TestTheImageThatCountsOpens(t *testing.T) {
	t.Parallel()
	src := newsletter()
	src.CountOpens = true
	r := ana()
	out, err := compile(t, src).Naive(r)
	if err != nil {
		t.Fatal(err)
	}
	const image = `<img src="https://t.example.test/c/0" width="1" height="1" alt="" style="border:0">`
	if !strings.Contains(out.HTML, image+"\n</body>") || strings.Contains(out.Text, "/c/0") || strings.Count(out.HTML, "t.example.test") != 1 {
		t.Errorf("the image is missing, or more:\n%s", out.HTML)
	}
	r.Counted = nil
	if _, err := compile(t, src).Append(nil, r); err == nil || !strings.Contains(err.Error(), "counted") {
		t.Errorf("without addresses to count by: %v", err)
	}
}

// Nothing that a message's reader wrote becomes a counted link: the site that each
// leads to is fixed before the first message.
func TestFieldsAreNeverCounted(t *testing.T) {
	t.Parallel()
	c, _ := counted(t, message.Source{HTML: `<p>{{ a }}</p><a href="{{ a }}">x</a>`, Text: "{{ a }}"})
	r := ana()
	r.Fields = map[string]any{"a": `https://evil.test/"><a href="https://evil.test/">`}
	out, err := c.Naive(r)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Links()) != 0 || strings.Contains(out.HTML, `<a href="https://evil.test/">`) {
		t.Errorf("links %q in\n%s", c.Links(), out.HTML)
	}
}
