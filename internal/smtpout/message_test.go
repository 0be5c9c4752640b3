package smtpout

import (
	"bufio"
	"bytes"
	"io"
	"net/textproto"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestInspect(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]facts{
		"":                        {},
		"a\r\n":                   {size: 3},
		"a":                       {size: 3, unended: true},
		"a\r\nb":                  {size: 6, unended: true},
		".":                       {size: 3, unended: true, dots: true},
		"a\r\n.b\r\n":             {size: 7, dots: true},
		"a.\r\n b.c\r\n":          {size: 10},
		"caf\xc3\xa9 au lait\r\n": {size: 15, eightBit: true},
		"1234567\x80\r\n":         {size: 10, eightBit: true},
		"\n":                      {size: 1, flaw: "the message has a line feed without a carriage return (byte 0)"},
		"a\r\nb\nc\r\n":           {size: 8, flaw: "the message has a line feed without a carriage return (byte 4)"},
		"a\rb\r\n":                {size: 5, flaw: "the message has a carriage return without a line feed (byte 1)"},
		"a\r\r\n":                 {size: 4, flaw: "the message has a carriage return without a line feed (byte 1)"},
		"a\r":                     {size: 4, unended: true, flaw: "the message has a carriage return without a line feed (byte 1)"},
		"a\r\n.\n.\r\nMAIL\r\n":   {size: 14, flaw: "the message has a line feed without a carriage return (byte 4)"},
	} {
		if got := inspect([]byte(body)); got != want {
			t.Errorf("%q: %+v, want %+v", body, got, want)
		}
	}
}

// TestDotStuffing checks against net/textproto that what arrives is what was sent.
func TestDotStuffing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOf(rapid.StringMatching(`[.a ]{0,4}`)).Draw(t, "lines")
		body := strings.Join(append(lines, ""), "\r\n")
		if rapid.Bool().Draw(t, "unended") {
			body = strings.TrimSuffix(body, "\r\n")
		}
		facts := inspect([]byte(body))
		if facts.flaw != "" {
			t.Fatal(facts.flaw)
		}
		var wire bytes.Buffer
		if err := stuffed([]byte(body), func(b []byte) error { wire.Write(b); return nil }); err != nil {
			t.Fatal(err)
		}
		if facts.unended {
			wire.WriteString("\r\n")
			body += "\r\n"
		}
		if want := strings.HasPrefix(body, ".") || strings.Contains(body, "\r\n."); facts.dots != want {
			t.Fatalf("dots is %v, want %v", facts.dots, want)
		}
		if int64(len(body)) != facts.size {
			t.Fatalf("size is %d, want %d", facts.size, len(body))
		}
		wire.WriteString(".\r\nQUIT\r\n")
		rest := bufio.NewReader(&wire)
		got, err := io.ReadAll(textproto.NewReader(rest).DotReader())
		if want := strings.ReplaceAll(body, "\r\n", "\n"); err != nil || string(got) != want {
			t.Fatalf("got %q (%v), want %q", got, err, want)
		}
		if next, _ := rest.ReadString('\n'); next != "QUIT\r\n" {
			t.Fatalf("after the message comes %q", next)
		}
	})
}

func TestValidAddress(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"ana@two.test":                           true,
		"a.b+c=d!#$%&'*/?^_`{|}~@two.test":       true,
		"jürgen@bücher.test":                     true,
		`"a b"@two.test`:                         true,
		`"a\"b\\@c"@two.test`:                    true,
		"ana@[192.0.2.1]":                        true,
		"":                                       false,
		"@two.test":                              false,
		"ana@":                                   false,
		"ana":                                    false,
		"a b@two.test":                           false,
		"ana@two.test\r\nRCPT TO:<eve@two.test>": false,
		"\"a\r\nb\"@two.test":                    false,
		"ana>@two.test":                          false,
		"ana@two.test> SIZE=1":                   false,
		`"a"b"@two.test`:                         false,
		`"a\"@two.test`:                          false,
		"a@b@two.test":                           false,
		"ana@two\x00.test":                       false,
		"an\xff@two.test":                        false,
		strings.Repeat("a", 65) + "@two.test":    false,
		"ana@" + strings.Repeat("a", 251):        false,
		"ana@xn--\u00fc.test":                    false,
		`"` + strings.Repeat(`\`, 3) + `"@x.test`: false,
	} {
		if got := validAddress(address); got != want {
			t.Errorf("%q is valid: %v, want %v", address, got, want)
		}
	}
}

// FuzzCommands checks that an envelope never becomes more than two commands.
func FuzzCommands(f *testing.F) {
	f.Add("news@out.test", "ana@two.test", "id")
	f.Add("", "jürgen@bücher.test", "a b\r\n")
	f.Add(`"a b"@two.test`, "ana@two.test\r\nDATA", "=")
	f.Fuzz(func(t *testing.T, from, to, id string) {
		all := Extensions{ESMTP: true, EightBitMIME: true, SMTPUTF8: true, DSN: true, Size: true}
		e := Envelope{From: from, To: to, ID: id}
		if _, refused := e.refusal(all, facts{}, "mx.two.test"); refused {
			return
		}
		mail, rcpt := e.commands(all, facts{})
		for _, line := range []string{mail, rcpt} {
			if strings.Count(line, "\n") != 1 || strings.Count(line, "\r") != 1 || !strings.HasSuffix(line, "\r\n") || strings.Contains(line, "\x00") {
				t.Fatalf("%q", line)
			}
		}
		if !strings.HasPrefix(mail, "MAIL FROM:<") || !strings.HasPrefix(rcpt, "RCPT TO:<") || !strings.HasSuffix(rcpt, ">\r\n") {
			t.Fatalf("%q %q", mail, rcpt)
		}
	})
}
