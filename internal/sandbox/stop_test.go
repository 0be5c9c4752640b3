package sandbox

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
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
	if got := s.Addresses()["mx3.northmail.test"].String(); got != hostAddress(s, 2) {
		t.Errorf("the third host is at %s, want %s", got, hostAddress(s, 2))
	}
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

func TestAMissingAddressIsExplained(t *testing.T) {
	t.Parallel()
	for hosts, want := range map[int]string{
		20:  "this machine has no 127.77.0.2 (can't assign requested address); add the sandbox's addresses first: for b in $(seq 0 0); do for n in $(seq 1 20); do sudo ifconfig lo0 alias 127.77.$b.$n; done; done",
		600: "this machine has no 127.77.0.2 (can't assign requested address); add the sandbox's addresses first: for b in $(seq 0 2); do for n in $(seq 1 250); do sudo ifconfig lo0 alias 127.77.$b.$n; done; done",
	} {
		var all []netip.Addr
		for n := range hosts {
			all = append(all, addressOf(n))
		}
		got := explainListen(syscall.EADDRNOTAVAIL, all[1], all).Error()
		want = strings.Replace(want, "can't assign requested address", syscall.EADDRNOTAVAIL.Error(), 1)
		if got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
	}
	_, _, err := listenAll(t.Context(), []netip.Addr{netip.MustParseAddr("192.0.2.1")}, 0)
	if err == nil || !strings.Contains(err.Error(), "192.0.2.1") {
		t.Errorf("error %v, want one that names the address", err)
	}
}
