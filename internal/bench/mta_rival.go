package bench

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// rival is a Postfix that sends the same work as Headway.
type rival struct {
	name    string
	server  *mailServer
	source  string // address that it sends from
	address string // where it takes its work
}

// rivalFeedback are the two ways in which Postfix heeds a receiver: its
// defaults, and the gentler one that its own notes recommend for receivers that
// limit connections.
var rivalFeedback = map[string]string{
	"Postfix": "",
	"Postfix 1/N": `default_destination_concurrency_positive_feedback = 1/concurrency
default_destination_concurrency_negative_feedback = 1/concurrency
`,
}

// newRival starts a Postfix that takes mail and does not send it yet. routes
// lead each domain to its receiver.
func newRival(ctx context.Context, name, source string, port int, routes map[string]string) (*rival, error) {
	r := &rival{name: name, source: source, address: net.JoinHostPort(source, fmt.Sprint(port))}
	var transports, domains []string
	for domain, address := range routes {
		domains = append(domains, domain)
		transports = append(transports, fmt.Sprintf("{%s = smtp:%s}", domain, bracketed(address)))
	}
	var err error
	r.server, err = newPostfix(name+" as the sender", r.address+" inet n - n - - smtpd", fmt.Sprintf(`
myhostname = %s
smtp_bind_address = %s
mynetworks = 127.0.0.0/8
relay_domains = %s
fast_flush_domains =
in_flow_delay = 0s
transport_maps = inline:{ %s }
%s`, groundHELO, source, strings.Join(domains, " "), strings.Join(transports, ", "), rivalFeedback[name]), postfixServices)
	if err != nil {
		return nil, err
	}
	if err := r.server.runPostfix(ctx, r.address); err != nil {
		return nil, closing(err, r.server.close)
	}
	return r, nil
}

// bracketed writes an address the way Postfix names a next hop without DNS.
func bracketed(address string) string {
	host, port, _ := strings.Cut(address, ":")
	return "[" + host + "]:" + port
}

// rivalDoors is over how many connections a rival gets its work.
const rivalDoors = 4

// load hands a rival its work: a number of readers of each domain. Nothing is
// sent before begin.
func (r *rival) load(ctx context.Context, readers map[string]int) error {
	work := make(chan string)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(work)
		for i := 0; ; i++ {
			more := false
			for domain, n := range readers {
				if i >= n {
					continue
				}
				more = true
				select {
				case work <- fmt.Sprintf("reader%d@%s", i+1, domain):
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			if !more {
				return nil
			}
		}
	})
	for range rivalDoors {
		group.Go(func() error {
			client, err := smtp.Dial(r.address)
			if err != nil {
				return err
			}
			defer client.Close()
			for reader := range work {
				if err := hand(client, reader); err != nil {
					return fmt.Errorf("hand %s to %s: %w", reader, r.name, err)
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// hand gives one message to a server.
func hand(client *smtp.Client, reader string) error {
	if err := client.Mail("b.abc@" + groundBounces); err != nil {
		return err
	}
	if err := client.Rcpt(reader); err != nil {
		return err
	}
	w, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, rivalLetter(reader)); err != nil {
		return err
	}
	return w.Close()
}

// rivalLetter is about the message that Headway composes: two parts and a
// signature's length of header, some 3 KB.
func rivalLetter(reader string) string {
	return "From: The Autumn Letter <autumn@" + groundFrom + ">\r\nTo: " + reader +
		"\r\nSubject: Our autumn letter\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" +
		strings.Repeat("The leaves are turning, and this is our letter of the season.\r\n", 45)
}

// begin lets the rival send.
func (r *rival) begin(ctx context.Context) error {
	if err := r.server.stop(); err != nil {
		return err
	}
	select {
	case <-r.server.ended:
	case <-time.After(serverPatience):
		return fmt.Errorf("%s did not stop within %s", r.name, serverPatience)
	}
	r.server.process = nil
	if err := r.server.writeSettings("master.cf", r.address+" inet n - n - - smtpd\n"+postfixServices+postfixQueue); err != nil {
		return err
	}
	// Postfix would look at every message's owner before it starts again.
	if err := r.server.writeSettings(filepath.Join("queue", "quick-start"), ""); err != nil {
		return err
	}
	return r.server.runPostfix(ctx, r.address)
}
