package message_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/headwaymail/headway/campaign/message"
	"github.com/headwaymail/headway/campaign/token"
)

// realistic is a newsletter of 2 KB of text and 18 KB of HTML with six slots.
func realistic() message.Source {
	var text, html strings.Builder
	text.WriteString("Dear {{ first_name | default: \"friend\" }},\n\n")
	html.WriteString("<html><body><h1>Dear {{ first_name | default: \"friend\" }}</h1>\n")
	for i := 0; text.Len() < 1900; i++ {
		fmt.Fprintf(&text, "Paragraph %d of a letter that goes on for a while, as letters do.\n\n", i)
	}
	for i := 0; html.Len() < 17_600; i++ {
		fmt.Fprintf(&html, "<p style=\"color:#123456\">Paragraph %d of a <a href=\"https://example.test/%d\">letter</a>, für alle, that goes on.</p>\n", i, i)
	}
	text.WriteString("How is {{ city }}?\n\nUnsubscribe: {{ unsubscribe_url }}\n")
	html.WriteString("<p>How is {{ city }}?</p><p><a href=\"{{ unsubscribe_url }}\">Unsubscribe</a></p></body></html>\n")
	src := newsletter()
	src.Markdown, src.Preheader, src.Text, src.HTML = "", "", text.String(), html.String()
	src.Subject = "The news of November"
	return src
}

func BenchmarkAppend(b *testing.B) {
	c := compile(b, realistic())
	r := ana()
	var dst []byte
	var err error
	b.ReportAllocs()
	for b.Loop() {
		if dst, err = c.Append(dst[:0], r); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(dst)))
}

// Each of its links, more than a hundred, has a token of its own here.
func BenchmarkAppendCounted(b *testing.B) {
	src := realistic()
	src.CountClicks = true
	c := compile(b, src)
	keys, err := token.NewKeyring(0, map[int][]byte{0: make([]byte, 32)})
	if err != nil {
		b.Fatal(err)
	}
	r := ana()
	r.Counted = func(dst []byte, link int) []byte {
		return keys.Append(append(dst, "https://t.example.test/c/"...), token.Claims{Purpose: token.Click, Campaign: 42, Contact: 1_000_000, Link: uint64(link), Day: r.Date})
	}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		if dst, err = c.Append(dst[:0], r); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(dst)))
	b.ReportMetric(float64(len(c.Links())), "links")
}

func BenchmarkNaive(b *testing.B) {
	c := compile(b, realistic())
	r := ana()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Naive(r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	src := realistic()
	b.ReportAllocs()
	for b.Loop() {
		compile(b, src)
	}
}
