package message

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// FuzzAttributeValue holds what is found in a tag against the tokenizer: with
// another value in that place the tag is the same but for that value.
func FuzzAttributeValue(f *testing.F) {
	for _, tag := range []string{
		`<a href="x">`, `<a href='x'>`, `<a href=x>`, `<a  HREF = "x" id=1>`, `<a title=" href='y'" href="x">`, `<a href>`, `<a =href="x" href=y>`,
		`<a href="x" href="y">`, `<a/href="x"/>`, `<a title=a"b href='x>y'>`, `<a href=>`, `<a href= >`, "<a\nhref\t=\f'x'>", `<a href="x">tail`, `<a hreF=x/y>`,
		`<a data-href="z" href=x>`, `<a href="unfinished`, `<a ="" href="x">`, `<a href href="x">`, `<a '"href="x">`,
	} {
		f.Add(tag)
	}
	f.Fuzz(func(t *testing.T, text string) {
		z := html.NewTokenizer(strings.NewReader(text))
		if kind := z.Next(); kind != html.StartTagToken && kind != html.SelfClosingTagToken {
			return
		}
		raw := string(z.Raw())
		before := z.Token()
		has := false
		for _, a := range before.Attr {
			has = has || a.Key == "href"
		}
		start, end, found := attributeValue(raw, "href")
		if !has {
			return // a name without a value, or one that only reads like it
		}
		if !found {
			for _, a := range before.Attr {
				if a.Key != "href" {
					continue
				}
				if a.Val != "" {
					t.Fatalf("no href is found in %q", raw)
				}
				return // the first counts
			}
			return
		}
		z = html.NewTokenizer(strings.NewReader(raw[:start] + `"other"` + raw[end:]))
		z.Next()
		after := z.Token()
		if len(after.Attr) != len(before.Attr) || after.Data != before.Data {
			t.Fatalf("%q became %v, from %v", raw, after, before)
		}
		changed := false
		for i, a := range after.Attr {
			was := before.Attr[i]
			if a.Key == "href" && !changed {
				if changed = true; a.Val != "other" {
					t.Fatalf("%q: the value is %q", raw, a.Val)
				}
				continue
			}
			if a != was {
				t.Fatalf("%q: %v became %v", raw, was, a)
			}
		}
	})
}
