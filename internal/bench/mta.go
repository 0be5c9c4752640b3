package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/headwaymail/headway/internal/mailserver"
)

// throttled is somebody else's mail server that takes mail for one domain, as
// much as its throttle allows, and throws it away. What it logs is counted.
type throttled struct {
	*mailserver.Server
	lines   logLines
	read    int64 // octets of the log that were read
	counted map[string]*clientCount
}

// logLines are the lines of a log that count; the first group is the client's
// address.
type logLines struct{ accepts, refuses []*regexp.Regexp }

// clientCount is what a server's log says of one client.
type clientCount struct {
	accepted int
	refused  int
	first    time.Time // of the first message accepted, as it was seen
	last     time.Time // of the last one
}

// What Postfix logs of a client: a message that it queues, and its noes to
// commands and to connections.
var postfixLines = logLines{
	accepts: []*regexp.Regexp{regexp.MustCompile(`smtpd\[\d+\]: [0-9A-Za-z]+: client=[^\[]*\[([0-9.]+)\]`)},
	refuses: []*regexp.Regexp{
		regexp.MustCompile(`smtpd\[\d+\]: NOQUEUE: reject: [^\[]*\[([0-9.]+)\]`),
		regexp.MustCompile(`smtpd\[\d+\]: warning: (?:Connection concurrency|Connection rate|Message delivery request rate|Recipient address rate) limit exceeded: \d+ from [^\[]*\[([0-9.]+)\]`),
	},
}

// What Exim logs of a client.
var eximLines = logLines{
	accepts: []*regexp.Regexp{regexp.MustCompile(` <= \S+ H=.*?\[([0-9.]+)\]`)},
	refuses: []*regexp.Regexp{
		regexp.MustCompile(`H=.*?\[([0-9.]+)\].* temporarily rejected `),
		regexp.MustCompile(`Connection from .*?\[([0-9.]+)\](?::\d+)? refused`),
	},
}

// startThrottled starts the server of a throttle.
func startThrottled(ctx context.Context, t throttle, exim mailserver.Program, address string) (*throttled, error) {
	domain := domainOf(t.name)
	program, lines, files := mailserver.Postfix, postfixLines, map[string]string{"main.cf": fmt.Sprintf(`
mynetworks = 127.255.255.254/32
smtpd_client_event_limit_exceptions =
relay_domains = %[1]s
relay_transport = discard:
default_transport = error:only %[1]s is served
%[2]s
`, domain, t.settings)}
	if t.exim {
		program, lines, files = exim, eximLines, map[string]string{"exim.conf": fmt.Sprintf(`
tls_advertise_hosts =
smtp_accept_max = 200
queue_only
acl_smtp_rcpt = rcpt
acl_smtp_data = data
%[2]s
begin acl
rcpt:
%[3]s
  accept domains = %[1]s
  deny
data:
  discard
begin routers
begin transports
begin retry
`, domain, t.settings, t.rule)}
	}
	server, err := mailserver.Start(ctx, program, mailserver.Setup{Name: "mx." + domain, Address: address, Files: files})
	if err != nil {
		return nil, err
	}
	return &throttled{Server: server, lines: lines, counted: make(map[string]*clientCount)}, nil
}

// count reads what the log has become since the last time.
func (s *throttled) count(now time.Time) error {
	file, err := os.Open(s.Log())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	text := make([]byte, info.Size()-s.read)
	if _, err := file.ReadAt(text, s.read); err != nil {
		return err
	}
	whole := bytes.LastIndexByte(text, '\n') + 1
	s.read += int64(whole)
	for line := range bytes.Lines(text[:whole]) {
		s.take(line, now)
	}
	return nil
}

// take counts one line of the log.
func (s *throttled) take(line []byte, now time.Time) {
	client := func(patterns []*regexp.Regexp) *clientCount {
		for _, p := range patterns {
			if found := p.FindSubmatch(line); found != nil {
				name := string(found[1])
				if s.counted[name] == nil {
					s.counted[name] = &clientCount{}
				}
				return s.counted[name]
			}
		}
		return nil
	}
	if c := client(s.lines.accepts); c != nil {
		c.accepted++
		c.last = now
		if c.first.IsZero() {
			c.first = now
		}
	} else if c := client(s.lines.refuses); c != nil {
		c.refused++
	}
}

// by returns what was counted of a client.
func (s *throttled) by(client string) clientCount {
	if c := s.counted[client]; c != nil {
		return *c
	}
	return clientCount{}
}
