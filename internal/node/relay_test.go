package node

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/headwaymail/headway/campaign"
)

// relay is a smarthost that wants a password, and counts what it took.
type relay struct {
	mu     sync.Mutex
	took   map[string]int // guarded by mu; by recipient
	signed int            // guarded by mu; messages that came with a signature
}

// openRelay starts a smarthost and returns the address of a rule that leads to it.
func openRelay(t *testing.T) (*relay, string) {
	t.Helper()
	hub := &relay{took: make(map[string]int)}
	server := smtp.NewServer(hub)
	server.AllowInsecureAuth = true
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return hub, "smtp://ann:open%20sesame@" + listener.Addr().String()
}

func (r *relay) NewSession(*smtp.Conn) (smtp.Session, error) { return &relaySession{relay: r}, nil }

type relaySession struct {
	relay     *relay
	known     bool
	recipient string
}

func (s *relaySession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *relaySession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if s.known = user == "ann" && password == "open sesame"; !s.known {
			return errors.New("wrong password")
		}
		return nil
	}), nil
}

func (s *relaySession) Mail(string, *smtp.MailOptions) error {
	if !s.known {
		return smtp.ErrAuthRequired
	}
	return nil
}

func (s *relaySession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.recipient = to
	return nil
}

func (s *relaySession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.relay.mu.Lock()
	defer s.relay.mu.Unlock()
	s.relay.took[s.recipient]++
	if bytes.Contains(text, []byte("DKIM-Signature:")) {
		s.relay.signed++
	}
	return nil
}

func (s *relaySession) Reset()        {}
func (s *relaySession) Logout() error { return nil }

// A relay that is named while mail waits at a provider takes that mail, and has
// a pace of its own.
func TestRelayTakesWaitingMail(t *testing.T) {
	t.Parallel()
	r := newRig(t, `providers:
  - name: Northmail
    domains: [north.test]
    outages: [{for: 1h, answer: {phase: rcpt, code: 421, enhanced: 4.3.2, text: not today}}]
  - {name: Southmail, domains: [south.test], latency: {reply: 1ms, message: 2ms}}
`)
	n := r.node()
	id := r.launch(n, 20, "north.test", "south.test")
	r.until(time.Minute, "mail for the south is out", func() bool {
		return r.number(`select count(*) from deliveries where state = 'delivered'`) == 20
	})
	r.must(n.Stop())

	hub, address := openRelay(t)
	r.config.Sending.Relays = []string{"*.north.test north.test " + address}
	again := r.node()
	r.until(time.Minute, "all is out", func() bool { return r.campaign(again, id).State == campaign.Finished })
	r.must(again.Stop())
	hub.mu.Lock()
	defer hub.mu.Unlock()
	if len(hub.took) != 20 || hub.signed != 20 {
		t.Errorf("the relay took mail for %d recipients, %d messages signed; want 20 of both", len(hub.took), hub.signed)
	}
	for recipient, times := range hub.took {
		if times != 1 {
			t.Errorf("%s got %d", recipient, times)
		}
	}
	if paces := r.number(`select count(*) from paces p join providers pr on pr.id = p.provider_id where pr.key like 'relay:127.0.0.1:%'`); paces != 1 {
		t.Errorf("%d paces for the relay", paces)
	}
	checked, err := again.Database.Store.Check(t.Context())
	if err == nil && len(checked.Differences) > 0 {
		t.Errorf("the counters differ from the ledger: %+v", checked.Differences)
	}
}
