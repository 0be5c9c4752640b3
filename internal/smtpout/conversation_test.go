package smtpout

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/pacing/reply"
)

func heard(code int, lines ...string) reply.Reply { return reply.Reply{Code: code, Lines: lines} }

// A conversation reads as it went over the wire, but for what proves who we are.
func TestConversationText(t *testing.T) {
	t.Parallel()
	o := &opening{d: &Dialer{KeepOpenings: true}}
	o.info = Info{Host: "mx.a.test", Addr: netip.MustParseAddrPort("127.0.0.2:25"), Local: netip.MustParseAddrPort("127.0.0.1:4000"), Opened: time.Unix(1000, 0),
		TLS: TLSInfo{Version: "TLSv1.3", Cipher: "TLS_AES_128_GCM_SHA256"}}
	o.note(StageGreeting, "", heard(220, "mx.a.test ESMTP"))
	o.note(StageEHLO, "EHLO mail.test", heard(250, "mx.a.test", "STARTTLS"))
	o.note(StageTLS, "STARTTLS", heard(220, "go on"))
	o.note(StageAuth, "AUTH PLAIN AGFubgBzZWNyZXQ=", heard(235, "welcome"))
	c := Conversation{Info: o.info, Outcome: Outcome{Started: time.Unix(1000, 0), InDoubt: true}, Exchanges: []Exchange{
		{"MAIL FROM:<b.x@bounces.test>", heard(250)}, {"(the message, 12 bytes)", reply.Reply{Lines: []string{"the connection broke"}}}}}
	want := `-- connected to mx.a.test (127.0.0.2:25) from 127.0.0.1
S: 220 mx.a.test ESMTP
C: EHLO mail.test
S: 250-mx.a.test
S: 250 STARTTLS
C: STARTTLS
S: 220 go on
-- encrypted: TLSv1.3 TLS_AES_128_GCM_SHA256
C: (what proves who we are)
S: 235 welcome
C: MAIL FROM:<b.x@bounces.test>
S: 250
C: (the message, 12 bytes)
-- the connection broke
-- no final reply came: the server may have the message
`
	if diff := cmp.Diff(want, c.Text()); diff != "" {
		t.Error(diff)
	}
	c.Outcome.Started = time.Unix(2000, 0)
	if !strings.Contains(c.Text(), "-- 16m40s later, over the same connection\n") {
		t.Error("an old connection is not called one")
	}
	quiet := &opening{d: &Dialer{}}
	if quiet.note(StageEHLO, "EHLO mail.test", heard(250, "x")); len(quiet.info.Opening) > 0 {
		t.Error("what nobody wants to know is kept")
	}
}
