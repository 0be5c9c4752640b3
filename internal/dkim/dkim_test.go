package dkim_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	msgauth "github.com/emersion/go-msgauth/dkim"

	"github.com/headwaymail/headway/internal/dkim"
)

var signedAt = time.Date(2026, 11, 21, 17, 30, 0, 0, time.UTC)

// testKeys are made once: an RSA key takes a noticeable part of a second.
var testKeys = sync.OnceValues(func() ([2]*dkim.Signer, error) {
	rsaKey, err := dkim.GenerateRSA(2048)
	if err != nil {
		return [2]*dkim.Signer{}, err
	}
	edKey, err := dkim.GenerateEd25519()
	return [2]*dkim.Signer{
		{Domain: "example.test", Selector: "rsa1", Key: rsaKey},
		{Domain: "example.test", Selector: "ed1", Key: edKey},
	}, err
})

func keys(t testing.TB) (rsaSigner, edSigner *dkim.Signer) {
	t.Helper()
	both, err := testKeys()
	if err != nil {
		t.Fatal(err)
	}
	return both[0], both[1]
}

// newsletter returns a message with a body of about size bytes.
func newsletter(size int) []byte {
	var b bytes.Buffer
	b.WriteString("Date: Sat, 21 Nov 2026 17:30:00 +0000\r\n" +
		"From: Headway <news@example.test>\r\n" +
		"Reply-To: editors@example.test\r\n" +
		"To: ana@recipient.test\r\n" +
		"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n" +
		"Message-ID: <abc@example.test>\r\n" +
		"List-ID: <weekly.example.test>\r\n" +
		"List-Unsubscribe: <https://example.test/u/abc>,\r\n <mailto:u.abc@b.example.test>\r\n" +
		"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" +
		"Feedback-ID: 1:2:news:headway\r\n" +
		"MIME-Version: 1.0\r\n" +
		"Content-Type: text/plain; charset=utf-8\r\n" +
		"Content-Transfer-Encoding: quoted-printable\r\n\r\n")
	for line := 0; b.Len() < size; line++ {
		fmt.Fprintf(&b, "Line %d of a letter \t with  spaces and =C3=BC \r\n", line)
		if line%10 == 0 {
			b.WriteString("\r\n")
		}
	}
	return b.Bytes()
}

// verify has go-msgauth check every signature of a message against the records.
func verify(t testing.TB, message []byte, signers ...*dkim.Signer) []*msgauth.Verification {
	t.Helper()
	zone := map[string]string{}
	for _, s := range signers {
		r, err := dkim.NewRecord(s.Selector, s.Domain, s.Key)
		if err != nil {
			t.Fatal(err)
		}
		zone[r.Name] = strings.Join(r.Strings(), "")
	}
	verified, err := msgauth.VerifyWithOptions(bytes.NewReader(message), &msgauth.VerifyOptions{
		LookupTXT: func(name string) ([]string, error) {
			if value, ok := zone[name]; ok {
				return []string{value}, nil
			}
			return nil, fmt.Errorf("no record %s", name)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return verified
}

func sign(t testing.TB, message []byte, signers ...*dkim.Signer) []byte {
	t.Helper()
	out, err := dkim.Sign(nil, message, signedAt, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEverySignatureVerifies(t *testing.T) {
	t.Parallel()
	rsaKey, edKey := keys(t)
	for name, signers := range map[string][]*dkim.Signer{
		"RSA":     {rsaKey},
		"Ed25519": {edKey},
		"both":    {rsaKey, edKey},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			message := newsletter(4 << 10)
			out := sign(t, message, signers...)
			if !bytes.HasSuffix(out, message) {
				t.Error("the message itself was changed")
			}
			verified := verify(t, out, signers...)
			if len(verified) != len(signers) {
				t.Fatalf("%d signatures found, want %d", len(verified), len(signers))
			}
			for _, v := range verified {
				if v.Err != nil {
					t.Errorf("%s: %v", v.Domain, v.Err)
				}
			}
		})
	}
}
