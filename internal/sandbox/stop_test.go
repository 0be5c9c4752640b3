package sandbox

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

func TestStopEndsEverythingAtOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ keys, dialogue string }{
		"idle":                {plain, "220 …\n"},
		"slow to greet":       {"latency: {connect: 1h}", ""},
		"hanging at connect":  {"outages: [{for: 1h, answer: {phase: connect, hang: true}}]", ""},
		"hanging at MAIL":     {"outages: [{for: 1h, answer: {phase: mail, hang: true}}]", "220 …\n> HELO me.test\n250 …\n> MAIL FROM:<>\n"},
		"slow after the dot":  {"latency: {message: 1h}", "220 …\n> HELO me.test\n250 …\n> MAIL FROM:<>\n250 …\n> RCPT TO:<ana@northmail.test>\n250 …\n> DATA\n354 …\n" + `> x: y\n\n.` + "\n"},
		"in the middle of it": {plain, "220 …\n> HELO me.test\n250 …\n> MAIL FROM:<>\n250 …\n> RCPT TO:<ana@northmail.test>\n250 …\n> DATA\n354 …\n> x: y\n"},
		"in a TLS handshake":  {"latency: {}", "220 …\n> STARTTLS\n220 …\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := run(t, one(test.keys), Options{})
			c := dial(t, s, "127.0.0.1", 0)
			c.play(test.dialogue)
			eventually(t, "the connection is known", func() bool { return s.Counts()["Northmail"].Connections == 1 })
			begun := time.Now()
			if err := s.Stop(); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begun); took > 2*time.Second {
				t.Errorf("Stop took %s", took)
			}
			if err := s.Stop(); err != nil {
				t.Errorf("a second Stop: %v", err)
			}
			if got := s.Received(); len(got) != 0 {
				t.Errorf("recorded %+v", got)
			}
			if _, err := net.Dial("tcp", hostAddress(s, 0)); err == nil {
				t.Error("the host still listens")
			}
		})
	}
}

func TestTheEndOfTheContextCutsConnections(t *testing.T) {
	t.Parallel()
	f, _, err := Load(strings.NewReader(one(plain)), "test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s, err := Start(ctx, f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, s, "127.0.0.1", 0)
	c.play("220 …\n")
	cancel()
	c.play("<EOF>\n")
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

func TestAllHostsShareOnePort(t *testing.T) {
	t.Parallel()
	s := run(t, one("hosts: {count: 3}", plain), Options{})
	for n := range 3 {
		dial(t, s, "127.0.0.1", n).play(fmt.Sprintf("220 mx%d.northmail.test ESMTP Service Ready\n", n+1))
	}
	f, _, err := Load(strings.NewReader(one("hosts: {count: 2}")), "test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if other, err := Start(t.Context(), f, Options{SMTPPort: s.SMTPPort()}); err == nil {
		_ = other.Stop()
		t.Error("two sandboxes share a port")
	}
}
