package dkim_test

import (
	"bytes"
	"strings"
	"testing"

	msgauth "github.com/emersion/go-msgauth/dkim"

	"github.com/headwaymail/headway/internal/dkim"
)

// letter is a message of 20 KB as newsletters are, in lines of 76.
func letter() []byte {
	header, _, _ := bytes.Cut(newsletter(0), []byte("\r\n\r\n"))
	line := "<p style=3D\"color:#123456\">A paragraph of a letter that goes on and on=3D</=\r\n"
	return append(append(header, "\r\n\r\n"...), strings.Repeat(line, 20<<10/len(line))...)
}

func BenchmarkSign(b *testing.B) {
	message := letter()
	rsaKey, ed25519Key := keys(b)
	tests := []struct {
		name    string
		signers []*dkim.Signer
	}{
		{"RSA2048", []*dkim.Signer{rsaKey}},
		{"Ed25519", []*dkim.Signer{ed25519Key}},
		{"both", []*dkim.Signer{rsaKey, ed25519Key}},
	}
	for _, tt := range tests {
		b.Run(tt.name, func(b *testing.B) {
			var dst []byte
			var err error
			b.ReportAllocs()
			for b.Loop() {
				if dst, err = dkim.Sign(dst[:0], message, signedAt, tt.signers...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkGoMsgauth is the library at the same task, to compare with.
func BenchmarkGoMsgauth(b *testing.B) {
	message := letter()
	_, key := keys(b)
	var out bytes.Buffer
	b.ReportAllocs()
	for b.Loop() {
		out.Reset()
		if err := msgauth.Sign(&out, bytes.NewReader(message), &msgauth.SignOptions{
			Domain: key.Domain, Selector: key.Selector, Signer: key.Key,
			HeaderCanonicalization: msgauth.CanonicalizationRelaxed, BodyCanonicalization: msgauth.CanonicalizationRelaxed,
		}); err != nil {
			b.Fatal(err)
		}
	}
}
