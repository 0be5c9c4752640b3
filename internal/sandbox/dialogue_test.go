package sandbox

import (
	"net/smtp"
	"strings"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"
)

// plain leaves out TLS, for dialogues that are not about it.
const plain = "without: [STARTTLS]"

func TestHostsAnswerAsTheirReceiversDecide(t *testing.T) {
	t.Parallel()
	const hello = "220 mx1.northmail.test ESMTP Service Ready\n> HELO me.test\n250 2.0.0 Hello me.test\n"
	for name, test := range map[string]struct {
		keys     []string
		dialogue string
	}{
		"a whole message, then another": {
			[]string{plain},
			hello + "> MAIL FROM:<a@sender.test>\n250 …\n> RCPT TO:<ana@northmail.test>\n250 …\n> DATA\n354 …\n" +
				`> Subject: x\n\nhello\n..dot\n.` + "\n250 2.0.0 OK: queued\n> MAIL FROM:<>\n250 …\n> QUIT\n221 2.0.0 Bye\n<EOF>\n",
		},
		"refused at connect, the code on every line": {
			[]string{`outages: [{for: 1h, answer: {code: 421, enhanced: 4.3.2, text: "closed\ncome back"}}]`},
			"421-4.3.2 closed\n421 4.3.2 come back\n<EOF>\n",
		},
		"closed at connect without a word": {
			[]string{`outages: [{for: 1h, answer: {phase: connect, silent: true}}]`},
			"<EOF>\n",
		},
		"421 at MAIL closes": {
			[]string{plain, "limits: [{bucket: {rate: 1/h}, answer: {text: \"slow\\ndown\"}}]"},
			hello + "> MAIL FROM:<a@sender.test>\n250 …\n> MAIL FROM:<a@sender.test>\n421-4.7.0 slow\n421 4.7.0 down\n<EOF>\n",
		},
		"451 at MAIL does not": {
			[]string{plain, "limits: [{clock: {count: 1, every: 24h}}]"},
			hello + "> MAIL FROM:<a@sender.test>\n250 …\n> MAIL FROM:<a@sender.test>\n451 4.7.1 Quota of messages exceeded\n> NOOP\n250 …\n",
		},
		"silence at MAIL": {
			[]string{plain, `noise: [{share: 100%, answer: {silent: true}}]`},
			hello + "> MAIL FROM:<a@sender.test>\n<EOF>\n",
		},
		"recipients: unknown, strange, greylisted": {
			[]string{plain, "greylist: {delay: 300s}", "mailboxes: {named: {no@northmail.test: unknown}}"},
			hello + "> MAIL FROM:<a@sender.test>\n250 …\n> RCPT TO:<no@northmail.test>\n550 5.1.1 <no@northmail.test>: no such user here\n" +
				"> RCPT TO:<ana@elsewhere.test>\n554 5.7.1 <ana@elsewhere.test>: Relay access denied\n" +
				"> RCPT TO:<ana@northmail.test>\n451 4.7.1 Greylisted, please try again in 300 seconds\n> DATA\n502 …\n",
		},
		"refused at DATA before the 354, and on with the next": {
			[]string{plain, `limits: [{sliding: {count: 1, over: 1h}, answer: {phase: data, code: 452, enhanced: 4.3.1, text: "enough"}}]`},
			hello + "> MAIL FROM:<a@sender.test>\n250 …\n> RCPT TO:<ana@northmail.test>\n250 …\n> DATA\n354 …\n" + `> x: y\n\n.` + "\n250 …\n" +
				"> MAIL FROM:<a@sender.test>\n250 …\n> RCPT TO:<ana@northmail.test>\n250 …\n> DATA\n452 4.3.1 enough\n" +
				"> MAIL FROM:<a@sender.test>\n250 …\n> RCPT TO:<ana@northmail.test>\n250 …\n> QUIT\n221 2.0.0 Bye\n<EOF>\n",
		},
		"421 at DATA closes": {
			[]string{plain, `outages: [{for: 1h, answer: {phase: data, code: 421, text: "bye"}}]`},
			hello + "> MAIL FROM:<a@sender.test>\n250 …\n> RCPT TO:<ana@northmail.test>\n250 …\n> DATA\n421 bye\n<EOF>\n",
		},
		"refused after the dot": {
			[]string{plain, `outages: [{for: 1h, answer: {phase: dot, code: 554, enhanced: 5.7.1, text: "spam"}}]`},
			hello + "> MAIL FROM:<a@sender.test>\n250 …\n> RCPT TO:<ana@northmail.test>\n250 …\n> DATA\n354 …\n" + `> x: y\n\n.` + "\n554 5.7.1 spam\n> NOOP\n250 …\n",
		},
		"closed without a word after two messages": {
			[]string{plain, "session: {messages: 2, silent: true}"},
			hello + strings.Repeat("> MAIL FROM:<a@sender.test>\n250 …\n> RCPT TO:<ana@northmail.test>\n250 …\n> DATA\n354 …\n"+`> x: y\n\n.`+"\n250 …\n", 2) + "<EOF>\n",
		},
		"a message too large": {
			[]string{plain, "session: {max_bytes: 20}"},
			"220 …\n> EHLO me.test\n250-Hello me.test\n250-PIPELINING\n250-8BITMIME\n250-ENHANCEDSTATUSCODES\n250-CHUNKING\n250-SMTPUTF8\n250 SIZE 20\n" +
				"> MAIL FROM:<a@sender.test>\n250 …\n> RCPT TO:<ana@northmail.test>\n250 …\n> DATA\n354 …\n" + `> Subject: rather long\n\n.` + "\n552 5.3.4 …\n",
		},
		"extensions switched off": {
			[]string{"without: [STARTTLS, PIPELINING, CHUNKING, 8BITMIME, SMTPUTF8, SIZE]"},
			"220 …\n> EHLO me.test\n250-Hello me.test\n250 ENHANCEDSTATUSCODES\n> STARTTLS\n502 …\n" +
				"> MAIL FROM:<a@sender.test>\n250 …\n> RCPT TO:<ana@northmail.test>\n250 …\n" + `> BDAT 7 LAST\nx: y\n` + "\n502 5.5.1 BDAT is not offered\n",
		},
		"TLS, and STARTTLS no more": {
			nil,
			"220 …\n> EHLO me.test\n250-Hello me.test\n250-PIPELINING\n250-8BITMIME\n250-ENHANCEDSTATUSCODES\n250-CHUNKING\n250-SMTPUTF8\n250-SIZE\n250 STARTTLS\n" +
				"> STARTTLS\n220 2.0.0 Ready to start TLS\n<STARTTLS>\n> EHLO me.test\n250-Hello me.test\n250-PIPELINING\n250-8BITMIME\n250-ENHANCEDSTATUSCODES\n250-CHUNKING\n250-SMTPUTF8\n250 SIZE\n" +
				"> STARTTLS\n502 …\n> MAIL FROM:<a@sender.test>\n250 …\n> RCPT TO:<ana@northmail.test>\n250 …\n> DATA\n354 …\n" + `> x: y\n\nSTARTTLS\n.` + "\n250 …\n> QUIT\n221 …\n<EOF>\n",
		},
		"421 under TLS closes": {
			[]string{"outages: [{for: 1h, answer: {phase: mail, code: 421, text: bye}}]"},
			"220 …\n> EHLO me.test\n250-…\n250-…\n250-…\n250-…\n250-…\n250-…\n250-…\n250 STARTTLS\n> STARTTLS\n220 …\n<STARTTLS>\n> HELO me.test\n250 …\n> MAIL FROM:<>\n421 bye\n<EOF>\n",
		},
		"a message in one flight by BDAT": {
			[]string{plain},
			hello + `> MAIL FROM:<a@sender.test>\nRCPT TO:<ana@northmail.test>\nBDAT 8 LAST\nx: y\n` + "\n250 …\n250 …\n250 2.0.0 OK: queued\n> NOOP\n250 …\n",
		},
		"BDAT that is refused like DATA": {
			[]string{plain, `outages: [{for: 1h, answer: {phase: data, code: 451, text: "not now"}}]`},
			hello + `> MAIL FROM:<a@sender.test>\nRCPT TO:<ana@northmail.test>\nBDAT 8 LAST\nx: y\n` + "\n250 …\n250 …\n451 not now\n> NOOP\n250 …\n",
		},
		"a flight of which MAIL is refused": {
			[]string{plain, `outages: [{for: 1h, answer: {phase: mail, code: 451, text: "not now"}}]`},
			hello + `> MAIL FROM:<a@sender.test>\nRCPT TO:<ana@northmail.test>\nBDAT 8 LAST\nx: y\n` + "\n451 not now\n502 …\n502 …\n> NOOP\n250 …\n",
		},
		"a flight that ends in a 421": {
			[]string{plain, `outages: [{for: 1h, answer: {phase: mail, code: 421, text: "bye"}}]`},
			hello + `> MAIL FROM:<a@sender.test>\nRCPT TO:<ana@northmail.test>\nDATA` + "\n421 bye\n<EOF>\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := run(t, one(test.keys...), Options{})
			dial(t, s, "127.0.0.1", 0).play(test.dialogue)
		})
	}
}

