package token_test

import (
	"bytes"
	"encoding/base32"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headwaymail/headway/campaign/token"
)

var launch = time.Date(2026, 11, 21, 17, 30, 0, 0, time.UTC)

func ring(t testing.TB, current int, ids ...int) *token.Keyring {
	t.Helper()
	keys := map[int][]byte{}
	for _, id := range append(ids, current) {
		keys[id] = bytes.Repeat([]byte{byte(id + 1)}, 32)
	}
	k, err := token.NewKeyring(current, keys)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func claims() *rapid.Generator[token.Claims] {
	return rapid.Custom(func(t *rapid.T) token.Claims {
		c := token.Claims{
			Purpose:  token.Purpose(rapid.IntRange(1, 7).Draw(t, "purpose")),
			Campaign: rapid.Int64Min(0).Draw(t, "campaign"),
			Contact:  rapid.Int64Min(0).Draw(t, "contact"),
			Day:      time.Unix(rapid.Int64Range(0, 65535).Draw(t, "day")*86400, 0).UTC(),
		}
		if c.Purpose == token.Click {
			c.Link = rapid.Uint64().Draw(t, "link")
		}
		return c
	})
}

func TestWhatWasMintedVerifiesInAnyCase(t *testing.T) {
	t.Parallel()
	k := ring(t, 7, 3)
	rapid.Check(t, func(t *rapid.T) {
		want := claims().Draw(t, "claims")
		minted := k.Mint(want)
		changed := []byte(minted)
		for i := range changed {
			if rapid.Bool().Draw(t, "upper") {
				changed[i] = bytes.ToUpper(changed[i : i+1])[0]
			}
		}
		got, err := k.Verify(string(changed), want.Purpose, want.Day)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("claims (-minted +verified):\n%s", diff)
		}
	})
}

func TestAFlippedBitNeverVerifies(t *testing.T) {
	t.Parallel()
	k := ring(t, 1, 0, 2, 3)
	plain := base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
	rapid.Check(t, func(t *rapid.T) {
		c := claims().Draw(t, "claims")
		minted := k.Mint(c)
		raw, err := plain.DecodeString(minted)
		if err != nil {
			t.Fatal(err)
		}
		bit := rapid.IntRange(0, len(raw)*8-1).Draw(t, "bit")
		raw[bit/8] ^= 1 << (bit % 8)
		for p := token.Bounce; p <= token.Open; p++ {
			if got, err := k.Verify(plain.EncodeToString(raw), p, c.Day); err == nil {
				t.Fatalf("bit %d of %s flipped, and it verifies as %+v", bit, minted, got)
			}
		}
	})
}

func TestAChangedCharacterNeverVerifies(t *testing.T) {
	t.Parallel()
	k := ring(t, 0)
	minted := k.Mint(token.Claims{Purpose: token.Bounce, Campaign: 42, Contact: 1_000_000, Day: launch})
	for i := range minted {
		for _, r := range "abcdefghijklmnopqrstuvwxyz234567018-_=. \r\n\x00é" {
			changed := minted[:i] + string(r) + minted[i+1:]
			if changed == minted {
				continue
			}
			if _, err := k.Verify(changed, token.Bounce, launch); err == nil {
				t.Errorf("%q verifies, made from %q", changed, minted)
			}
		}
	}
}

