package delivery

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/pacing"
	"github.com/headwaymail/headway/pacing/reply"
)

// A state that was packed while nobody sent goes on as if it had not been.
func TestPackedStates(t *testing.T) {
	t.Parallel()
	kept, packed := &envelope{}, &envelope{}
	row := postgres.PaceRow{Version: 1, Up: 1000, State: stateOf(t, pacing.Profile{Start: 20}, noon)}
	for i := range 20 {
		now := noon.Add(time.Duration(i) * roundEvery)
		in := intake{node: 1, now: now, waiting: 100, sending: true, claim: claim{want: 2, used: 1}}
		in.events = []pacing.Event{{Kind: pacing.Accepted, At: now, Launched: now.Add(-50 * time.Millisecond), Count: 1 + i%3, Lanes: 1, Host: "mx.a.test"}}
		if i == 12 {
			in.events[0].Kind, in.events[0].Meaning = pacing.Refused, reply.Meaning{Class: reply.ClassRate, Scope: reply.ScopeSource, Temporary: true}
		}
		var outlooks []*outlook
		for _, e := range []*envelope{kept, packed} {
			o, err := e.meet(row, in)
			if err != nil {
				t.Fatal(err)
			}
			e.adopt(o, now)
			e.permits.empty()
			outlooks = append(outlooks, o)
		}
		if diff := cmp.Diff(string(encoded(*outlooks[0].state)), string(encoded(*outlooks[1].state))); diff != "" {
			t.Fatalf("round %d: %s", i, diff)
		}
		if outlooks[0].granted != outlooks[1].granted {
			t.Fatalf("round %d: %v was granted, %v with packing", i, outlooks[0].granted, outlooks[1].granted)
		}
		if packed.pack(); packed.state != nil || len(packed.packed) == 0 {
			t.Fatal("the state was not packed")
		}
		change := outlooks[0].change
		row.State, row.Version = nil, outlooks[0].version
		row.Shared, row.Slot, row.FirstSlot, row.PermitVersion = change.Shared, change.Slot, change.FirstSlot, change.PermitVersion
	}
	if kept.state.Total == 0 || kept.pace.Version == 0 {
		t.Errorf("nothing was learned: %+v", kept.pace)
	}
}
