package dkim_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	msgauth "github.com/emersion/go-msgauth/dkim"
	"pgregory.net/rapid"

	"github.com/headwaymail/headway/internal/dkim"
)

// blanks draws white space and what stands between it.
func blanks() *rapid.Generator[string] {
	return rapid.Map(rapid.SliceOf(rapid.SampledFrom([]string{
		" ", "  ", "\t", "a", "=20", ".", "word", "Ünicode", ":", "\r\n", "\r\n", "\r\n\r\n", " \r\n", strings.Repeat("x", 2000),
	})), func(parts []string) string { return strings.Join(parts, "") })
}

var emptyLine = regexp.MustCompile(`\r\n[ \t]*\r\n`)

// fieldValue draws a value that may be folded.
func fieldValue() *rapid.Generator[string] {
	return rapid.Map(blanks(), func(s string) string {
		s = strings.ReplaceAll(strings.TrimRight(s, "\r\n"), "\r\n", "\r\n ")
		for emptyLine.MatchString(s) {
			s = emptyLine.ReplaceAllString(s, "\r\n")
		}
		return s
	})
}

func messages() *rapid.Generator[[]byte] {
	return rapid.Custom(func(t *rapid.T) []byte {
		var b strings.Builder
		b.WriteString("From: a@example.test\r\n")
		for range rapid.IntRange(0, 12).Draw(t, "fields") {
			name := rapid.SampledFrom([]string{"To", "to", "SUBJECT", "Subject", "From", "List-ID", "X-Other", "Date", "Date ", "Cc", "Sender"}).Draw(t, "name")
			b.WriteString(name + ":" + fieldValue().Draw(t, "value") + "x\r\n")
		}
		b.WriteString("\r\n" + blanks().Draw(t, "body"))
		return []byte(b.String())
	})
}

var bodyHash = regexp.MustCompile(`bh=([^;]+);`)

// TestEqualToGoMsgauth holds our hashing, which does the body once and without
// goroutines, against the library that everybody uses.
func TestEqualToGoMsgauth(t *testing.T) {
	t.Parallel()
	_, edKey := keys(t)
	rapid.Check(t, func(rt *rapid.T) {
		message := messages().Draw(rt, "message")
		out := sign(t, message, edKey)
		for _, v := range verify(t, out, edKey) {
			if v.Err != nil {
				rt.Fatalf("%v\n%q", v.Err, out)
			}
		}
		theirs := bytes.Buffer{}
		if err := msgauth.Sign(&theirs, bytes.NewReader(message), &msgauth.SignOptions{
			Domain: edKey.Domain, Selector: edKey.Selector, Signer: edKey.Key,
			HeaderCanonicalization: msgauth.CanonicalizationRelaxed, BodyCanonicalization: msgauth.CanonicalizationRelaxed,
		}); err != nil {
			rt.Fatal(err)
		}
		if ours, theirs := bodyHash.FindString(string(out)), bodyHash.FindString(theirs.String()); ours != theirs {
			rt.Fatalf("ours %s, theirs %s\n%q", ours, theirs, message)
		}
	})
}

func TestSignaturesAreFolded(t *testing.T) {
	t.Parallel()
	rsaKey, edKey := keys(t)
	long := *rsaKey
	long.Domain = strings.Repeat("long-label.", 4) + "example.test"
	out := sign(t, newsletter(100), rsaKey, edKey, &long)
	header, _, _ := strings.Cut(string(out), "Date: ")
	for _, line := range strings.Split(header, "\r\n") {
		if len(line) > 78 {
			t.Errorf("a line of %d characters: %s", len(line), line)
		}
	}
	if strings.Count(header, "\n") != strings.Count(header, "\r\n") {
		t.Error("a bare LF in the signature")
	}
}

