package delivery

import (
	"context"
	"testing"

	"golang.org/x/sync/semaphore"

	"github.com/headwaymail/headway/internal/smtpout"
)

// What is taken out of the parking is not held in memory there any more, whoever
// takes it and in whatever order.
func TestParkingForgets(t *testing.T) {
	t.Parallel()
	var p parking
	t.Cleanup(p.close)
	a, b := bareGate(1), bareGate(1)
	place := semaphore.NewWeighted(10)
	parked := func(g *gate) *connection {
		if err := place.Acquire(context.Background(), 1); err != nil {
			t.Fatal(err)
		}
		c := &connection{Session: &smtpout.Session{}, gate: g, place: place}
		p.put(c)
		return c
	}
	first, second := parked(a), parked(a)
	parked(b)
	if p.take(a) != second {
		t.Error("the newest connection is the one that the server keeps longest, and was not taken")
	}
	if kept := p.parked[a][:cap(p.parked[a])]; len(p.parked[a]) != 1 || kept[0].connection != first {
		t.Errorf("%d are parked", len(p.parked[a]))
	} else if len(kept) > 1 && kept[1] != nil {
		t.Error("a connection that was taken is held in memory")
	}
	if p.take(a) != first || p.take(a) != nil {
		t.Error("the last connection was not taken, or twice")
	}
	entry := p.parked[b][0]
	if !p.remove(entry) || p.remove(entry) {
		t.Error("a connection was not removed, or twice")
	}
	if len(p.parked) > 0 || p.yield() {
		t.Errorf("%d gates are held in memory without a connection", len(p.parked))
	}
}
