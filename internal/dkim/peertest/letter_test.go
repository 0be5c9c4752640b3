package peertest

import (
	"bytes"
	"testing"
	"time"

	"github.com/headwaymail/headway/campaign/message"
	"github.com/headwaymail/headway/internal/dkim"
)

const domain = "example.test"

// letter is a signed newsletter with the records of its keys.
type letter struct {
	signed  []byte
	records []dkim.Record
}

// write composes and signs a newsletter that has folded and encoded headers, and
// lines that canonicalisation changes.
func write(t *testing.T) letter {
	t.Helper()
	compiled, err := message.Compile(message.Source{
		FromName:    "Wiadomości Zażółć",
		FromAddress: "news@" + domain,
		ReplyTo:     "editors@" + domain,
		Subject:     "{{ first_name }}, zażółć gęślą jaźń and a subject that is long enough to be folded over several lines",
		Preheader:   "What is new",
		Markdown:    "# Hi {{ first_name }}\n\nTwo  blanks,\ttabs, a line of blanks:\n\n    code   \n\n\nFrom here\n.\n",
		ListID:      "weekly." + domain,
		FeedbackID:  "42:acme:news:headway",
	})
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := compiled.Append(nil, message.Recipient{
		Address:           "ana@recipient.test",
		Fields:            map[string]any{"first_name": "Ana  Łucja"},
		UnsubscribeURL:    "https://news." + domain + "/u/abc",
		UnsubscribeMailto: "u.abc@b." + domain,
		MessageID:         "abc@" + domain,
		Ref:               "abc",
		Date:              time.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := dkim.GenerateRSA(2048)
	if err != nil {
		t.Fatal(err)
	}
	edKey, err := dkim.GenerateEd25519()
	if err != nil {
		t.Fatal(err)
	}
	signers := []*dkim.Signer{
		{Domain: domain, Selector: "rsa1", Key: rsaKey, Lifetime: 7 * 24 * time.Hour},
		{Domain: domain, Selector: "ed1", Key: edKey},
	}
	var l letter
	if l.signed, err = dkim.Sign(nil, rendered, time.Now(), signers...); err != nil {
		t.Fatal(err)
	}
	for _, s := range signers {
		record, err := dkim.NewRecord(s.Selector, s.Domain, s.Key)
		if err != nil {
			t.Fatal(err)
		}
		l.records = append(l.records, record)
	}
	return l
}

// forge changes one letter of the body.
func (l letter) forge(t *testing.T) letter {
	t.Helper()
	forged := bytes.Replace(l.signed, []byte("blanks"), []byte("blinks"), 1)
	if bytes.Equal(forged, l.signed) {
		t.Fatal("nothing was changed")
	}
	return letter{forged, l.records}
}
