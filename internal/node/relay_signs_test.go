package node

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/headwaymail/headway/campaign"
)

const northAndSouth = `providers:
  - {name: Northmail, domains: [north.test], latency: {reply: 1ms, message: 2ms}}
  - {name: Southmail, domains: [south.test], latency: {reply: 1ms, message: 2ms}}
`

// What goes to a relay that signs goes there unsigned; everything else is signed
// here.
func TestRelaySignsAPart(t *testing.T) {
	t.Parallel()
	r := newRig(t, northAndSouth)
	hub, address := openRelay(t)
	r.config.Sending.Relays = []string{"north.test " + address + "?signs=yes"}
	n := r.node()
	if err := n.Service.Ready(t.Context(), "sender.test"); err == nil || !strings.Contains(err.Error(), "recipients' own servers") {
		t.Errorf("without a key, and mail that goes past the relay: %v", err)
	}
	id := r.launch(n, 10, "north.test", "south.test")
	r.until(time.Minute, "all is out", func() bool { return r.campaign(n, id).State == campaign.Finished })
	hub.mu.Lock()
	defer hub.mu.Unlock()
	if len(hub.took) != 10 || hub.signed != 0 {
		t.Errorf("the relay took mail for %d recipients, %d messages signed; want 10 and none", len(hub.took), hub.signed)
	}
	direct := r.sandbox.Received()
	for _, m := range direct {
		if !bytes.HasPrefix(m.Body, []byte("DKIM-Signature:")) {
			t.Errorf("%s got its message unsigned", m.Recipient)
		}
	}
	if len(direct) != 10 {
		t.Errorf("%d messages went to the recipients' own servers, want 10", len(direct))
	}
}

// Where relays sign all mail, a From domain needs no key.
func TestRelaySignsAll(t *testing.T) {
	t.Parallel()
	r := newRig(t, northAndSouth)
	r.keyless = true
	hub, address := openRelay(t)
	r.config.Sending.Relays = []string{"north.test " + address + "?signs=yes", "* " + address + "?signs=yes"}
	n := r.node()
	id := r.launch(n, 10, "north.test", "south.test")
	r.until(time.Minute, "all is out", func() bool { return r.campaign(n, id).State == campaign.Finished })
	hub.mu.Lock()
	defer hub.mu.Unlock()
	if len(hub.took) != 20 || hub.signed != 0 {
		t.Errorf("the relay took mail for %d recipients, %d messages signed; want 20 and none", len(hub.took), hub.signed)
	}
	if got := r.campaign(n, id).Counters.Delivered; got != 20 {
		t.Errorf("%d delivered, want 20", got)
	}
	set, err := n.Service.Setup(t.Context(), 0)
	r.must(err)
	for _, step := range set.Steps {
		if step.Key == "domain" && !strings.Contains(step.Words, "127.0.0.1 signs") {
			t.Errorf("the page Setup says of the sending domain: %s", step.Words)
		}
	}
}