func TestARealisticTokenFitsALocalPart(t *testing.T) {
	t.Parallel()
	k := ring(t, 31)
	for p := token.Bounce; p <= token.Open; p++ {
		minted := k.Mint(token.Claims{Purpose: p, Campaign: 1_000_000, Contact: 10_000_000_000, Link: 200, Day: launch})
		if len(minted) >= 45 {
			t.Errorf("%s: %d characters, want fewer than 45: %s", p, len(minted), minted)
		}
		if strings.Trim(minted, "abcdefghijklmnopqrstuvwxyz234567") != "" {
			t.Errorf("%s: %q holds other characters than a–z and 2–7", p, minted)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	k := ring(t, 1)
	mint := func(p token.Purpose) string {
		return k.Mint(token.Claims{Purpose: p, Campaign: 1, Contact: 2, Day: launch})
	}
	days := func(n int) time.Time { return launch.AddDate(0, 0, n) }
	tests := []struct {
		name    string
		token   string
		ring    *token.Keyring
		purpose token.Purpose
		now     time.Time
		want    error
	}{
		{"nothing", "", k, token.Bounce, launch, token.ErrMalformed},
		{"a word", "postmaster", k, token.Bounce, launch, token.ErrMalformed},
		{"something endless", strings.Repeat("a", 1<<20), k, token.Bounce, launch, token.ErrMalformed},
		{"a key that we do not have", ring(t, 2).Mint(token.Claims{Purpose: token.Bounce, Day: launch}), k, token.Bounce, launch, token.ErrUnknownKey},
		{"another purpose", mint(token.MessageID), k, token.Unsubscribe, launch, token.ErrPurpose},
		{"a bounce on its last day", mint(token.Bounce), k, token.Bounce, days(30), nil},
		{"a bounce a day later", mint(token.Bounce), k, token.Bounce, days(31), token.ErrExpired},
		{"an unsubscribe after ten years", mint(token.Unsubscribe), k, token.Unsubscribe, days(3650), nil},
		{"an old key after rotation", ring(t, 1).Mint(token.Claims{Purpose: token.Unsubscribe, Day: launch}), ring(t, 2, 1), token.Unsubscribe, launch, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := tt.ring.Verify(tt.token, tt.purpose, tt.now); !errors.Is(err, tt.want) {
				t.Errorf("Verify = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestAnotherKeyUnderTheSameIDIsForged(t *testing.T) {
	t.Parallel()
	other, err := token.NewKeyring(1, map[int][]byte{1: bytes.Repeat([]byte("x"), 32)})
	if err != nil {
		t.Fatal(err)
	}
	minted := other.Mint(token.Claims{Purpose: token.Bounce, Campaign: 1, Contact: 2, Day: launch})
	if _, err := ring(t, 1).Verify(minted, token.Bounce, launch); !errors.Is(err, token.ErrForged) {
		t.Errorf("Verify = %v, want %v", err, token.ErrForged)
	}
}

func TestKeyringRefuses(t *testing.T) {
	t.Parallel()
	good := make([]byte, 32)
	tests := []struct {
		name    string
		current int
		keys    map[int][]byte
	}{
		{"no keys", 0, nil},
		{"a current key that is missing", 2, map[int][]byte{1: good}},
		{"a short key", 1, map[int][]byte{1: good[:31]}},
		{"an id of six bits", 32, map[int][]byte{32: good}},
		{"a negative id", -1, map[int][]byte{-1: good}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := token.NewKeyring(tt.current, tt.keys); err == nil {
				t.Error("NewKeyring accepts it")
			}
		})
	}
}

func FuzzVerify(f *testing.F) {
	k := ring(f, 1)
	f.Add(k.Mint(token.Claims{Purpose: token.Bounce, Campaign: 1, Contact: 2, Day: launch}))
	f.Add(k.Mint(token.Claims{Purpose: token.Click, Campaign: 1 << 40, Contact: 1 << 40, Link: 9, Day: launch}))
	f.Add("aeqaaaaa")
	f.Fuzz(func(t *testing.T, s string) {
		for p := token.Bounce; p <= token.View; p++ {
			c, err := k.Verify(s, p, launch)
			if err == nil && k.Mint(c) != strings.ToLower(s) {
				t.Errorf("%q verifies as %+v, which is minted as %q", s, c, k.Mint(c))
			}
		}
	})
}

func BenchmarkMint(b *testing.B) {
	k := ring(b, 1)
	c := token.Claims{Purpose: token.Bounce, Campaign: 1_000, Contact: 1_000_000, Day: launch}
	b.ReportAllocs()
	for b.Loop() {
		k.Mint(c)
	}
}

func BenchmarkAppend(b *testing.B) {
	k := ring(b, 1)
	c := token.Claims{Purpose: token.Click, Campaign: 42, Contact: 1_000_000, Link: 7, Day: launch}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = k.Append(dst[:0], c)
	}
}
