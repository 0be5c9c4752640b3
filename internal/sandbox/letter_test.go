package sandbox

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/google/go-cmp/cmp"
)

const newsletter = "From: Headway <news@sender.test>\r\nTo: ana@northmail.test\r\nSubject: Hello\r\n" +
	"Date: Sat, 21 Nov 2026 10:17:23 +0000\r\nMessage-ID: <1@sender.test>\r\n" +
	"List-Unsubscribe: <mailto:u@sender.test>,\r\n <http://127.0.0.1:1/u/abc>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" +
	"\r\nHello Ana\r\n"

// sign signs a message with a fresh Ed25519 key, whose public part the sandbox
// then publishes.
func sign(t *testing.T, s *Sandbox, text, domain string, headers ...string) []byte {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.AddTXT("s1._domainkey."+domain, "v=DKIM1; k=ed25519; p="+base64.StdEncoding.EncodeToString(public))
	var out bytes.Buffer
	err = dkim.Sign(&out, strings.NewReader(text), &dkim.SignOptions{
		Domain: domain, Selector: "s1", Signer: private, HeaderKeys: headers,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestSignaturesAreJudged(t *testing.T) {
	t.Parallel()
	s := run(t, one(), Options{})
	signed := sign(t, s, newsletter, "sender.test", covered...)
	for name, test := range map[string]struct {
		text []byte
		want DKIM
	}{
		"good":     {signed, DKIM{Result: DKIMPass, Domain: "sender.test", Aligned: true}},
		"unsigned": {[]byte(newsletter), DKIM{Result: DKIMNone}},
		"changed": {
			bytes.Replace(signed, []byte("Hello Ana"), []byte("Hello Eve"), 1),
			DKIM{Result: DKIMFail, Domain: "sender.test", Aligned: true, Error: "dkim: body hash did not verify"},
		},
		"headers left out": {
			sign(t, s, newsletter, "mail.test", "From", "To", "Subject"),
			DKIM{Result: DKIMPass, Domain: "mail.test", Missing: []string{"Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post"}},
		},
		"no key": {
			bytes.Replace(signed, []byte("d=sender.test"), []byte("d=nobody.test"), 1),
			DKIM{Result: DKIMFail, Domain: "nobody.test", Error: "dkim: no key for signature: lookup s1._domainkey.nobody.test: NXDOMAIN"},
		},
		"two signatures, the second good": {
			append(bytes.Replace(signed[:bytes.Index(signed, []byte("\r\nFrom:"))+2], []byte("d=sender.test"), []byte("d=nobody.test"), 1), signed...),
			DKIM{Result: DKIMPass, Domain: "sender.test", Aligned: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.inspect(test.text)
			if diff := cmp.Diff(test.want, got.DKIM); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			got.DKIM = DKIM{}
			want := Letter{MessageID: "<1@sender.test>", Subject: "Hello", Unsubscribe: "http://127.0.0.1:1/u/abc", OneClick: true}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsNoMessageIsTakenAllTheSame(t *testing.T) {
	t.Parallel()
	s := run(t, one(), Options{})
	for _, text := range []string{"", "\r\n", "no header at all", "From: \r\n\r\n", "DKIM-Signature: v=1\r\n\r\n"} {
		if got := s.inspect([]byte(text)); got.DKIM.Result == DKIMPass || got.Unsubscribe != "" {
			t.Errorf("%q: %+v", text, got)
		}
	}
}
