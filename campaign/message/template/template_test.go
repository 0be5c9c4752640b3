package template_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/campaign/message/template"
)

// contact is the recipient of all examples.
func contact() *template.Values {
	return &template.Values{
		Email:          "ana@example.test",
		UnsubscribeURL: "https://news.example.test/u/abc?a=1&b=2",
		ViewURL:        "https://news.example.test/v/abc",
		SentAt:         time.Date(2026, 11, 21, 17, 30, 0, 0, time.UTC),
		Fields: map[string]any{
			"name":  `Ana "A" <O'Neil> & Co`,
			"empty": "",
			"no":    false,
			"n":     3.0,
			"big":   1234567.0,
			"color": "red;background:url(x)",
			"link":  "https://shop.example.test/a b?x=1&y='z'",
			"bad":   " JavaScript:alert(1)",
			"items": []any{"one", "two"},
			"place": map[string]any{"city": "Łódź", "a": 1.0, "c": 3.0, "b": 2.0, "e": 5.0, "d": 4.0},
			"names": `a, "b, "c`,
			"ctl":   "a\x00b\x1b\x7fc\u0085d\r\ne\rf\xff",
			"born":  "1990-05-17",
			"now":   "now",
			"dash":  "--",
		},
	}
}

func compile(t testing.TB, text string, mode template.Mode) *template.Template {
	t.Helper()
	tokens, err := template.Scan(text)
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := template.Parse(tokens, mode)
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// fill renders a template piece by piece.
func fill(t testing.TB, compiled *template.Template, v *template.Values) string {
	t.Helper()
	var out []byte
	for _, piece := range compiled.Pieces() {
		out = append(out, piece.Literal...)
		if piece.Slot != nil {
			var err error
			if out, err = piece.Slot.Append(out, v); err != nil {
				t.Fatal(err)
			}
		}
	}
	return string(out)
}

func TestRendering(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text, want string
		mode             template.Mode
	}{
		{"a field", `Hi {{ name }}!`, `Hi Ana "A" <O'Neil> & Co!`, template.Text},
		{"a field in HTML", `<p>{{ name }}</p>`, `<p>Ana &#34;A&#34; &lt;O&#39;Neil&gt; &amp; Co</p>`, template.HTML},
		{"an unknown field is empty", `[{{ nobody }}]`, `[]`, template.Text},
		{"a default", `{{ nobody | default: "friend" }} {{ empty | default: 'friend' }} {{ no | default: "x" }}`, `friend friend x`, template.Text},
		{"a default is escaped too", `{{ nobody | default: "a & b" }}`, `a &amp; b`, template.HTML},
		{"numbers", `{{ n }} {{ big | plus: 1 }}`, `3 1234568`, template.Text},
		{"properties", `{{ place.city | upcase }}`, `ŁÓDŹ`, template.Text},
		{"a condition", `{% if name %}yes{% else %}no{% endif %}`, `yes`, template.Text},
		{"a condition on a value", `{% if n > 2 and name contains "Ana" %}yes{% elsif n %}maybe{% endif %}`, `yes`, template.Text},
		{"a case", "{% case n %}\n{% when 1, 2 %}few{% when 3 %}three{% else %}many{% endcase %}", `three`, template.Text},
		{"a loop", `{% for i in items reversed %}{{ forloop.index }}{{ i }} {% else %}none{% endfor %}`, `1two 2one `, template.Text},
		{"a loop over nothing", `{% for i in nobody limit: 2 %}x{% else %}none{% endfor %}{% for i in empty reversed %}x{% else %}none{% endfor %}`, `nonenone`, template.Text},
		{"a loop with filters", `{% for i in names | split: ', "' | reverse limit: 2 offset: 1 %}{{ i }}{% endfor %}`, `ba`, template.Text},
		{"a loop over entries", `{% for e in place %}{{ e[0] }}={{ e[1] }} {% endfor %}{{ place.size }}`, `a=1 b=2 c=3 city=Łódź d=4 e=5 6`, template.Text},
		{"a loop with break", `{% for i in items %}{{ i }}{% break %}{% endfor %}`, `one`, template.Text},
		{"variables live on", `{% assign a = name | size %}{{ a }} {% capture b %}<{{ n }}>{% endcapture %}{{ b }}`, `21 &lt;3&gt;`, template.HTML},
		{"trimming", "a \n {{- n -}} \n b {%- if n -%} c {%- endif -%} d", `a3bcd`, template.Text},
		{"raw", `{% raw %}{{ name }} {% if %}{% endraw %}{{ n }}`, `{{ name }} {% if %}3`, template.Text},
		{"raw within a block", `{% if n %}{% raw %}{{ name }}{{% endraw %}{{ n }}{% endif %}`, `{{ name }}{3`, template.Text},
		{"a comment", `a{% comment %} {{ x | nope }} {% endcomment %}b`, `ab`, template.Text},
		{"a lone brace", `a { b } {x} %} }}`, `a { b } {x} %} }}`, template.Text},
		{"control characters", `{{ ctl }}`, "abcd\ne\nf\uFFFD", template.Text},
		{"dates", `{{ born | date: "%d %B %Y" }}, {{ sent_at | date: "%Y" }}, {{ now | date: "%Y" }}, {{ name | date: "%Y" }}`, `17 May 1990, 2026, now, Ana "A" <O'Neil> & Co`, template.Text},
		{"characters are not cut", `{{ place.city | slice: 0, 2 }} {{ place.city | truncate: 3, "…" }} {{ "élan" | capitalize }} {{ "a  b  c" | truncatewords: 2 }} {{ "a b" | truncatewords: 2 }} {{ "a" | slice: 5, 2 }}`, `Łó Łó… Élan a  b... a b `, template.Text},
		{"escaping twice is not possible", `{{ name | escape }}`, `Ana &#34;A&#34; &lt;O&#39;Neil&gt; &amp; Co`, template.HTML},
		{"provided names win", `{{ email }}`, `ana@example.test`, template.Text},

		{"an attribute", `<img alt="{{ name }}" title='{{ name }}'>`, `<img alt="Ana &#34;A&#34; &lt;O&#39;Neil&gt; &amp; Co" title='Ana &#34;A&#34; &lt;O&#39;Neil&gt; &amp; Co'>`, template.HTML},
		{"a link", `<a href="{{ link }}">`, `<a href="https://shop.example.test/a%20b?x=1&amp;y=%27z%27">`, template.HTML},
		{"a link that runs code", `<a href="{{ bad }}">`, `<a href="#">`, template.HTML},
		{"a link without scheme", `<a href="{{ place.city }}">`, `<a href="#">`, template.HTML},
		{"a query", `<a href="https://x.test/?n={{ name }}&amp;c={{ place.city }}">`, `<a href="https://x.test/?n=Ana%20%22A%22%20%3CO%27Neil%3E%20%26%20Co&amp;c=%C5%81%C3%B3d%C5%BA">`, template.HTML},
		{"a query that was encoded", `<a href="https://x.test/?n={{ name | url_encode }}">`, `<a href="https://x.test/?n=Ana+%22A%22+%3CO%27Neil%3E+%26+Co">`, template.HTML},
		{"a path", `<a href="https://x.test/{{ place.city }}/{{ n }}">`, `<a href="https://x.test/%C5%81%C3%B3d%C5%BA/3">`, template.HTML},
		{"a mail link", `<a href="mailto:{{ email }}?subject={{ name }}">`, `<a href="mailto:ana@example.test?subject=Ana%20%22A%22%20%3CO%27Neil%3E%20%26%20Co">`, template.HTML},
		{"after a slot in a link", `<a href="{{ link }}&{{ name }}">`, `<a href="https://shop.example.test/a%20b?x=1&amp;y=%27z%27&Ana%20%22A%22%20%3CO%27Neil%3E%20%26%20Co">`, template.HTML},
		{"our own link", `<a href="{{ unsubscribe_url }}">`, `<a href="https://news.example.test/u/abc?a=1&amp;b=2">`, template.HTML},
		{"our own link in text", `{{ unsubscribe_url }}`, `https://news.example.test/u/abc?a=1&b=2`, template.Text},
		{"a link in text", `<https://x.test/{{ n }}?n={{ place.city }}&m={% if n %}{{ items }}{% endif %}> {{ place.city }}`, `<https://x.test/3?n=%C5%81%C3%B3d%C5%BA&m=onetwo> Łódź`, template.Text},
		{"a link in text that was encoded", `https://x.test/?n={{ name | url_encode }}`, `https://x.test/?n=Ana+%22A%22+%3CO%27Neil%3E+%26+Co`, template.Text},
		{"branches within a link", `<a href="{% if n %}https://a.test/?x=1{% else %}https://b.test/{% endif %}{{ name }}">`, `<a href="https://a.test/?x=1Ana%20%22A%22%20%3CO%27Neil%3E%20%26%20Co">`, template.HTML},
		{"branches within a tag", `<td{% if n %} class="a"{% endif %} title="{{ n }}">`, `<td class="a" title="3">`, template.HTML},
		{"a branch that is an attribute", `<input {% if n %}checked{% endif %} title="{{ n }}"{% if no %} disabled{% endif %}>{{ n }}`, `<input checked title="3">3`, template.HTML},
		{"a style", `<p style="color: {{ color }}">`, `<p style="color: redbackgroundurlx">`, template.HTML},
		{"a title", `<title>{{ name }}</title><p>{{ n }}`, `<title>Ana &#34;A&#34; &lt;O&#39;Neil&gt; &amp; Co</title><p>3`, template.HTML},
		{"a comment for Outlook", `<!--[if mso]><v:rect href="{{ link }}"><b>{{ dash }}></b><![endif]--><p>{{ dash }}</p>`, `<!--[if mso]><v:rect href="https://shop.example.test/a%20b?x=1&amp;y=%27z%27"><b>&#45;&#45;></b><![endif]--><p>--</p>`, template.HTML},
		{"a comment for all but Outlook", `<!--[if !mso]><!--><p title="{{ dash }}">{{ dash }}</p><!--<![endif]-->{{ dash }}`, `<!--[if !mso]><!--><p title="--">--</p><!--<![endif]-->--`, template.HTML},
		{"a style sheet with a condition", `<style>{% if n %}p{color:red}{% endif %} a > b {}</style >{{ n }}`, `<style>p{color:red} a > b {}</style >3`, template.HTML},
		{"less-than in text", `1 < {{ n }} <3 </> {{ n }}`, `1 < 3 <3 </> 3`, template.HTML},
		{"a document type", `<!DOCTYPE html><?xml x?><![CDATA[x]]>{{ n }}`, `<!DOCTYPE html><?xml x?><![CDATA[x]]>3`, template.HTML},
		{"a loop in a query", `<a href="https://x.test/?{% for i in items %}i={{ i }}&{% endfor %}">`, `<a href="https://x.test/?i=one&i=two&">`, template.HTML},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			compiled := compile(t, tt.text, tt.mode)
			if diff := cmp.Diff(tt.want, fill(t, compiled, contact())); diff != "" {
				t.Errorf("piece by piece (-want +got):\n%s", diff)
			}
			whole, err := compiled.Render(contact())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, whole); diff != "" {
				t.Errorf("as a whole (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		mode       template.Mode
		line, col  int
		problem    string
	}{
		{"an open output", "Hi\n  {{ name", template.Text, 2, 3, "never closed"},
		{"an empty output", "é {{ }}", template.Text, 1, 3, "nothing stands between"},
		{"an open block", "a\n{% if n %}\nb", template.Text, 2, 1, "{% if %} is never closed"},
		{"an open comment", "{% comment %}", template.Text, 1, 1, "never closed"},
		{"a stray end", "a{% endif %}", template.Text, 1, 2, "outside of any block"},
		{"a wrong end", "{% if n %}{% endfor %}{% endif %}", template.Text, 1, 11, "does not belong into {% if %}"},
		{"a branch after else", "{% if n %}{% else %}{% elsif n %}{% endif %}", template.Text, 1, 21, "comes after {% else %}"},
		{"else with a condition", "{% if n %}{% else if n %}{% endif %}", template.Text, 1, 11, "takes no condition"},
		{"an unknown tag", "{% blink %}", template.Text, 1, 1, "there is no tag"},
		{"a file", `{% include "/etc/passwd" %}`, template.Text, 1, 1, "not available"},
		{"a tag without name", "{% %} {% 'x' %}", template.Text, 1, 1, "nothing stands"},
		{"an unknown filter", "{{ n | upcsae }}", template.Text, 1, 1, `no filter "upcsae"`},
		{"a filter that we hide", "{{ n | as_plain }}", template.Text, 1, 1, `no filter "as_plain"`},
		{"too many arguments", `{{ n | strip: "a" }}`, template.Text, 1, 1, "does not understand"},
		{"no expression", `{{ name name }}`, template.Text, 1, 1, "does not understand"},
		{"a character of no expression", `{{ %assign a = 1 }}`, template.Text, 1, 1, "cannot stand in an expression"},
		{"a number without end", `{{ 99999999999999999999999999 }}`, template.Text, 1, 1, "does not understand"},
		{"a range", `{% for i in (1..9999999999) %}{% endfor %}`, template.Text, 1, 1, "ranges"},
		{"a range to join", `{{ (1..9999999999) | join }}`, template.Text, 1, 1, "ranges"},
		{"a break outside", `{% break %}`, template.Text, 1, 1, "outside of a {% for %}"},
		{"an assignment without value", `{% assign x %}`, template.Text, 1, 1, "an assignment needs"},
		{"an assignment to what is ours", `{% assign unsubscribe_url = "x" %}`, template.Text, 1, 1, "Headway provides"},
		{"a loop without list", `{% for x %}{% endfor %}`, template.Text, 1, 1, "a loop needs"},
		{"text before the first when", `{% case n %}x{% when 1 %}{% endcase %}`, template.Text, 1, 1, "between {% case %}"},

		{"a script", "<script>var n = '{{ name }}'</script>", template.HTML, 1, 18, "<script>"},
		{"a style sheet", "<style>p { color: {{ color }} }</style>", template.HTML, 1, 19, "<style>"},
		{"a comment", "<!-- {{ name }} -->", template.HTML, 1, 6, "in a comment"},
		{"an attribute without quotes", "<a href={{ link }}>", template.HTML, 1, 9, "without quotes"},
		{"the rest of an attribute without quotes", "<a href=http://{{ link }}>", template.HTML, 1, 16, "without quotes"},
		{"a tag name", "<{{ name }}>", template.HTML, 1, 2, "name of a tag"},
		{"an attribute name", "<p {{ name }}>", template.HTML, 1, 4, "name of a tag or attribute"},
		{"an event", `<p onclick="f('{{ name }}')">`, template.HTML, 1, 16, "attribute onclick"},
		{"a list of pictures", `<img srcset="{{ link }} 2x">`, template.HTML, 1, 14, "attribute srcset"},
		{"a link that runs code", `<a href="javascript:f('{{ name }}')">`, template.HTML, 1, 24, "link of this kind"},
		{"data", `<a href="data:text/html,{{ name }}">`, template.HTML, 1, 25, "link of this kind"},
		{"a tag in one branch only", `{% if n %}<a href="{% endif %}">`, template.HTML, 1, 1, "end in different places"},
		{"a loop that leaves a tag open", `{% for i in items %}<p {% endfor %}>`, template.HTML, 1, 1, "end in different places"},
		{"an attribute name in branches", `<a {% if n %}href{% else %}title{% endif %}="{{ link }}">`, template.HTML, 1, 46, "depends on a condition"},
		{"half an attribute name", `<a {% if n %}on{% endif %}:href="{{ link }}">`, template.HTML, 1, 34, "depends on a condition"},
		{"an end within an attribute", `<a href="{{ link }}>`, template.HTML, 0, 0, "ends within the tag <a"},
		{"an end within a comment", `<!-- x`, template.HTML, 0, 0, "ends within a comment"},
		{"an end within a title", `<title>{{ n }}`, template.HTML, 0, 0, "ends within <title>"},
		{"a break in a tag", `{% for i in items %}<p {% break %}>{% endfor %}`, template.HTML, 1, 24, "leaves the loop"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tokens, err := template.Scan(tt.text)
			if err == nil {
				_, err = template.Parse(tokens, tt.mode)
			}
			var mistakes template.Errors
			if !errors.As(err, &mistakes) {
				t.Fatalf("error %v, want template.Errors", err)
			}
			got := mistakes[0]
			if got.Line != tt.line || got.Column != tt.col || !strings.Contains(got.Problem, tt.problem) || got.Advice == "" {
				t.Errorf("got %d:%d %q, advice %q; want %d:%d %q", got.Line, got.Column, got.Problem, got.Advice, tt.line, tt.col, tt.problem)
			}
		})
	}
}

