//go:build libcrypto && linux

package libcrypto

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"runtime"
	"sync"
	"testing"
)

func key(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Signatures equal Go's, from many goroutines and with keys that come and go.
func TestAccelerate(t *testing.T) {
	t.Parallel()
	for _, bits := range []int{1024, 2048, 4096} {
		private := key(t, bits)
		fast, err := Accelerate(private)
		if err != nil {
			t.Fatal(err)
		}
		if _, is := fast.(*rsaKey); !is || !private.PublicKey.Equal(fast.Public()) {
			t.Fatalf("got a %T", fast)
		}
		var wait sync.WaitGroup
		for worker := range 4 {
			wait.Go(func() {
				for i := range 25 {
					hash := sha256.Sum256([]byte{byte(worker), byte(i)})
					want, err := rsa.SignPKCS1v15(nil, private, crypto.SHA256, hash[:])
					if err != nil {
						t.Error(err)
					}
					got, err := fast.Sign(rand.Reader, hash[:], crypto.SHA256)
					if err != nil || !bytes.Equal(got, want) {
						t.Errorf("%d bits: another signature, %v", bits, err)
					}
					if i%10 == 0 {
						runtime.GC()
					}
				}
			})
		}
		wait.Wait()
	}
}

func TestAccelerateLeavesOthers(t *testing.T) {
	t.Parallel()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Accelerate(private); err == nil || !private.Equal(got) {
		t.Errorf("got a %T, %v", got, err)
	}
	fast, err := Accelerate(key(t, 2048))
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(nil)
	for name, options := range map[string]crypto.SignerOpts{"SHA-512": crypto.SHA512, "PSS": &rsa.PSSOptions{Hash: crypto.SHA256}} {
		if _, err := fast.Sign(rand.Reader, hash[:], options); err == nil {
			t.Errorf("%s was signed", name)
		}
	}
	if _, err := fast.Sign(rand.Reader, hash[:8], crypto.SHA256); err == nil {
		t.Error("half a hash was signed")
	}
}

func BenchmarkSign(b *testing.B) {
	private := key(b, 2048)
	fast, err := Accelerate(private)
	if err != nil {
		b.Fatal(err)
	}
	hash := sha256.Sum256(nil)
	for name, signer := range map[string]crypto.Signer{"Go": private, "OpenSSL": fast} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := signer.Sign(rand.Reader, hash[:], crypto.SHA256); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
