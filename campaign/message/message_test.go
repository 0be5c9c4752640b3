package message_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	gomessage "github.com/emersion/go-message"
	"github.com/emersion/go-message/mail"
	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/campaign/message"
)

// newsletter is a campaign with everything in it.
func newsletter() message.Source {
	return message.Source{
		FromName:      "Zażółć News",
		FromAddress:   "news@example.test",
		ReplyTo:       "editors@example.test",
		Subject:       `{{ first_name | default: "Friend" }}, the news of November`,
		Preheader:     `Only for {{ first_name | default: "you" }} & friends`,
		Markdown:      "# Hi {{ first_name | default: \"friend\" }}\n\nRead [the *news*](https://example.test/?id={{ id }}&x=\"1\").\n\n{% if city %}\nHow is {{ city }}?\n{% else %}\nWhere are you?\n{% endif %}\n\n- one\n- two\n",
		ListID:        "weekly.example.test",
		FeedbackID:    "42:acme:news:headway",
		PostalAddress: "Acme & Sons\nMain Street 1",
	}
}

func ana() message.Recipient {
	return message.Recipient{
		Address:           "ana@recipient.test",
		Fields:            map[string]any{"first_name": "Ana", "city": "Łódź", "id": "a b"},
		UnsubscribeURL:    "https://news.example.test/u/abc",
		UnsubscribeMailto: "u.abc@b.example.test",
		ViewURL:           "https://news.example.test/v/abc",
		MessageID:         "abc@example.test",
		Ref:               "abc",
		Date:              time.Date(2026, 11, 21, 17, 30, 0, 0, time.FixedZone("", 3600)),
		Counted: func(dst []byte, link int) []byte {
			return fmt.Appendf(dst, "https://t.example.test/c/%d", link)
		},
	}
}

