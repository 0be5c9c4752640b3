package sandbox

import (
	"net/netip"
	"strings"
	"testing"

	gosmtp "github.com/emersion/go-smtp"
	"github.com/miekg/dns"

	"github.com/headwaymail/headway/pacing/receiver"
)

// What DNS and the hosts say about each contact of the demo is what the truth
// about the list says, limits and moods left aside.
func TestTheInternetBearsOutTheTruth(t *testing.T) {
	t.Parallel()
	f := Default()
	for i := range f.Providers {
		f.Providers[i].Spec = receiver.Spec{Mailboxes: f.Providers[i].Mailboxes}
	}
	s, err := Start(t.Context(), f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	codes := map[receiver.Mailbox]int{
		receiver.MailboxOpen: 250, receiver.MailboxUnknown: 550, receiver.MailboxDisabled: 550, receiver.MailboxRefused: 550,
		receiver.MailboxOverQuota: 552, receiver.MailboxFull: 452, receiver.MailboxBusy: 450,
	}
	clients, asked := map[string]*gosmtp.Client{}, map[receiver.Mailbox]int{}
	for row := range f.Contacts(1200) {
		if !row.Usable() {
			continue
		}
		domain := row.Address[strings.LastIndexByte(row.Address, '@')+1:]
		address := lookUp(t, s, domain)
		if row.Provider == "" {
			if address.IsValid() {
				t.Errorf("%s (%s) has a host at %s", domain, row.Special, address)
			}
			continue
		}
		c := clients[address.String()]
		if c == nil {
			if c, err = gosmtp.Dial(netip.AddrPortFrom(address, uint16(s.SMTPPort())).String()); err != nil {
				t.Fatalf("%s: %v", domain, err)
			}
			defer c.Close()
			clients[address.String()] = c
			if err := c.Mail("a@sender.test", nil); err != nil {
				t.Fatal(err)
			}
		}
		got := 250
		if err := c.Rcpt(row.Address, nil); err != nil {
			got = err.(*gosmtp.SMTPError).Code
		}
		if got != codes[row.Mailbox] {
			t.Errorf("%s is %s: answered %d, want %d", row.Address, row.Mailbox, got, codes[row.Mailbox])
		}
		asked[row.Mailbox]++
	}
	for state := range codes {
		if state != receiver.MailboxRefused && asked[state] == 0 {
			t.Errorf("no contact with a mailbox that is %s", state)
		}
	}
}

// lookUp finds the first host of a domain as a sender would, or nothing.
func lookUp(t *testing.T, s *Sandbox, domain string) netip.Addr {
	t.Helper()
	ask := func(name string, kind uint16) []dns.RR {
		r, _, err := new(dns.Client).Exchange(new(dns.Msg).SetQuestion(dns.Fqdn(name), kind), s.DNSAddr())
		if err != nil {
			t.Fatal(err)
		}
		return r.Answer
	}
	host := domain
	for _, rr := range ask(domain, dns.TypeMX) {
		host = rr.(*dns.MX).Mx
		break
	}
	for _, rr := range ask(host, dns.TypeA) {
		a, _ := netip.AddrFromSlice(rr.(*dns.A).A.To4())
		return a
	}
	return netip.Addr{}
}

func TestDeliverableCountsWhoCanBeReached(t *testing.T) {
	t.Parallel()
	f := &File{Providers: []Provider{
		{Name: "A", Spec: receiver.Spec{Mailboxes: receiver.Mailboxes{FullFor: 1}}},
		{Name: "B"},
	}}
	all := map[receiver.Mailbox]int{
		receiver.MailboxOpen: 100, receiver.MailboxBusy: 10, receiver.MailboxFull: 1, receiver.MailboxUnknown: 1000,
	}
	truth := Truth{Providers: map[string]ProviderTruth{"A": {Mailboxes: all}, "B": {Mailboxes: all}}}
	if got := f.Deliverable(truth); got != 111+110 {
		t.Errorf("%d can be reached, want 221", got)
	}
}
