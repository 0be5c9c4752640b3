package message_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/campaign/message"
)

// bodyOf returns what the layout surrounds.
func bodyOf(html string) string {
	_, rest, _ := strings.Cut(html, "<div class=\"letter\">\n")
	body, _, _ := strings.Cut(rest, "</div>")
	return body
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, markdown, html, text string }{
		{"emphasis around a field", "**{{ first_name }}** and _{{ first_name }}_", "<p><strong>Ana</strong> and <em>Ana</em></p>\n", "Ana and Ana\n"},
		{"a default with markup in it", `{{ nobody | default: "*dear* <b>" }}`, "<p>*dear* &lt;b&gt;</p>\n", "*dear* <b>\n"},
		{"a link", "[leave]({{ unsubscribe_url }})", "<p><a href=\"https://news.example.test/u/abc\">leave</a></p>\n", "leave <https://news.example.test/u/abc>\n"},
		{"a link with a field in its query", "[go](https://x.test/?id={{ id }} \"for {{ first_name }}\")", "<p><a href=\"https://x.test/?id=a%20b\" title=\"for Ana\">go</a></p>\n", "go <https://x.test/?id=a%20b>\n"},
		{"a bare link", "https://x.test/{{ first_name }}", "<p><a href=\"https://x.test/Ana\">https://x.test/Ana</a></p>\n", "https://x.test/Ana\n"},
		{"a picture", "![Photo of {{ first_name }}](https://x.test/{{ id }}.png)", "<p><img src=\"https://x.test/a%20b.png\" alt=\"Photo of Ana\"></p>\n", "\n"},
		{"a condition on lines of its own", "A\n\n{% if city %}\nin *{{ city }}*\n{% else %}\nnowhere\n{% endif %}\n\nB", "<p>A</p>\n\n<p>in <em>Łódź</em></p>\n\n<p>B</p>\n", "A\n\nin Łódź\n\nB\n"},
		{"a condition that does not hold", "A\n\n{% if nobody %}\nsecret\n{% endif %}\n\nB", "<p>A</p>\n\n<p>B</p>\n", "A\n\nB\n"},
		{"a condition within a line", "A{% if city %} in {{ city }}{% endif %}.", "<p>A in Łódź.</p>\n", "A in Łódź.\n"},
		{"a loop over list items", "{% for i in items %}\n- {{ i }}\n{% endfor %}", "<ul>\n<li>one</li>\n</ul>\n\n<ul>\n<li>two</li>\n</ul>\n", "- one\n\n- two\n\n\n"},
		{"a table", "| a | b |\n|---|---|\n| {{ first_name }} | {{ city }} |\n", "<table>\n<thead>\n<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>Ana</td>\n<td>Łódź</td>\n</tr>\n</tbody>\n</table>\n", "a b\nAna Łódź\n"},
		{"HTML", "<div align=\"center\">{{ first_name }}</div>", "<div align=\"center\">Ana</div>\n", "Ana\n"},
		{"code", "`{{ first_name }} <b>`", "<p><code>Ana &lt;b&gt;</code></p>\n", "Ana <b>\n"},
		{"raw", "{% raw %}{{ first_name }}{% endraw %}", "<p>{{ first_name }}</p>\n", "{{ first_name }}\n"},
		{"a word that becomes a mark", "hw&#48;x7z\n\n{{ first_name }}", "<p>hw0x7z</p>\n<p>Ana</p>\n", "hw0x7z\n\nAna\n"},
		{"a word like a mark", "hw0x0z {{ first_name }}", "<p>hw0x0z Ana</p>\n", "hw0x0z Ana\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			src, r := newsletter(), ana()
			src.Markdown, src.OmitFooter = tt.markdown, true
			r.Fields["items"] = []any{"one", "two"}
			d, err := decode(render(t, compile(t, src), r))
			if err != nil {
				t.Fatal(err)
			}
			body := bodyOf(d.HTML)
			if strings.Contains(tt.html, "</div>") {
				body += "</div>\n"
			}
			for strings.Contains(body, "\n\n\n") {
				body = strings.ReplaceAll(body, "\n\n\n", "\n\n")
			}
			if diff := cmp.Diff(tt.html, strings.Trim(body, "\n")+"\n"); diff != "" {
				t.Errorf("HTML (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.text, d.Text); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTextOfHTML(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, html, want string }{
		{"a document", "<!DOCTYPE html><html><head><title>T</title><style>p{}</style></head><body><h1>Hi {{ first_name }}</h1><p>One<br />two</p></body></html>", "Hi Ana\n\nOne\ntwo\n"},
		{"tables", "<table><tr><td>a</td><td>b</td></tr><tr><td colspan=2>c</td></tr></table><div>d</div>e", "a b\nc\n\nd\ne\n"},
		{"lists", "<UL class='x'><LI class='y'>one</LI><li>two {{ first_name }}</li></UL><p class=z>end</p>", "- one\n- two Ana\n\nend\n"},
		{"links", `<a href="https://x.test/?a=1&amp;b={{ id }}">go</a> <a href='mailto:a@b.test'>a@b.test</a> <a href="https://y.test/">https://y.test/</a>`, "go <https://x.test/?a=1&b=a%20b> a@b.test https://y.test/\n"},
		{"entities", "<p>a&nbsp;&amp;&nbsp;b &lt; c &#8364;</p>", "a & b < c €\n"},
		{"comments", "<p>a<!-- secret --><!--[if mso]><b>Outlook</b><![endif]-->b</p>", "ab\n"},
		{"conditions", "<p>a</p>\n{% if nobody %}\n<p>b</p>\n{% endif %}\n<p>c</p>", "a\n\nc\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			src := newsletter()
			src.Markdown, src.HTML, src.OmitFooter = "", tt.html, true
			d, err := decode(render(t, compile(t, src), ana()))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, d.Text); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestHTMLStaysAsWritten(t *testing.T) {
	t.Parallel()
	const document = "<!DOCTYPE html>\n<html><body bgcolor=red>\n<!--[if mso]><table><tr><td><![endif]-->\n<!--[if !mso]><!--><p style='mso-line-height-rule:exactly'>x</p><!--<![endif]-->\n<a href=\"{{ unsubscribe_url }}\">x</a><script>var a = \"</p>\";</script>\n</body></html>\n"
	src := newsletter()
	src.Markdown, src.Preheader, src.HTML = "", "", document
	d, err := decode(render(t, compile(t, src), ana()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(document, "{{ unsubscribe_url }}", ana().UnsubscribeURL), d.HTML); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPreheaderAndFooter(t *testing.T) {
	t.Parallel()
	const hidden, footer = "display:none", `<a href="https://news.example.test/u/abc"`
	tests := []struct {
		name   string
		change func(*message.Source)
		order  []string // what the HTML holds, in this order
		absent []string
		text   string // how the text ends
	}{
		{"Markdown", func(*message.Source) {}, []string{"<body>", hidden, "Only for Ana &amp; friends", `class="letter"`, "Acme &amp; Sons<br>\nMain Street 1<br>", footer, ">Unsubscribe</a>", "</body>"}, nil,
			"\nUnsubscribe: https://news.example.test/u/abc\n\nAcme & Sons\nMain Street 1\n"},
		{"a document", func(s *message.Source) { s.HTML = "<html><BODY class='a'><p>Text</p></BODY></html>" }, []string{"<BODY class='a'>", hidden, "<p>Text</p>", footer, "</BODY></html>"}, nil,
			"Text\n\nUnsubscribe: https://news.example.test/u/abc\n\nAcme & Sons\nMain Street 1\n"},
		{"a document without body", func(s *message.Source) { s.HTML = "<html><head><title>x</title></head><p>Text</p>" }, []string{"</head>", hidden, "<p>Text</p>", footer}, nil, "Main Street 1\n"},
		{"a fragment", func(s *message.Source) { s.HTML = "<p>Text</p>" }, []string{hidden, "<p>Text</p>", footer}, nil, "Main Street 1\n"},
		{"words of one's own", func(s *message.Source) { s.UnsubscribeText, s.PostalAddress = "Wypisz się <tu>", "" }, []string{footer, ">Wypisz się &lt;tu&gt;</a>"}, []string{"Acme"}, "\nWypisz się <tu>: https://news.example.test/u/abc\n"},
		{"a link in the body", func(s *message.Source) { s.Markdown = "[bye]({{ unsubscribe_url }})" }, []string{">bye</a>"}, []string{"Acme", "Unsubscribe"}, "bye <https://news.example.test/u/abc>\n"},
		{"a link in the body, a text without", func(s *message.Source) { s.Markdown, s.Text = "[bye]({{ unsubscribe_url }})", "Text" }, []string{">bye</a>"}, []string{"Acme"}, "Text\n\nUnsubscribe: https://news.example.test/u/abc\n\nAcme & Sons\nMain Street 1\n"},
		{"left out", func(s *message.Source) { s.OmitFooter = true }, []string{hidden}, []string{"Acme", "Unsubscribe"}, "- two\n"},
		{"no preheader", func(s *message.Source) { s.Preheader = "" }, []string{footer}, []string{hidden}, "Main Street 1\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			src := newsletter()
			tt.change(&src)
			if src.HTML != "" {
				src.Markdown = ""
			}
			d, err := decode(render(t, compile(t, src), ana()))
			if err != nil {
				t.Fatal(err)
			}
			rest := d.HTML
			for _, part := range tt.order {
				var found bool
				if _, rest, found = strings.Cut(rest, part); !found {
					t.Errorf("%q is missing or in the wrong place:\n%s", part, d.HTML)
				}
			}
			for _, part := range tt.absent {
				if strings.Contains(d.HTML, part) {
					t.Errorf("%q should not be there:\n%s", part, d.HTML)
				}
			}
			if !strings.HasSuffix(d.Text, tt.text) {
				t.Errorf("the text ends differently than %q:\n%s", tt.text, d.Text)
			}
		})
	}
}

func TestPlainTextCampaign(t *testing.T) {
	t.Parallel()
	src := newsletter()
	src.Markdown, src.Text = "", "Hi {{ first_name }}"
	raw := render(t, compile(t, src), ana())
	if strings.Contains(string(raw), "multipart") {
		t.Errorf("text alone needs no parts:\n%s", raw)
	}
	d, err := decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	if want := "Hi Ana\n\nUnsubscribe: https://news.example.test/u/abc\n\nAcme & Sons\nMain Street 1\n"; d.Text != want || d.HTML != "" {
		t.Errorf("got %q and %q", d.Text, d.HTML)
	}
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		change  func(*message.Source)
		part    message.Part
		line    int
		column  int
		problem string
	}{
		{"no subject", func(s *message.Source) { s.Subject = " " }, message.PartSubject, 0, 0, "no subject"},
		{"no body", func(s *message.Source) { s.Markdown = "" }, message.PartText, 0, 0, "no body"},
		{"two bodies", func(s *message.Source) { s.HTML = "x" }, message.PartHTML, 0, 0, "an HTML body and a Markdown body"},
		{"no sender", func(s *message.Source) { s.FromAddress = "" }, message.PartFrom, 0, 0, "no address"},
		{"a sender with a line break", func(s *message.Source) { s.FromAddress = "a@b.test\r\nBcc: c@d.test" }, message.PartFrom, 0, 0, "no address"},
		{"a sender whom not everybody can receive", func(s *message.Source) { s.FromAddress = "żółw@example.test" }, message.PartFrom, 0, 0, "no address"},
		{"Liquid in the sender's name", func(s *message.Source) { s.FromName = "{{ x }}" }, message.PartFrom, 0, 0, "Liquid"},
		{"an answer to nobody", func(s *message.Source) { s.ReplyTo = "nobody" }, message.PartReplyTo, 0, 0, "no address"},
		{"a list of several words", func(s *message.Source) { s.ListID = "my list" }, message.PartListID, 0, 0, "no list identifier"},
		{"a feedback identifier of five fields", func(s *message.Source) { s.FeedbackID = "a:b:c:d:e" }, message.PartFeedbackID, 0, 0, "no feedback identifier"},
		{"Liquid in the subject", func(s *message.Source) { s.Subject = "Hi {{ name" }, message.PartSubject, 1, 4, "never closed"},
		{"Liquid in the preheader", func(s *message.Source) { s.Preheader = "\n{% if x %}" }, message.PartPreheader, 2, 1, "never closed"},
		{"Liquid in the Markdown", func(s *message.Source) { s.Markdown = "# T\n\n- a {{ b | nope }}" }, message.PartMarkdown, 3, 5, "no filter"},
		{"Liquid in the text", func(s *message.Source) { s.Text = "a\r\n{% endif %}" }, message.PartText, 2, 1, "outside"},
		{"a place in the Markdown where nothing is safe", func(s *message.Source) { s.Markdown = "T\n\n<script>{{ a }}</script>" }, message.PartMarkdown, 3, 9, "<script>"},
		{"a place in the HTML where nothing is safe", func(s *message.Source) { s.Markdown, s.HTML = "", "<p>\n<a href={{ a }}>" }, message.PartHTML, 2, 9, "without quotes"},
		{"Markdown that tears a condition apart", func(s *message.Source) { s.Markdown = "*a {% if x %}b* c{% endif %} `{% if y %}`" }, message.PartMarkdown, 1, 31, "never closed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			src := newsletter()
			tt.change(&src)
			_, err := message.Compile(src)
			var all message.Errors
			var first *message.Error
			if !errors.As(err, &all) || !errors.As(err, &first) {
				t.Fatalf("error %v, want message.Errors", err)
			}
			if first.Part != tt.part || first.Line != tt.line || first.Column != tt.column || !strings.Contains(first.Problem, tt.problem) || first.Advice == "" {
				t.Errorf("got %+v", first)
			}
		})
	}
}

func TestFields(t *testing.T) {
	t.Parallel()
	src := newsletter()
	src.Subject += "{{ last_name }}"
	got := compile(t, src).Fields()
	if diff := cmp.Diff([]string{"city", "first_name", "id", "last_name"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
