package node

import (
	"context"
	"log/slog"
	"time"
)

const (
	// aliveEvery is how often it is looked whether our own server still runs.
	aliveEvery = 3 * time.Second
	// reviveWithin bounds a start, recovery after a crash included.
	reviveWithin = 5 * time.Minute
)

// keepAlive starts our own server again when it has ended by itself, until ctx
// ends: nobody else would. Everything that needs it waits meanwhile.
func (d *Database) keepAlive(ctx context.Context, log *slog.Logger) {
	ticker := time.NewTicker(aliveEvery)
	defer ticker.Stop()
	for told := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		reviving, cancel := context.WithTimeout(ctx, reviveWithin)
		started, err := d.server.Revive(reviving)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !told:
			told = true
			log.Error("the database has ended and cannot be started; it is tried again and again", "error", err)
		case err == nil:
			told = false
		}
		if started {
			log.Warn("the database had ended by itself and was started again")
		}
	}
}
