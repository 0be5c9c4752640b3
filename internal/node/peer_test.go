package node

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/mailserver"
	"github.com/headwaymail/headway/internal/mailserver/mailservertest"
)

// patience is how long a mail program may take to pass mail on.
const patience = 60 * time.Second

// peers are the domains of real mail programs beside the simulated internet.
const peers = `providers:
  - {name: North, domains: [north1.test], latency: {reply: 1ms, message: 2ms}}
dns:
  records:
    - postfix.test MX 10 mx.postfix.test.
    - mx.postfix.test A 127.99.0.1
    - exim.test MX 10 mx.exim.test.
    - mx.exim.test A 127.99.0.2
`

// Debian's Postfix accepts what we send and then reports that it failed, to our
// return path: the deliveries are corrected and the address suppressed.
func TestPostfixReports(t *testing.T) {
	t.Parallel()
	r, n := peerRig(t)
	mailservertest.Start(t, mailserver.Postfix, mailserver.Setup{Name: "mx.postfix.test", Address: r.peerAddress("127.99.0.1"),
		Files: map[string]string{"main.cf": fmt.Sprintf(`
mynetworks = 127.0.0.0/8
relay_domains = postfix.test
relay_recipient_maps =
relay_transport = smtp:%s
default_transport = smtp:%s
`, mailserver.NextHop(startRefuser(t)), mailserver.NextHop(n.InboundAddress()))}})
	r.reported(n, "postfix.test")
}

// So does Debian's Exim.
func TestEximReports(t *testing.T) {
	t.Parallel()
	r, n := peerRig(t)
	inboundHost, inboundPort, _ := net.SplitHostPort(n.InboundAddress())
	mailservertest.Start(t, mailserver.Exim, mailserver.Setup{Name: "mx.exim.test", Address: r.peerAddress("127.99.0.2"),
		Files: map[string]string{"exim.conf": fmt.Sprintf(`
tls_advertise_hosts =
domainlist ours = exim.test
acl_smtp_rcpt = acl_rcpt
begin acl
acl_rcpt:
  accept domains = +ours
  deny
begin routers
unknown:
  driver = redirect
  domains = +ours
  local_parts = reader1
  allow_fail
  data = :fail: no such user here
full:
  driver = redirect
  domains = +ours
  local_parts = reader2
  allow_fail
  data = :fail: mailbox is full
reports:
  driver = manualroute
  domains = ! +ours
  transport = out
  route_list = * %s byname
  self = send
begin transports
out:
  driver = smtp
  port = %s
  hosts_try_dane =
  hosts_try_chunking =
`, inboundHost, inboundPort)}})
	r.reported(n, "exim.test")
}

// peerRig is a node that takes reports, in an internet with the peers.
func peerRig(t *testing.T) (*rig, *Node) {
	t.Helper()
	r := newRig(t, peers)
	r.config.Roles = []string{"lanes", "bulk", "inbound"}
	return r, r.node()
}

// peerAddress is where mail for a host arrives.
func (r *rig) peerAddress(host string) string {
	return net.JoinHostPort(host, fmt.Sprint(r.sandbox.SMTPPort()))
}

// reported sends to two readers of a domain, of whom reader1 is unknown there and
// the mailbox of reader2 is full, and looks at what the reports changed.
func (r *rig) reported(n *Node, domain string) {
	r.t.Helper()
	id := r.launch(n, 2, domain)
	r.until(patience, "reports of both failures", func() bool {
		return r.number(`select count(*) from inbound_mails where settled_at is not null`) >= 2
	})
	c := r.campaign(n, id)
	if c.Counters.Bounced != 2 || c.Counters.Delivered != 0 {
		r.t.Errorf("counted %+v", c.Counters)
	}
	if got := r.number(`select count(*) from suppressions where key = $1 and reason = 'bounced' and evidence->>'class' = 'bad_mailbox'
	                      and evidence->>'reply' <> '' and evidence->>'rule' <> ''`, "reader1@"+domain); got != 1 {
		r.t.Errorf("reader1 has %d suppressions with evidence", got)
	}
	if got := r.number(`select count(*) from suppressions where key = $1`, "reader2@"+domain); got != 0 {
		r.t.Error("reader2 is suppressed for a full mailbox")
	}
	if got := r.number(`select count(*) from soft_bounces where class = 'mailbox_full'`); got != 1 {
		r.t.Errorf("%d full mailboxes are counted", got)
	}
	if state := r.campaign(n, id).State; state != campaign.Sending && state != campaign.Finished {
		r.t.Errorf("the campaign is %s", state)
	}
	store := n.Database.Store
	checked, err := store.Check(context.Background())
	r.must(err)
	if len(checked.Differences) > 0 {
		r.t.Errorf("the counters differ from the ledger: %+v", checked.Differences)
	}
}

// startRefuser starts the server behind Postfix, which refuses everybody, and
// returns its address.
func startRefuser(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return refuser{}, nil }))
	server.Domain = "store.postfix.test"
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-served
	})
	return listener.Addr().String()
}

// refuser knows no mailbox, and that of reader2 is full.
type refuser struct{}

func (refuser) Mail(string, *smtp.MailOptions) error { return nil }
func (refuser) Data(io.Reader) error                 { return nil }
func (refuser) Reset()                               {}
func (refuser) Logout() error                        { return nil }

func (refuser) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "reader2@") {
		return &smtp.SMTPError{Code: 552, EnhancedCode: smtp.EnhancedCode{5, 2, 2}, Message: "the mailbox is full"}
	}
	return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no mailbox here by that name"}
}
