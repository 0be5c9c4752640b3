package dkim_test

import (
	"testing"

	"github.com/headwaymail/headway/internal/dkim"
)

func BenchmarkSign(b *testing.B) {
	message := newsletter(20 << 10)
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
