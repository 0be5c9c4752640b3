package secret_test

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/headwaymail/headway/internal/secret"
)

func key(fill byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32))
}

func open(t *testing.T, text, dir string) *secret.Box {
	t.Helper()
	box, err := secret.Open(text, dir)
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func TestSealedOpensOnlyUnderItsNameAndKey(t *testing.T) {
	t.Parallel()
	box := open(t, key(1), "")
	secretText := []byte("-----BEGIN PRIVATE KEY-----")
	sealed := box.Seal("dkim a", secretText)
	if bytes.Contains(sealed, secretText) {
		t.Fatal("the secret can be read")
	}
	if again := box.Seal("dkim a", secretText); bytes.Equal(again, sealed) {
		t.Error("sealed twice alike: the nonce is used again")
	}
	if got, err := box.Open("dkim a", sealed); err != nil || !bytes.Equal(got, secretText) {
		t.Fatalf("opened %q, %v", got, err)
	}
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1
	for name, try := range map[string]func() ([]byte, error){
		"another name":   func() ([]byte, error) { return box.Open("dkim b", sealed) },
		"another key":    func() ([]byte, error) { return open(t, key(2), "").Open("dkim a", sealed) },
		"a changed bit":  func() ([]byte, error) { return box.Open("dkim a", changed) },
		"a part of it":   func() ([]byte, error) { return box.Open("dkim a", sealed[:5]) },
		"nothing at all": func() ([]byte, error) { return box.Open("dkim a", nil) },
	} {
		got, err := try()
		if err == nil || got != nil {
			t.Errorf("%s: opened %q", name, got)
		} else if !strings.Contains(err.Error(), "dkim ") {
			t.Errorf("%s: %q does not say what cannot be opened", name, err)
		}
	}
}

func TestFingerprintTellsKeysApart(t *testing.T) {
	t.Parallel()
	if a, again := open(t, key(1), ""), open(t, " "+key(1)+"\n", ""); !bytes.Equal(a.Fingerprint(), again.Fingerprint()) {
		t.Error("one key, two fingerprints")
	}
	if bytes.Equal(open(t, key(1), "").Fingerprint(), open(t, key(2), "").Fingerprint()) {
		t.Error("two keys, one fingerprint")
	}
}

func TestKeyFileIsMadeOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	const starters = 16
	fingerprints := make([][]byte, starters)
	var starting sync.WaitGroup
	for i := range starters {
		starting.Go(func() {
			box, err := secret.Open("", dir)
			if err != nil {
				t.Error(err)
				return
			}
			fingerprints[i] = box.Fingerprint()
		})
	}
	starting.Wait()
	for _, f := range fingerprints {
		if !bytes.Equal(f, fingerprints[0]) {
			t.Fatalf("processes that started together have different keys: %x", fingerprints)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != secret.FileName {
		t.Errorf("left in the folder: %v", entries)
	}
	info, err := os.Stat(filepath.Join(dir, secret.FileName))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the key file has mode %o, want 600", info.Mode().Perm())
	}
	if !bytes.Equal(open(t, "", dir).Fingerprint(), fingerprints[0]) {
		t.Error("the next start has another key")
	}
}

func TestUnusableKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, secret.FileName)
	if err := os.WriteFile(file, []byte("not a key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, text, where string }{
		{"too short", base64.StdEncoding.EncodeToString(make([]byte, 31)), "secret_key"},
		{"too long", base64.StdEncoding.EncodeToString(make([]byte, 33)), "secret_key"},
		{"no base64", "correct horse battery staple", "secret_key"},
		{"a file with something else", "", file},
	} {
		_, err := secret.Open(tt.text, dir)
		if err == nil {
			t.Errorf("%s: accepted", tt.name)
			continue
		}
		if !strings.Contains(err.Error(), tt.where) || !strings.Contains(err.Error(), "openssl rand") {
			t.Errorf("%s: %q does not say where and what to do", tt.name, err)
		}
		if tt.text != "" && strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %q gives the key away", tt.name, err)
		}
	}
}
