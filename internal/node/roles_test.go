package node

import (
	"testing"
	"time"
)

// Each role works alone: a node with pages only sends nothing, one for bulk work
// fills the ledger and sends nothing, and the one with lanes sends it all.
func TestRolesAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t, peers)
	alone := func(role string) *Node {
		config := r.config
		config.Roles = []string{role}
		config.Web.Listen = "127.0.0.1:0"
		return (&rig{t: t, config: config, sandbox: r.sandbox}).node()
	}
	web := alone("web")
	alone("bulk")
	id := r.launch(web, 20, "north1.test")
	time.Sleep(time.Second) // what must not happen can only be waited for
	if n := r.number(`select count(*) from deliveries where state <> 'queued' or id not in (select delivery_id from mail_queue)`); n != 0 {
		t.Errorf("without lanes, %d deliveries were touched", n)
	}
	alone("lanes")
	r.until(time.Minute, "everything to be delivered", func() bool { return r.campaign(web, id).Counters.Delivered == 20 })
}
