package message

import (
	"strings"
	"testing"
	"time"
)

const sheet = `<!doctype html><html><head><title>x</title><style>p { color: #123456 }</style></head><body>
<h1>News for {{ first_name | default: "you" }}</h1><div class="sheet">{{ content }}</div></body></html>`

func TestFramesAreChecked(t *testing.T) {
	t.Parallel()
	if err := CheckFrame(sheet); err != nil {
		t.Error(err)
	}
	for name, test := range map[string]struct{ html, want string }{
		"nothing":        {"", "no whole HTML document"},
		"a fragment":     {"<p>{{ content }}</p>", "no whole HTML document"},
		"no body":        {"<html>{{ content }}</html>", "no whole HTML document"},
		"no slot":        {"<html><body></body></html>", "write {{ content }} where it goes"},
		"two slots":      {"<html><body>{{ content }}{{content}}</body></html>", "stands in the layout 2 times"},
		"in the head":    {"<html><head>{{ content }}</head><body></body></html>", "before the body"},
		"in a tag":       {`<html><body><p class="{{ content }}"></p></body></html>`, "inside a tag"},
		"in a style":     {`<html><body><style>{{ content }}</style></body></html>`, "cannot stand in <style>"},
		"in a comment":   {`<html><body><!-- {{ content }} --></body></html>`, ""},
		"a script":       {`<html><body>{{ content }}<script>1</script></body></html>`, "take it out"},
		"broken Liquid":  {"<html><body>{{ content }}\n{{ first_name </body></html>", "line 2"},
		"too large":      {"<html><body>{{ content }}" + strings.Repeat("<br>", 20_000) + "</body></html>", "below 64 KB"},
		"only mentioned": {"<html><body>{{ content | upcase }}</body></html>", "no place for the newsletter"},
	} {
		err := CheckFrame(test.html)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestNewslettersInAFrame(t *testing.T) {
	t.Parallel()
	compose := func(change func(*Source)) Rendering {
		t.Helper()
		src := Source{FromAddress: "news@sender.test", Subject: "Leaves", Markdown: "Dear **{{ first_name }}**", Frame: sheet, Layout: "template:1", PostalAddress: "1 Lane"}
		change(&src)
		c, err := Compile(src)
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Naive(Recipient{Address: "ann@reader.test", Fields: map[string]any{"first_name": "Ann"}, UnsubscribeURL: "https://sender.test/u/1", MessageID: "1@sender.test", Date: time.Unix(1.8e9, 0)})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for name, change := range map[string]func(*Source){
		"Markdown": func(*Source) {},
		"HTML":     func(s *Source) { s.Markdown, s.HTML = "", "<p>Dear <strong>{{ first_name }}</strong></p>" },
	} {
		r := compose(change)
		for _, want := range []string{"<h1>News for Ann</h1>", `<div class="sheet"><p>Dear <strong>Ann</strong></p>`, "https://sender.test/u/1", "1 Lane", "p { color: #123456 }"} {
			if !strings.Contains(r.HTML, want) {
				t.Errorf("%s: no %q in\n%s", name, want, r.HTML)
			}
		}
		if strings.Contains(r.Text, "News for") || !strings.Contains(r.Text, "https://sender.test/u/1") {
			t.Errorf("%s: the text is\n%s", name, r.Text)
		}
	}
	own := compose(func(s *Source) {
		s.Frame = strings.Replace(sheet, "</body>", `<a href="{{ unsubscribe_url }}">Leave</a></body>`, 1)
	})
	if strings.Count(own.HTML, "https://sender.test/u/1") != 1 {
		t.Errorf("a second way out was added:\n%s", own.HTML)
	}
	whole := compose(func(s *Source) { s.Markdown, s.HTML = "", "<html><body>As it is</body></html>" })
	if strings.Contains(whole.HTML, "News for") || !strings.Contains(whole.HTML, "https://sender.test/u/1") {
		t.Errorf("a whole document was put into the layout, or has no way out:\n%s", whole.HTML)
	}
}