func TestOrdinaryClientsCanSend(t *testing.T) {
	t.Parallel()
	s := run(t, one(), Options{})
	address := hostAddress(s, 0)
	const text = "From: a@sender.test\r\nSubject: hello\r\nMessage-ID: <1@sender.test>\r\n\r\nhello\r\n.dot\r\n"

	plainClient, err := smtp.Dial(address)
	if err != nil {
		t.Fatal(err)
	}
	sendPlain(t, plainClient, text)

	secure, err := gosmtp.DialStartTLS(address, insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := secure.SendMail("a@sender.test", []string{"ben@northmail.test", "cleo@northmail.test"}, strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	if err := secure.Quit(); err != nil {
		t.Fatal(err)
	}
	got := s.Received()
	if len(got) != 3 {
		t.Fatalf("%d messages recorded, want 3: %+v", len(got), got)
	}
	for i, want := range []struct {
		recipient string
		tls       bool
	}{{"ana@northmail.test", false}, {"ben@northmail.test", true}, {"cleo@northmail.test", true}} {
		m := got[i]
		if m.Recipient != want.recipient || m.TLS != want.tls || m.Size != len(text) || m.MessageID != "<1@sender.test>" ||
			m.Sender != "a@sender.test" || m.Provider != "Northmail" || m.Host != "mx1.northmail.test" || m.Source != "127.0.0.1" ||
			m.Subject != "hello" || m.DKIM.Result != DKIMNone || m.MailAt.After(m.At) || time.Since(m.MailAt) > time.Minute {
			t.Errorf("message %d: %+v", i, m)
		}
	}
	counts := s.Counts()["Northmail"]
	if counts.Accepted != 3 || counts.Connections != 2 || len(counts.Refused) != 0 {
		t.Errorf("counts: %+v", counts)
	}
}

func sendPlain(t *testing.T, c *smtp.Client, text string) {
	t.Helper()
	defer c.Close()
	if err := c.Mail("a@sender.test"); err != nil {
		t.Fatal(err)
	}
	if err := c.Rcpt("ana@northmail.test"); err != nil {
		t.Fatal(err)
	}
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Quit(); err != nil {
		t.Fatal(err)
	}
}

func TestLanesAndLimitsGoBySourceAddress(t *testing.T) {
	t.Parallel()
	s := run(t, one("hosts: {count: 2}", "lanes: [{max: 1}]"), Options{})
	const greeted = "220 …\n"
	first := dial(t, s, "127.0.0.1", 0)
	first.play(greeted)
	dial(t, s, "127.0.0.1", 1).play("421 4.7.0 Too many open connections from 127.0.0.1\n<EOF>\n")
	dial(t, s, "127.0.0.2", 1).play(greeted)
	first.play("> QUIT\n221 …\n<EOF>\n")
	eventually(t, "the lane is free", func() bool { return s.Counts()["Northmail"].Open == 1 })
	dial(t, s, "127.0.0.1", 0).play(greeted)
	if got := s.Counts()["Northmail"]; got.Connections != 4 || got.Throttled != 1 || got.Refused[421] != 1 || got.Causes["lanes"] != 1 {
		t.Errorf("counts: %+v", got)
	}
}

// A client that goes away without a word gives its lane back.
func TestALaneIsFreeWhenItsClientVanishes(t *testing.T) {
	t.Parallel()
	s := run(t, one(), Options{})
	c := dial(t, s, "127.0.0.1", 0)
	c.play("220 …\n> HELO me.test\n250 …\n> MAIL FROM:<>\n250 …\n")
	_ = c.conn.Close()
	eventually(t, "the lane is free", func() bool { return s.Counts()["Northmail"].Open == 0 })
}

func TestHostsTakeTheirTime(t *testing.T) {
	t.Parallel()
	s := run(t, one(plain, "latency: {connect: 60ms, reply: 30ms, message: 90ms, refusal: 40ms}", "mailboxes: {named: {no@northmail.test: unknown}}"), Options{})
	begun := time.Now()
	c := dial(t, s, "127.0.0.1", 0)
	for _, step := range []struct {
		dialogue string
		least    time.Duration
	}{
		{"220 …\n", 60 * time.Millisecond},
		{"> HELO me.test\n250 …\n", 0},
		{"> MAIL FROM:<>\n250 …\n", 30 * time.Millisecond},
		{"> RCPT TO:<no@northmail.test>\n550 …\n", 40 * time.Millisecond},
		{"> RCPT TO:<ana@northmail.test>\n250 …\n", 30 * time.Millisecond},
		{"> DATA\n354 …\n", 30 * time.Millisecond},
		{`> x: y\n\n.` + "\n250 …\n", 90 * time.Millisecond},
	} {
		c.play(step.dialogue)
		if took := time.Since(begun); took < step.least {
			t.Errorf("%q took %s, want at least %s", step.dialogue, took, step.least)
		}
		begun = time.Now()
	}
}

func TestAHangEndsWhenTheClientGivesUp(t *testing.T) {
	t.Parallel()
	s := run(t, one(plain, "outages: [{for: 1h, answer: {phase: mail, hang: true}}]"), Options{})
	c := dial(t, s, "127.0.0.1", 0)
	c.play("220 …\n> HELO me.test\n250 …\n> MAIL FROM:<>\n")
	_ = c.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if line, err := c.in.ReadString('\n'); err == nil {
		t.Errorf("the host said %q", line)
	}
	if s.Counts()["Northmail"].Open != 1 {
		t.Error("the connection is not open")
	}
	_ = c.conn.Close()
	eventually(t, "the lane is free", func() bool { return s.Counts()["Northmail"].Open == 0 })
}
