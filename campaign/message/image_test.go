package message_test

import (
	"strings"
	"testing"

	"github.com/headwaymail/headway/campaign/message"
)

func TestOwnImagesArePlaced(t *testing.T) {
	t.Parallel()
	const host = "https://news.example.test"
	hash := strings.Repeat("a", 32)
	small, large := "/i/"+hash+"-300x200.png", "/i/"+hash+"-1200x900.jpg"
	const fits = ` style="max-width:100%;height:auto"`
	for name, test := range map[string]struct {
		html, want string
		layout     message.Layout
	}{
		"small":              {html: `<img src="` + small + `" alt="A">`, want: `<img src="` + host + small + `" width="300" height="200"` + fits + ` alt="A">`},
		"with our host":      {html: `<img src="` + host + small + `">`, want: `<img src="` + host + small + `" width="300" height="200"` + fits + `>`},
		"large":              {html: `<img src="` + large + `">`, want: `<img src="` + host + large + `" width="600" height="450"` + fits + `>`},
		"in a sheet":         {html: `<img src="` + large + `">`, want: `<img src="` + host + large + `" width="536" height="402"` + fits + `>`, layout: message.LayoutNewsletter},
		"sized by hand":      {html: `<img width=90 src='` + large + `'>`, want: `<img width=90 src="` + host + large + `"` + fits + `>`},
		"styled by hand":     {html: `<img style="border:0" src=` + small + `>`, want: `<img style="border:0" src="` + host + small + `" width="300" height="200">`},
		"closed by itself":   {html: `<img src="` + small + `"/>`, want: `<img src="` + host + small + `" width="300" height="200"` + fits + ` />`},
		"for Outlook":        {html: `<!--[if mso]><img src="` + small + `"><![endif]-->`, want: `<!--[if mso]><img src="` + host + small + `" width="300" height="200"` + fits + `><![endif]-->`},
		"of others":          {html: `<img src="https://a.test` + small + `">`, want: `<img src="https://a.test` + small + `">`},
		"of no such name":    {html: `<img src="/i/logo.png">`, want: `<img src="/i/logo.png">`},
		"by a merge field":   {html: `<img src="/i/{{ logo }}">`, want: `<img src="/i/apple">`},
		"in a comment":       {html: `<!-- <img src="` + small + `"> -->`, want: `<!-- <img src="` + small + `"> -->`},
		"src within an alt":  {html: `<img alt=" src='` + large + `'" src="` + small + `">`, want: `<img alt=" src='` + large + `'" src="` + host + small + `" width="300" height="200"` + fits + `>`},
		"a link to an image": {html: `<a href="` + small + `">x</a>`, want: `<a href="` + small + `">x</a>`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := ana()
			to.Fields = map[string]any{"logo": "apple"}
			out, err := compile(t, message.Source{FromAddress: "news@example.test", Subject: "News", OmitFooter: true, HTML: test.html,
				Layout: test.layout, PublicURL: host}).Naive(to)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out.HTML, test.want) {
				t.Errorf("got\n%s\nwant\n%s", out.HTML, test.want)
			}
		})
	}
}

// Markdown has no way to say a size, and a text part shows no image.
func TestImagesInMarkdown(t *testing.T) {
	t.Parallel()
	image := "/i/" + strings.Repeat("b", 32) + "-1200x600.png"
	out, err := compile(t, message.Source{FromAddress: "news@example.test", Subject: "News", PublicURL: "https://news.example.test",
		Markdown: "Hello\n\n![The \\[old\\] mill](" + image + ")\n"}).Naive(ana())
	if err != nil {
		t.Fatal(err)
	}
	if want := `<img src="https://news.example.test` + image + `" width="600" height="300" style="max-width:100%;height:auto" alt="The [old] mill">`; !strings.Contains(out.HTML, want) {
		t.Errorf("%q is missing in\n%s", want, out.HTML)
	}
	if strings.Contains(out.Text, "/i/") {
		t.Errorf("the text part is\n%s", out.Text)
	}
}
