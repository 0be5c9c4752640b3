package auth

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestCheckPassword(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ password, err string }{
		"four words":           {"harbour lantern clover mill", ""},
		"ten characters":       {"zq8#vMw2!k", ""},
		"signs of any script":  {"wielka łąka za domem", ""},
		"too short":            {"shorter", "has 7 characters"},
		"too long":             {strings.Repeat("ab", 101), "200 are the most"},
		"one character":        {"aaaaaaaaaaaa", "again and again"},
		"the person's address": {"ann@mill.test-2026", "holds the address"},
		"the person's name":    {"welcome Ann Miller", "holds the address or the name"},
		"not text":             {"\xff\xfe\xfd\xff\xfe\xfd\xff\xfe\xfd\xff", "not valid text"},
	} {
		err := CheckPassword(tc.password, "ann@mill.test", "Ann Miller")
		if tc.err == "" && err != nil || tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)) {
			t.Errorf("%s: %v, want %q", name, err, tc.err)
		}
	}
}

func TestVerifyPassword(t *testing.T) {
	t.Parallel()
	hash := HashPassword("café au lait") // composed
	if again := HashPassword("café au lait"); again == hash {
		t.Error("two hashes of one password are the same: no salt")
	}
	if stale, err := VerifyPassword(hash, "cafe\u0301 au lait"); err != nil || stale {
		t.Errorf("decomposed: %v, %v", stale, err)
	}
	if _, err := VerifyPassword(hash, "cafe au lait"); !errors.Is(err, ErrWrongPassword) {
		t.Errorf("without the accent: %v", err)
	}
	// A hash of another cost is read by the cost that it names.
	const cheap = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$%s"
	_, err := VerifyPassword(fmt.Sprintf(cheap, "AAAAAAAAAAAAAAAAAAAAAA"), "password")
	if !errors.Is(err, ErrWrongPassword) {
		t.Errorf("a wrong sum: %v", err)
	}
	for _, bad := range []string{"", "password", "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=0,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=64,t=1,p=1$$", "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$*"} {
		if _, err := VerifyPassword(bad, "password"); err == nil || errors.Is(err, ErrWrongPassword) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzVerifyPassword(f *testing.F) {
	f.Add("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, hash string) {
		if h, err := parseHash(hash); err == nil && (h.memory > 1<<21 || h.passes > 100) {
			t.Errorf("%q would take for ever", hash)
		}
	})
}

func TestRoles(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		role Role
		may  []Ability
	}{
		{Owner, []Ability{Look, Write, Steer, Manage}},
		{Editor, []Ability{Look, Write, Steer}},
		{Analyst, []Ability{Look}},
		{"", nil},
	} {
		for _, a := range []Ability{Look, Write, Steer, Manage} {
			want := false
			for _, m := range tc.may {
				want = want || m == a
			}
			if got := tc.role.May(a); got != want {
				t.Errorf("%s may %s: %v", tc.role, a, got)
			}
		}
	}
	if r, err := ParseRole(" Editor "); r != Editor || err != nil {
		t.Errorf("%v, %v", r, err)
	}
	if _, err := ParseRole("king"); err == nil {
		t.Error("a king")
	}
}

func TestSecret(t *testing.T) {
	t.Parallel()
	secret, kept := NewSecret()
	if string(KeptOf(secret)) != string(kept) || len(kept) != 32 || strings.Contains(string(kept), secret) {
		t.Errorf("%q is kept as %x", secret, kept)
	}
	for _, bad := range []string{"", "x", secret + "A", secret[:42], secret + "=", " " + secret} {
		if KeptOf(bad) != nil {
			t.Errorf("%q is taken for a secret", bad)
		}
	}
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	var th Throttle
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	wait := func(want time.Duration, keys ...string) {
		t.Helper()
		if got := th.Wait(now, keys...); got != want {
			t.Errorf("wait %v: %s, want %s", keys, got, want)
		}
	}
	for range 5 {
		wait(0, "ann", "192.0.2.1")
		th.Failed(now, "ann", "192.0.2.1")
	}
	wait(2*time.Second, "ann", "192.0.2.9")
	wait(2*time.Second, "bob", "192.0.2.1")
	wait(0, "bob", "192.0.2.9")
	th.Failed(now, "ann")
	wait(4*time.Second, "ann")
	now = now.Add(3 * time.Second)
	wait(time.Second, "ann")
	for range 50 {
		th.Failed(now, "ann")
	}
	wait(15*time.Minute, "ann")
	th.Passed("ann")
	wait(0, "ann")
	now = now.Add(time.Hour)
	wait(0, "192.0.2.1")
	for i := range 3 * mostKeys {
		th.Failed(now, fmt.Sprint("made up ", i))
	}
	if n := len(th.tries); n > mostKeys {
		t.Errorf("remembers %d", n)
	}
}