func FuzzSign(f *testing.F) {
	_, edKey := keys(f)
	f.Add(newsletter(300))
	f.Add([]byte("From: a\r\n\r\n"))
	f.Add([]byte("From: a\r\n \t b\r\nfrom : c\r\n\r\n \t\r\n\r\n"))
	f.Add([]byte("From: a\nTo: b\n\n"))
	f.Add([]byte("From: a\r\nReply-To\r\n : b\r\n\r\n"))
	f.Add([]byte("From: a\r\n\r\nOne  two three \tfour five\tsix   \r\n\tseven\r\n \r\neight nine\r\n \r\n"))
	f.Fuzz(func(t *testing.T, message []byte) {
		out, err := dkim.Sign(nil, message, signedAt, edKey)
		if err != nil {
			return
		}
		if !bytes.HasSuffix(out, message) {
			t.Fatal("the message itself was changed")
		}
		for _, v := range verify(t, out, edKey) {
			if v.Err != nil && v.Domain == edKey.Domain {
				t.Fatalf("%v\n%q", v.Err, out)
			}
		}
	})
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	rsaKey, _ := keys(t)
	tests := []struct {
		name, message string
		signer        *dkim.Signer
		problem       string
	}{
		{"no empty line", "From: a\r\n", rsaKey, "empty line"},
		{"line ends of Unix", "From: a\n\nbody\n", rsaKey, "empty line"},
		{"a bare LF in the body", "From: a\r\n\r\nbody\nmore\r\n", rsaKey, "stands alone"},
		{"a bare CR in the header", "From: a\rb\r\n\r\n", rsaKey, "stands alone"},
		{"no From", "To: a\r\n\r\n", rsaKey, "no From"},
		{"a line that is no field", "From: a\r\nnonsense\r\n\r\n", rsaKey, "no header field"},
		{"a line break in a name", "From: a\r\nTo\r\n : b\r\n\r\n", rsaKey, "no header field"},
		{"a control character in a name", "From: a\r\n\vTo: b\r\n\r\n", rsaKey, "no header field"},
		{"a continuation of nothing", " rom: a\r\nFrom: a\r\n\r\n", rsaKey, "no header field"},
		{"no key", "From: a\r\n\r\n", &dkim.Signer{Domain: "example.test", Selector: "a"}, "missing"},
		{"a domain with a line break", "From: a\r\n\r\n", &dkim.Signer{Domain: "x.test\r\nBcc: a", Selector: "a", Key: rsaKey.Key}, "not a full domain"},
		{"a selector with a tag", "From: a\r\n\r\n", &dkim.Signer{Domain: "x.test", Selector: "a; l=0", Key: rsaKey.Key}, "not a DNS name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dst, err := dkim.Sign([]byte("kept"), []byte(tt.message), signedAt, tt.signer)
			if err == nil || !strings.Contains(err.Error(), tt.problem) {
				t.Errorf("error %v, want one about %q", err, tt.problem)
			}
			if string(dst) != "kept" {
				t.Errorf("the buffer holds %q", dst)
			}
		})
	}
}

func TestAnAddedFieldBreaksTheSignature(t *testing.T) {
	t.Parallel()
	_, edKey := keys(t)
	signed := string(sign(t, newsletter(100), edKey))
	for _, field := range []string{"From", "Reply-To", "To", "Cc", "Subject", "Date", "List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID", "Content-Type"} {
		for _, changed := range []string{field + ": other\r\n" + signed, strings.Replace(signed, "\r\n\r\n", "\r\n"+field+": other\r\n\r\n", 1)} {
			for _, v := range verify(t, []byte(changed), edKey) {
				if v.Err == nil {
					t.Errorf("a second %s leaves the signature valid", field)
				}
			}
		}
	}
}

func TestAListMayAddItsListID(t *testing.T) {
	t.Parallel()
	_, edKey := keys(t)
	passedOn := "List-ID: <other.list.test>\r\n" + string(sign(t, newsletter(100), edKey))
	for _, v := range verify(t, []byte(passedOn), edKey) {
		if v.Err != nil {
			t.Error(v.Err)
		}
	}
}
