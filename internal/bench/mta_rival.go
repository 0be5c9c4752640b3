package bench

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net"
	"net/smtp"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/headwaymail/headway/internal/mailserver"
)

// passOn are the settings of a Postfix that takes mail and sends it; routes lead
// each domain to its receiver.
func passOn(routes map[string]string, settings string) map[string]string {
	var transports, domains []string
	for domain, address := range routes {
		domains = append(domains, domain)
		transports = append(transports, fmt.Sprintf("{%s = smtp:%s}", domain, mailserver.NextHop(address)))
	}
	return map[string]string{"main.cf": fmt.Sprintf(`
mynetworks = 127.0.0.0/8
relay_domains = %s
in_flow_delay = 0s
transport_maps = inline:{ %s }
%s`, strings.Join(domains, " "), strings.Join(transports, ", "), settings)}
}

// rival is a Postfix that sends the same work as Headway.
type rival struct {
	name     string
	server   *mailserver.Server
	source   string // address that it sends from
	settings string // when it sends
	routes   map[string]string
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

// newRival starts a Postfix that takes mail and does not send it yet.
func newRival(ctx context.Context, name, source string, port int, routes map[string]string) (*rival, error) {
	r := &rival{name: name, source: source, routes: routes,
		settings: "smtp_bind_address = " + source + "\n" + rivalFeedback[name]}
	var err error
	r.server, err = mailserver.Start(ctx, mailserver.Postfix, mailserver.Setup{Name: groundHELO,
		Address: net.JoinHostPort(source, fmt.Sprint(port)), Files: passOn(routes, r.settings+"master_service_disable = qmgr/unix\n")})
	return r, err
}

// begin lets the rival send.
func (r *rival) begin(ctx context.Context) error {
	files := passOn(r.routes, r.settings)
	files["queue/quick-start"] = "" // or it would first look at every message's owner
	return r.server.Restart(ctx, files)
}

// rivalDoors is over how many connections a rival gets its work.
const rivalDoors = 4

// load hands a rival its work: a number of readers of each domain. Nothing is
// sent before begin. A letter is about the message that Headway composes: two
// parts and a signature's length of header, some 3 KB.
func (r *rival) load(ctx context.Context, readers map[string]int) error {
	text := strings.Repeat("The leaves are turning, and this is our letter of the season.\r\n", 45)
	return hand(ctx, r.server.Address, rivalDoors, inTurn(readers), text)
}

// inTurn yields a number of readers of each domain, the first of each, then the
// second, and so on.
func inTurn(readers map[string]int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i, more := 1, true; more; i++ {
			more = false
			for domain, n := range readers {
				if i > n {
					continue
				}
				more = true
				if !yield(fmt.Sprintf("reader%d@%s", i, domain)) {
					return
				}
			}
		}
	}
}

// hand gives a server a letter to each reader, over a number of connections.
func hand(ctx context.Context, address string, doors int, readers iter.Seq[string], text string) error {
	work := make(chan string)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(work)
		for reader := range readers {
			select {
			case work <- reader:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range doors {
		group.Go(func() error {
			client, err := smtp.Dial(address)
			if err != nil {
				return err
			}
			defer client.Close()
			for reader := range work {
				if err := handOne(client, reader, text); err != nil {
					return fmt.Errorf("hand the letter to %s to %s: %w", reader, address, err)
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// handOne gives one letter to a server.
func handOne(client *smtp.Client, reader, text string) error {
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
	head := "From: The Autumn Letter <autumn@" + groundFrom + ">\r\nTo: " + reader +
		"\r\nSubject: Our autumn letter\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
	if _, err := io.WriteString(w, head+text); err != nil {
		return err
	}
	return w.Close()
}
