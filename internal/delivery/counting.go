package delivery

import (
	"context"
	"time"
)

const (
	// countEvery is how long counters stay behind the outcomes that this node
	// records. Each look changes the rows of all providers and domains that had
	// mail meanwhile, once.
	countEvery = 500 * time.Millisecond
	// countEveryCrowded is the same where lanes wait for the processors, which each look
	// takes a part of.
	countEveryCrowded = time.Second
	// countOthers is after how many of these times a node looks for what others have
	// left, those that died among them.
	countOthers = 20
)

// count lets the counters follow the outcomes, until ctx ends.
func (e *Engine) count(ctx context.Context) {
	failing := false
	for n := 0; ; n++ {
		if e.writer.uncounted.Swap(false) || n%countOthers == 0 {
			alone, err := e.store.TryCount(ctx)
			if !alone {
				e.writer.uncounted.Store(true) // whoever counts may not have seen the newest
			}
			if err != nil && ctx.Err() == nil && !failing {
				e.log.Warn("outcomes cannot be counted now; they are kept", "error", err)
			}
			failing = err != nil
		}
		pause := countEvery
		if e.admission.crowded() {
			pause = countEveryCrowded
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// countLast counts what an engine leaves that has ended. What it misses another
// engine counts, or this one when it begins.
func (e *Engine) countLast() {
	ctx, cancel := context.WithTimeout(context.Background(), countEvery)
	defer cancel()
	if err := e.store.Count(ctx); err != nil {
		e.log.Debug("the last outcomes are not counted yet", "error", err)
	}
}