func compile(t testing.TB, src message.Source) *message.Compiled {
	t.Helper()
	c, err := message.Compile(src)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func render(t testing.TB, c *message.Compiled, r message.Recipient) []byte {
	t.Helper()
	out, err := c.Append(nil, r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// decoded is a message as go-message reads it.
type decoded struct {
	header mail.Header
	message.Rendering
}

// decode reads a message with other software than the one that wrote it.
func decode(raw []byte) (decoded, error) {
	entity, err := gomessage.Read(bytes.NewReader(raw))
	if err != nil {
		return decoded{}, err
	}
	d := decoded{header: mail.Header{Header: entity.Header}}
	if d.Subject, err = d.header.Subject(); err != nil {
		return decoded{}, err
	}
	err = entity.Walk(func(_ []int, part *gomessage.Entity, err error) error {
		if err != nil || part.MultipartReader() != nil {
			return err
		}
		body, err := io.ReadAll(part.Body)
		text := strings.ReplaceAll(string(body), "\r\n", "\n")
		if kind, _, _ := part.Header.ContentType(); kind == "text/html" {
			d.HTML = text
		} else {
			d.Text = text
		}
		return err
	})
	return d, err
}

// wellFormed returns what is wrong with the lines of a message, or "".
func wellFormed(raw []byte) string {
	header, _, found := bytes.Cut(raw, []byte("\r\n\r\n"))
	switch {
	case !found:
		return "no empty line ends the header"
	case bytes.Count(raw, []byte("\n")) != bytes.Count(raw, []byte("\r\n")) || bytes.Count(raw, []byte("\r")) != bytes.Count(raw, []byte("\r\n")):
		return "a bare CR or LF"
	case !bytes.HasSuffix(raw, []byte("\r\n")):
		return "no line break at the end"
	}
	for i, line := range strings.Split(strings.TrimSuffix(string(raw), "\r\n"), "\r\n") {
		limit := 76
		if i <= bytes.Count(header, []byte("\r\n")) {
			limit = 78
			if !strings.Contains(strings.TrimSpace(line), " ") || strings.HasPrefix(line, ` "`) {
				limit = 998 // one token, or an address in quotes, cannot be folded
			}
			if strings.TrimSpace(line) == "" {
				return "an empty line in the header"
			}
		}
		if len(line) > limit {
			return "a line of more than " + line
		}
		if line != "" && line[len(line)-1] == ' ' {
			return "a blank at the end of " + line
		}
		if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return "a control character in " + line
		}
	}
	return ""
}

func TestHeader(t *testing.T) {
	t.Parallel()
	raw := render(t, compile(t, newsletter()), ana())
	header, _, _ := strings.Cut(string(raw), "\r\n\r\n")
	header, boundary, _ := strings.Cut(header, "boundary=")
	want := strings.ReplaceAll(`Date: Sat, 21 Nov 2026 17:30:00 +0100
To: ana@recipient.test
From: =?utf-8?b?WmHFvMOzxYLEhyBOZXdz?= <news@example.test>
Reply-To: editors@example.test
Subject: Ana, the news of November
Message-ID: <abc@example.test>
X-Headway-Ref: abc
List-Unsubscribe: <https://news.example.test/u/abc>,
 <mailto:u.abc@b.example.test>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
List-ID: <weekly.example.test>
Feedback-ID: 42:acme:news:headway
MIME-Version: 1.0
Content-Type: multipart/alternative;
 `, "\n", "\r\n")
	if diff := cmp.Diff(want, header); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(boundary, `"=_`) {
		t.Errorf("the boundary %s could occur in quoted-printable text", boundary)
	}
}

func TestWaysToLeave(t *testing.T) {
	t.Parallel()
	src := newsletter()
	src.OmitFooter = true
	c := compile(t, src)
	long := "https://news.example.test/" + strings.Repeat("u", 100)
	tests := []struct{ name, url, mailto, want string }{
		{"both", "https://x.test/u", "u@b.test", "List-Unsubscribe: <https://x.test/u>,\r\n <mailto:u@b.test>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"},
		{"a link", "https://x.test/u", "", "List-Unsubscribe: <https://x.test/u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"},
		{"a link without TLS, to which nothing may be posted", "http://x.test/u", "", "List-Unsubscribe: <http://x.test/u>\r\n"},
		{"a link to this machine", "http://127.0.0.1:8080/u", "", "List-Unsubscribe: <http://127.0.0.1:8080/u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"},
		{"a mail", "", "u@b.test", "List-Unsubscribe: <mailto:u@b.test>\r\n"},
		{"a long link", long, "", "List-Unsubscribe:\r\n <" + long + ">\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"},
		{"none", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := ana()
			r.UnsubscribeURL, r.UnsubscribeMailto = tt.url, tt.mailto
			header, _, _ := strings.Cut(string(render(t, c, r)), "List-ID")
			_, got, _ := strings.Cut(header, "X-Headway-Ref: abc\r\n")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestFrom(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, display, address, want string }{
		{"no name", "", "news@example.test", "news@example.test"},
		{"words", "Acme News", "news@example.test", "Acme News <news@example.test>"},
		{"special characters", `Acme, "Inc." <x@y.test>`, "news@example.test", `"Acme, \"Inc.\" <x@y.test>" <news@example.test>`},
		{"letters that are not ASCII", "Żółw", "news@example.test", "=?utf-8?b?xbvDs8WCdw==?= <news@example.test>"},
		{"something that looks encoded", "=?utf-8?q?x?=", "news@example.test", "=?utf-8?b?PT91dGYtOD9xP3g/PQ==?= <news@example.test>"},
		{"a line break", "Acme\r\nBcc: x@y.test", "news@example.test", `"Acme Bcc: x@y.test" <news@example.test>`},
		{"a long name", strings.Repeat("Acme ", 20), "news@example.test", "=?utf-8?q?Acme_Acme_Acme_Acme_Acme_Acme_Acme_Acme_Acme_Acme_Acme_Acm?=\r\n =?utf-8?q?e_Acme_Acme_Acme_Acme_Acme_Acme_Acme_Acme?= <news@example.test>"},
		{"a domain that is not ASCII", "", "news@żółw.test", "news@xn--w-uga1v8h.test"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			src := newsletter()
			src.FromName, src.FromAddress, src.ReplyTo, src.Subject = tt.display, tt.address, "", "S"
			raw := render(t, compile(t, src), ana())
			_, rest, _ := strings.Cut(string(raw), "\r\nFrom: ")
			got, _, _ := strings.Cut(rest, "\r\nSubject")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			d, err := decode(raw)
			if err != nil {
				t.Fatal(err)
			}
			from, err := d.header.AddressList("From")
			if err != nil || len(from) != 1 {
				t.Fatalf("From is read as %v, %v", from, err)
			}
			if want := strings.Join(strings.Fields(tt.display), " "); from[0].Name != want {
				t.Errorf("the name is read as %q, want %q", from[0].Name, want)
			}
		})
	}
}

func TestTo(t *testing.T) {
	t.Parallel()
	c := compile(t, newsletter())
	long := strings.Repeat("l", 64) + "@recipient.test"
	tests := []struct {
		name, address string
		want          string // empty if the address is refused
		utf8          bool
	}{
		{"usual", "ana+news@recipient.test", "ana+news@recipient.test", false},
		{"a domain that is not ASCII", "ana@żółw.test", "ana@xn--w-uga1v8h.test", false},
		{"a local part that is not ASCII", "żółw@żółw.test", "żółw@xn--w-uga1v8h.test", true},
		{"a quoted local part", `"a b\"c"@recipient.test`, `"a b\"c"@recipient.test`, false},
		{"quotes that are not needed", `"ana"@recipient.test`, "ana@recipient.test", false},
		{"dots that need quotes", "ana..b.@recipient.test", `"ana..b."@recipient.test`, false},
		{"a blank that needs quotes", "a b@recipient.test", `"a b"@recipient.test`, false},
		{"a long one", long, "\r\n " + long, false},
		{"two at signs", "a@b@recipient.test", `"a@b"@recipient.test`, false},
		{"nothing", "", "", false},
		{"no domain", "ana", "", false},
		{"no local part", "@recipient.test", "", false},
		{"a line break", "ana\r\nBcc: x@recipient.test", "", false},
		{"a line break in the domain", "ana@recipient.test\r\nBcc: x@y.test", "", false},
		{"a second address", "ana@recipient.test, bob@recipient.test", `"ana@recipient.test, bob"@recipient.test`, false},
		{"a second address behind", "ana@recipient.test,", "", false},
		{"NUL in quotes", "\"a\x00b\"@recipient.test", "", false},
		{"not UTF-8", "\xff@recipient.test", "", true},
		{"a label too long", "a@" + strings.Repeat("l", 64) + ".test", "", false},
		{"too long", strings.Repeat("l", 250) + "@x.test", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := message.NeedsSMTPUTF8(tt.address); got != tt.utf8 {
				t.Errorf("NeedsSMTPUTF8 = %v", got)
			}
			r := ana()
			r.Address = tt.address
			raw, err := c.Append(nil, r)
			var known *message.Error
			if tt.want == "" {
				if !errors.As(err, &known) || known.Part != message.PartRecipient {
					t.Errorf("error %v, want one about the recipient", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			_, rest, _ := strings.Cut(string(raw), "\r\nTo:")
			got, _, _ := strings.Cut(rest, "\r\nFrom")
			if diff := cmp.Diff(tt.want, strings.TrimPrefix(got, " ")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSubject(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, subject, want string }{
		{"short", "Hello", "Hello"},
		{"blanks and line breaks", " a \r\n\t b\u2028c ", "a b c"},
		{"long", strings.Repeat("word ", 20) + "end", "word word word word word word word word word word word word word word\r\n word word word word word word end"},
		{"some letters that are not ASCII", "Grüße aus Łódź", "=?utf-8?b?R3LDvMOfZSBhdXMgxYHDs2TFug==?="},
		{"one letter that is not ASCII", "A café in November", "=?utf-8?q?A_caf=C3=A9_in_November?="},
		{"no ASCII", "日本語のニュースレター、十一月号、すべての読者のために", "=?utf-8?b?5pel5pys6Kqe44Gu44OL44Ol44O844K544Os44K/44O844CB5Y2B?=\r\n =?utf-8?b?5LiA5pyI5Y+344CB44GZ44G544Gm44Gu6Kqt6ICF44Gu44Gf44KB44Gr?="},
		{"an emoji", "Sale 🎉", "=?utf-8?b?U2FsZSDwn46J?="},
		{"something that looks encoded", "a =?utf-8?q?b?=", "=?utf-8?b?YSA9P3V0Zi04P3E/Yj89?="},
		{"one endless word", strings.Repeat("x", 100), "=?utf-8?q?" + strings.Repeat("x", 55) + "?=\r\n =?utf-8?q?" + strings.Repeat("x", 45) + "?="},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, subject := range []string{tt.subject, "{{ subject }}"} {
				src, r := newsletter(), ana()
				src.Subject = subject
				r.Fields = map[string]any{"subject": tt.subject}
				_, rest, _ := strings.Cut(string(render(t, compile(t, src), r)), "\r\nSubject: ")
				got, _, _ := strings.Cut(rest, "\r\nMessage-ID")
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", subject, diff)
				}
			}
		})
	}
}

func TestQuotedPrintable(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"a slot between words", "Hi {{ first_name }}, hello\n", "Hi =\nAna=\n, hello\n"},
		{"a slot on a line of its own", "Hi\n{{ first_name }}\nhello\n", "Hi\nAna\nhello\n"},
		{"two slots", "{{ first_name }}{{ city }}\n", "Ana=\n=C5=81=C3=B3d=C5=BA\n"},
		{"an empty slot behind a blank", "Hi {{ nobody }}\n", "Hi =\n\n"},
		{"a blank at the end of a line", "a \nb\t\n", "a=20\nb=09\n"},
		{"75 characters", strings.Repeat("x", 75) + "\n", strings.Repeat("x", 75) + "\n"},
		{"76 characters", strings.Repeat("x", 76) + "\n", strings.Repeat("x", 75) + "=\nx\n"},
		{"an equals sign at the edge", strings.Repeat("x", 73) + "=\n", strings.Repeat("x", 73) + "=\n=3D\n"},
		{"a dot and From at the beginning", ".x\nFrom x\n..\n", "=2Ex\n=46rom x\n=2E.\n"},
		{"a dot in a slot", "x{{ dot }}\n", "x=\n=2E\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			src, r := newsletter(), ana()
			src.Markdown, src.Preheader, src.Text, src.OmitFooter = "", "", tt.text, true
			r.Fields["dot"] = "."
			_, got, _ := strings.Cut(string(render(t, compile(t, src), r)), "\r\n\r\n")
			if diff := cmp.Diff(tt.want, strings.ReplaceAll(got, "\r\n", "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAppendRefuses(t *testing.T) {
	t.Parallel()
	src := newsletter()
	src.Markdown += "{{ points | plus: 1 }} {{ view_url }}"
	c := compile(t, src)
	tests := []struct {
		name   string
		change func(*message.Recipient)
		part   message.Part
	}{
		{"no date", func(r *message.Recipient) { r.Date = time.Time{} }, message.PartRecipient},
		{"no Message-ID", func(r *message.Recipient) { r.MessageID = "" }, message.PartRecipient},
		{"a Message-ID with a line break", func(r *message.Recipient) { r.MessageID = "a@b\r\nBcc: x" }, message.PartRecipient},
		{"a Message-ID with two at signs", func(r *message.Recipient) { r.MessageID = "a@b@c" }, message.PartRecipient},
		{"a reference with a blank", func(r *message.Recipient) { r.Ref = "a b" }, message.PartRecipient},
		{"no link to leave", func(r *message.Recipient) { r.UnsubscribeURL = "" }, message.PartRecipient},
		{"a link to leave that ends its bracket", func(r *message.Recipient) { r.UnsubscribeURL = "https://x.test/>,<https://y.test" }, message.PartRecipient},
		{"a link to leave that is too long", func(r *message.Recipient) { r.UnsubscribeURL = "https://x.test/" + strings.Repeat("x", 1000) }, message.PartRecipient},
		{"a mailbox to leave with a query", func(r *message.Recipient) { r.UnsubscribeMailto = "u@x.test?subject=a" }, message.PartRecipient},
		{"no link to view", func(r *message.Recipient) { r.ViewURL = "" }, message.PartRecipient},
		{"a field that is no number", func(r *message.Recipient) { r.Fields["points"] = "many" }, message.PartText},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := ana()
			r.Fields["points"] = 41.0
			if _, err := c.Append(nil, r); err != nil {
				t.Fatal(err)
			}
			tt.change(&r)
			var known *message.Error
			out, err := c.Append([]byte("kept"), r)
			if !errors.As(err, &known) || known.Part != tt.part || known.Problem == "" || known.Advice == "" {
				t.Errorf("error %+v, want one about %s", err, tt.part)
			}
			if string(out) != "kept" {
				t.Errorf("the buffer holds %q", out)
			}
		})
	}
}

func TestOneCampaignServesManyGoroutines(t *testing.T) {
	t.Parallel()
	src := newsletter()
	src.Subject += "{{ city | upcase }}"
	c := compile(t, src)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			r := ana()
			r.Fields["first_name"] = strings.Repeat("x", i+1)
			want, err := c.Naive(r)
			if err != nil {
				t.Error(err)
				return
			}
			for range 50 {
				raw, err := c.Append(nil, r)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := decode(raw)
				if diff := cmp.Diff(want, got.Rendering); err != nil || diff != "" {
					t.Errorf("%v\n%s", err, diff)
				}
			}
		})
	}
	all.Wait()
}
