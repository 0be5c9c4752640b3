package template_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/headwaymail/headway/campaign/message/template"
)

// hostileValues try to leave the place where they stand.
var hostileValues = []string{
	`<b x="y">`, `" onclick="x`, `' onclick='x`, `-->`, `--`, `</title><script>x</script>`, `</style>`, `&lt;b&gt;`,
	`javascript:alert(1)`, ` JaVaScRiPt:alert(1)`, `data:text/html,<b>`, "java\x00script:x", "https://x.test/\"><b>", "<!--", "a\r\nb\tc", "\xff\xfe<",
	"https://x.test/?a=b&c='d'", "=", "/", ">", "`",
}

// skeleton returns the tags, attribute names and comments of a document, and
// the links that could run code.
func skeleton(document string) (tags, dangerous []string) {
	z := html.NewTokenizer(strings.NewReader(document))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return tags, dangerous
		case html.CommentToken, html.DoctypeToken:
			tags = append(tags, "comment")
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			token := z.Token()
			line := token.Type.String() + " " + token.Data
			for _, a := range token.Attr {
				line += " " + a.Key
				value := strings.ToLower(strings.TrimSpace(a.Val))
				switch a.Key {
				case "href", "src", "action", "formaction", "background", "poster", "data":
					if strings.HasPrefix(value, "javascript:") || strings.HasPrefix(value, "data:") {
						dangerous = append(dangerous, a.Key+"="+value)
					}
				}
			}
			tags = append(tags, line)
		}
	}
}

// place returns where the tokenizer of another implementation sees a mark.
func place(document, mark string) string {
	z := html.NewTokenizer(strings.NewReader(document))
	special := ""
	for {
		switch z.Next() {
		case html.ErrorToken:
			return "nowhere"
		case html.TextToken:
			if strings.Contains(string(z.Raw()), mark) {
				return "text" + special
			}
			special = ""
		case html.CommentToken, html.DoctypeToken:
			if strings.Contains(string(z.Raw()), mark) {
				return "comment"
			}
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			raw := string(z.Raw())
			token := z.Token()
			special = ""
			switch token.Data {
			case "script", "style", "iframe", "noembed", "noframes", "xmp", "plaintext":
				if token.Type != html.EndTagToken {
					special = " of " + token.Data
				}
			}
			for _, a := range token.Attr {
				if strings.Contains(a.Val, mark) {
					return "attribute"
				}
				if strings.Contains(a.Key, mark) {
					return "attribute name"
				}
			}
			if strings.Contains(token.Data, mark) {
				return "tag name"
			}
			if strings.Contains(raw, mark) {
				return "attribute" // the second of its name, which is dropped
			}
		}
	}
}

// FuzzMarkup holds our following of HTML against the tokenizer of x/net/html: a
// field that we let stand must stand in text or in the value of an attribute,
// and no value may change the tags around it.
func FuzzMarkup(f *testing.F) {
	f.Add("<p>", "</p>")
	f.Add(`<a href="`, `">x</a>`)
	f.Add(`<a href='https://x.test/?a=`, `'>x</a>`)
	f.Add(`<a title = "a" class=b style="color:`, `" x>`)
	f.Add("<!-- a --><style>p > a {}</style><title>", "</title>")
	f.Add("<!DOCTYPE html><textarea>", "</textarea><br/>")
	f.Add("<!--[if mso]><p>", "</p><![endif]-->")
	f.Add("<!--><p a=", ">")
	f.Add("a < b <3 </ x> <? y> <![CDATA[", "]]>")
	f.Fuzz(func(t *testing.T, before, after string) {
		before, after = template.Clean(before), template.Clean(after)
		if strings.ContainsAny(before+after, "{}") || containsFold(before+after, "svg", "math", "noscript", "frameset", "[if") {
			return // what these mean differs between programs
		}
		tokens, err := template.Scan(before + "{{ a }}" + after)
		if err != nil {
			t.Fatal(err)
		}
		compiled, err := template.Parse(tokens, template.HTML)
		if err != nil {
			return
		}
		switch where := place(before+"zqz"+after, "zqz"); where {
		case "text", "attribute":
		default:
			t.Fatalf("let stand in %s: %q zqz %q", where, before, after)
		}
		want, _ := skeleton(before + "x" + after)
		for _, hostile := range hostileValues {
			v := &template.Values{Fields: map[string]any{"a": hostile}}
			got := fill(t, compiled, v)
			tags, dangerous := skeleton(got)
			if diff := cmp.Diff(want, tags); diff != "" {
				t.Fatalf("%q changes the tags (-want +got):\n%s\n%s", hostile, diff, got)
			}
			if len(dangerous) > 0 && containsFold(strings.Join(dangerous, " "), "alert(1)") {
				t.Fatalf("%q makes %q\n%s", hostile, dangerous, got)
			}
		}
	})
}

func containsFold(text string, any ...string) bool {
	text = strings.ToLower(text)
	for _, s := range any {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}

// FuzzParse holds the slots against the rendering of the whole.
func FuzzParse(f *testing.F) {
	f.Add(`{% if a %}{{ b | default: "x" }}{% elsif c %}{%- raw -%}{{ }}{% endraw %}{% else %}{% endif %}`, true)
	f.Add(`{% for i in items reversed limit:2 %}{{ i }}{% if forloop.first %}{% continue %}{% endif %}{% break %}{% endfor %}`, false)
	f.Add(`{% assign x = a | split: "," | sort %}{% capture y %}{{ x }}{% endcapture %}{{ y | slice: -3, 2 }}`, true)
	f.Add(`{% case n %}{% when 1, 2 %}a{% else %}{{ name | truncate: 3 | upcase }}{% endcase %}{{{ a }}}`, false)
	f.Add(`{{ born | date: "%Y" }}{{ n | divided_by: 0 }}{{ a.b[0].c }}{{ 'x' | append: "y" }}`, true)
	f.Fuzz(func(t *testing.T, text string, markup bool) {
		tokens, err := template.Scan(text)
		if err != nil {
			return
		}
		mode := template.Text
		if markup {
			mode = template.HTML
		}
		compiled, err := template.Parse(tokens, mode)
		if err != nil {
			return
		}
		whole, wholeErr := compiled.Render(contact())
		var pieces []byte
		v := contact()
		for _, piece := range compiled.Pieces() {
			pieces = append(pieces, piece.Literal...)
			if piece.Slot != nil && err == nil {
				pieces, err = piece.Slot.Append(pieces, v)
			}
		}
		if (err == nil) != (wholeErr == nil) {
			t.Fatalf("piece by piece %v, as a whole %v", err, wholeErr)
		}
		if err == nil && whole != string(pieces) {
			t.Fatalf("(-whole +pieces):\n%s", cmp.Diff(whole, string(pieces)))
		}
	})
}
