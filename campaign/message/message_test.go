package message_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
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
			if !strings.Contains(strings.TrimSpace(line), " ") {
				limit = 998 // one token cannot be folded
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

func TestANewsletter(t *testing.T) {
	t.Parallel()
	raw := render(t, compile(t, newsletter()), ana())
	if problem := wellFormed(raw); problem != "" {
		t.Errorf("%s:\n%s", problem, raw)
	}
	t.Logf("%s", raw)
	d, err := decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", d.Text)
	t.Logf("%s", d.HTML)
	_ = cmp.Diff
	_ = errors.As
}
