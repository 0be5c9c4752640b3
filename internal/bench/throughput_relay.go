package bench

import (
	"context"
	"fmt"
	"net"
	"strconv"
)

const (
	// relayAddress is where the relay takes mail.
	relayAddress = "127.79.0.1"
	// relayLearned is the pace of the relay: above ten times the target.
	relayLearned = 60_000
	// relayTarget is in messages a second.
	relayTarget = 5000
)

// throughputRelayed measures all mail to one relay that signs, so that it leaves
// here unsigned: what Headway does without the arithmetic of signatures.
func throughputRelayed(ctx context.Context, o ThroughputOptions) ([]Figure, error) {
	port, err := freeLoopbackPort()
	if err != nil {
		return nil, err
	}
	relay := net.JoinHostPort(relayAddress, strconv.Itoa(port))
	o.Config.Sending.Relays = []string{"* smtp://" + relay + "?signs=yes"}
	return throughputOf(ctx, o, func(t *throughput, ctx context.Context) error {
		t.learned = relayLearned
		t.sink.vanish()
		t.sink.addresses = []string{relay}
		if err := t.sink.appear(); err != nil {
			return err
		}
		warm, err := t.send(ctx, o.Binary, true)
		if err != nil {
			return fmt.Errorf("to a relay: %w", err)
		}
		t.add(Figure{What: "unsigned to a relay that signs", Value: warm.rate, Unit: "messages/s", Least: relayTarget})
		t.add(Figure{What: "… Postgres' processor time a message", Value: warm.postgres, Unit: "µs"})
		t.add(Figure{What: "… Headway's processor time a message", Value: warm.headway, Unit: "µs"})
		return nil
	})
}