func TestAllMistakesAreReported(t *testing.T) {
	t.Parallel()
	tokens, err := template.Scan("{{ a | nope }}\n{{ b b }}\n{{ (1..2) }}")
	if err != nil {
		t.Fatal(err)
	}
	_, err = template.Parse(tokens, template.Text)
	var mistakes template.Errors
	if !errors.As(err, &mistakes) || len(mistakes) != 3 || mistakes[2].Line != 3 {
		t.Errorf("got %v", err)
	}
}

func TestFields(t *testing.T) {
	t.Parallel()
	compiled := compile(t, `{{ b.x | default: a }} {% if c contains "d" and e %}{% assign f = g %}{{ f }}{% endif %}
		{% for h in i limit: j %}{{ h.k }}{{ forloop.index }}{% endfor %} {{ email }} {{ unsubscribe_url }} {{ true }} {{ l | truncate: m }}
		{% case n %}{% when o %}{% endcase %}{% unless p %}{% endunless %}{% capture q %}{{ r }}{% endcapture %}{{ q }}`, template.Text)
	want := []string{"a", "b", "c", "e", "g", "i", "j", "l", "m", "n", "o", "p", "r"}
	if diff := cmp.Diff(want, compiled.Fields()); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	if !compiled.Uses(template.UnsubscribeURL) || compiled.Uses("zz") {
		t.Error("Uses is wrong")
	}
}
