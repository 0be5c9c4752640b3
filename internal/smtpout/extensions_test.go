package smtpout

import (
	"strings"
	"testing"

	"github.com/headwaymail/headway/pacing/reply"
)

func TestExtensions(t *testing.T) {
	t.Parallel()
	got := extensions(reply.Reply{Lines: strings.Split("PIPELINING is not offered here|pipelining|Chunking|8BITMIME|SMTPUTF8|dsn|STARTTLS|"+
		"SIZE 52428800|LIMITS MAILMAX=100 RCPTMAX=0 RCPTDOMAINMAX=1|AUTH=LOGIN PLAIN|", "|")}, nil)
	want := Extensions{ESMTP: true, Pipelining: true, Chunking: true, EightBitMIME: true, SMTPUTF8: true, DSN: true,
		StartTLS: true, Size: true, MaxSize: 52428800, MailMax: 100}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := extensions(reply.Reply{Lines: []string{"CHUNKING", "SIZE", "LIMITS"}}, nil); got != (Extensions{ESMTP: true, Size: true}) {
		t.Errorf("got %+v", got)
	}
	got = extensions(reply.Reply{Lines: []string{"mx", "PIPELINING", "CHUNKING", "STARTTLS"}}, []string{"chunking", "starttls"})
	if want := (Extensions{ESMTP: true, Pipelining: true, StartTLS: true}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
