package dkim_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/internal/dkim"
)

func TestKeysSurvivePEM(t *testing.T) {
	t.Parallel()
	rsaKey, edKey := keys(t)
	for name, key := range map[string]crypto.Signer{"RSA": rsaKey.Key, "Ed25519": edKey.Key} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := dkim.EncodePEM(key)
			if err != nil {
				t.Fatal(err)
			}
			again, err := dkim.DecodePEM(text)
			if err != nil {
				t.Fatal(err)
			}
			if equal, ok := again.(interface{ Equal(crypto.PrivateKey) bool }); !ok || !equal.Equal(key) {
				t.Error("another key came back")
			}
		})
	}
}

func TestDecodePEM(t *testing.T) {
	t.Parallel()
	rsaKey, _ := keys(t)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	curveDER, err := x509.MarshalPKCS8PrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	tests := []struct {
		name, text string
		problem    string // empty if the key is good
	}{
		{"PKCS #1, as opendkim-genkey writes it", block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey.Key.(*rsa.PrivateKey))), ""},
		{"1024 bits", block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(small)), ""},
		{"nothing", "", "no PEM block"},
		{"a certificate", block("CERTIFICATE", []byte("x")), "no usable private key"},
		{"an encrypted key", block("ENCRYPTED PRIVATE KEY", []byte("x")), "no usable private key"},
		{"garbage", block("PRIVATE KEY", []byte("x")), "asn1"},
		{"a curve that DKIM does not have", block("PRIVATE KEY", curveDER), "not used in DKIM"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			key, err := dkim.DecodePEM([]byte(tt.text))
			switch {
			case tt.problem == "" && (err != nil || key == nil):
				t.Errorf("key %v, error %v", key, err)
			case tt.problem != "" && (err == nil || key != nil || !strings.Contains(err.Error(), tt.problem)):
				t.Errorf("key %v, error %v, want one about %q", key, err, tt.problem)
			}
		})
	}
}

func TestGenerateRSARefusesSizesThatNobodyVerifies(t *testing.T) {
	t.Parallel()
	for _, bits := range []int{0, 512, 1023, 4097, 8192} {
		if _, err := dkim.GenerateRSA(bits); err == nil {
			t.Errorf("%d bits are accepted", bits)
		}
	}
}

func TestRecord(t *testing.T) {
	t.Parallel()
	rsaKey, edKey := keys(t)
	r, err := dkim.NewRecord("s1", "example.test", rsaKey.Key)
	if err != nil {
		t.Fatal(err)
	}
	if r.Name != "s1._domainkey.example.test" || !strings.HasPrefix(r.Value, "v=DKIM1; k=rsa; p=MII") {
		t.Errorf("got %+v", r)
	}
	pieces := r.Strings()
	if len(pieces) != 2 || len(pieces[0]) != 255 || strings.Join(pieces, "") != r.Value {
		t.Errorf("an RSA-2048 record is cut into %q", pieces)
	}
	if want := `s1._domainkey.example.test. IN TXT ( "` + pieces[0] + `" "` + pieces[1] + `" )`; r.ZoneLine() != want {
		t.Error(cmp.Diff(want, r.ZoneLine()))
	}
	r, err = dkim.NewRecord("s2", "example.test", edKey.Key)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(r.Value, "v=DKIM1; k=ed25519; p=") || len(r.Value) != len("v=DKIM1; k=ed25519; p=")+44 || len(r.Strings()) != 1 {
		t.Errorf("got %+v", r)
	}
}

func TestRecordRefusesNames(t *testing.T) {
	t.Parallel()
	_, edKey := keys(t)
	tests := []struct{ name, selector, domain string }{
		{"no selector", "", "example.test"},
		{"no domain", "s", ""},
		{"a host without domain", "s", "localhost"},
		{"a final dot", "s", "example.test."},
		{"an empty label", "s", "a..test"},
		{"a long label", "s", strings.Repeat("a", 64) + ".test"},
		{"a long name", "s", strings.Repeat("a.", 127) + "test"},
		{"a hyphen at the end", "s", "a-.test"},
		{"letters that are not ASCII", "s", "zażółć.test"},
		{"a quote", `s"`, "example.test"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if r, err := dkim.NewRecord(tt.selector, tt.domain, edKey.Key); err == nil {
				t.Errorf("accepted: %+v", r)
			}
		})
	}
}

func FuzzDecodePEM(f *testing.F) {
	_, edKey := keys(f)
	text, err := dkim.EncodePEM(edKey.Key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		key, err := dkim.DecodePEM(text)
		if err != nil {
			return
		}
		again, err := dkim.EncodePEM(key)
		if err != nil || !bytes.Contains(again, []byte("PRIVATE KEY")) {
			t.Errorf("decoded, but not encoded again: %v", err)
		}
	})
}
