package bench

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// fullBefore is how long the volume is full before Postgres needs a new file
	// for its log, and fullAfter how much longer.
	fullBefore = 3 * time.Second
	fullAfter  = 17 * time.Second
)

// fillDisk fills the volume that Postgres is on. Statements that need another
// page fail at once; the log has room in files made before, until a new one is
// asked for: that ends Postgres for as long as there is no room. Then the volume
// has room again, and the office, whose own Postgres is, starts it.
func (r *ledgerRun) fillDisk(ctx context.Context) error {
	if err := r.part(ctx, 0.2); err != nil {
		return err
	}
	r.row.Open += r.sink.open()
	ballast := filepath.Join(r.ground.folder, "ballast")
	if err := fill(ballast); err != nil {
		return err
	}
	if err := sleepUntil(ctx, time.Now().Add(fullBefore)); err != nil {
		return err
	}
	r.row.Open += r.sink.open()
	room := time.Now().Add(fullAfter)
	_ = r.ground.office.Database.Store.SwitchLogForBench(ctx) // whoever writes next may meet it, or this does
	err := await(ctx, fullAfter, "Postgres to end for want of room", func() (bool, error) {
		_, err := r.ground.office.Database.Store.Clock(ctx)
		return err != nil, nil
	})
	if err := errors.Join(err, sleepUntil(ctx, room)); err != nil {
		return err
	}
	if err := os.Remove(ballast); err != nil {
		return err
	}
	return r.flows(ctx)
}

// fill writes a file until the volume has no room left.
func fill(name string) (err error) {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = closing(err, file.Close) }()
	block := make([]byte, 1<<20)
	for size := len(block); size > 0; {
		_, err := file.Write(block[:size])
		switch {
		case errors.Is(err, syscall.ENOSPC):
			size /= 2
		case err != nil:
			return err
		}
	}
	return nil
}
