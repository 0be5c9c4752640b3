package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// clockJumps are by how much a clock is wrong, one after the other: an hour fast,
// right again, which is an hour back, an hour slow, and right again.
var clockJumps = []time.Duration{time.Hour, 0, -time.Hour, 0}

// jump has a clock jump again and again while mail flows, and notes the longest
// time without a message from the first jump to the end of the mail.
func (r *ledgerRun) jump(ctx context.Context, set func(wrong time.Duration) error) error {
	for n, wrong := range clockJumps {
		if err := r.part(ctx, 0.1+0.2*float64(n)); err != nil {
			return err
		}
		if n == 0 {
			r.sink.listen()
		}
		r.row.Open += r.sink.open()
		if err := set(wrong); err != nil {
			return err
		}
	}
	err := r.part(ctx, 1)
	r.row.Recovered = r.sink.silence()
	return err
}

// jumpSeen bounds the time until a clock is seen to be wrong.
const jumpSeen = 10 * time.Second

// jumpPostgres has the clock of Postgres jump, as its own word proves.
func (r *ledgerRun) jumpPostgres(ctx context.Context) error {
	return r.jump(ctx, func(wrong time.Duration) error {
		if err := r.clock.set(wrong); err != nil {
			return err
		}
		return await(ctx, jumpSeen, "Postgres' clock to jump", func() (bool, error) {
			at, err := r.ground.office.Database.Store.Clock(ctx)
			return (time.Until(at) - wrong).Abs() < time.Minute, err
		})
	})
}

// nodeClockSeen is how long a sender may go on with the time that it had.
const nodeClockSeen = 300 * time.Millisecond

// nodeClock is the file that says by how much the senders' clock is wrong.
func (r *ledgerRun) nodeClock() string { return filepath.Join(r.ground.folder, "clock") }

// jumpNode has the clock of the sender jump.
func (r *ledgerRun) jumpNode(ctx context.Context) error {
	return r.jump(ctx, func(wrong time.Duration) error {
		if err := writeClock(r.nodeClock(), wrong); err != nil {
			return err
		}
		return sleepUntil(ctx, time.Now().Add(nodeClockSeen))
	})
}

// writeClock writes down by how much a clock is wrong. The file is put in its
// place whole: it is read at any time.
func writeClock(file string, wrong time.Duration) error {
	if err := os.WriteFile(file+".new", fmt.Appendf(nil, "%+d\n", int(wrong.Seconds())), 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
