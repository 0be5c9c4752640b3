package dsn_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/listhygiene/dsn"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	token := func(c string) string { return strings.Repeat(c, 36) }
	r := dsn.Read([]byte("From: loop@far.example\nContent-Type: multipart/report; report-type=feedback-report; boundary=x\n\n--x\n" +
		"Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nOriginal-Mail-From: <b." + token("a") + "@bounces.example>\n\n--x\n" +
		"Content-Type: message/rfc822\n\nMessage-ID: <" + token("b") + "@bounces.example>\nTo: redacted\n\nhttps://news.example/u/" + token("c") + "\n--x--\n"))
	want := []string{token("a"), token("b"), token("b"), token("c")}
	if diff := cmp.Diff(want, r.Tokens()); diff != "" {
		t.Error(diff)
	}
}

func TestIsMail(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"From: a@b.example\nSubject: x\n\nhi\n":                true,
		"Return-Path: <>\r\nReceived: from x\r\n by y\r\n\r\n": true,
		"550 5.1.1 no such user\n451 try later\n":              false,
		"smtp; 550 no\nerror: no\n":                            false,
		"":                                                     false,
	} {
		if got := dsn.IsMail([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
