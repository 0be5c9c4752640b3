package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	launchMost     = 20.0             // seconds until everybody is in the ledger
	firstMost      = 2.0              // seconds until the first message is out
	memoryMost     = 100.0            // MB that the sender may have
	launchPatience = 10 * time.Minute // more than any launch may take
)

// Launch measures how soon a large campaign is in the ledger and its first
// message out, and how much memory the process has that sends it for a while.
func Launch(ctx context.Context, o ThroughputOptions, watch time.Duration) (figures []Figure, err error) {
	t := &throughput{options: o}
	defer func() { err = closing(err, t.close) }()
	if err := t.open(ctx); err != nil {
		return nil, err
	}
	sender, err := t.ground.sender()
	if err != nil {
		return nil, err
	}
	if err := sender.start(); err != nil {
		return nil, err
	}
	id, err := t.ground.draft(ctx, longLetter())
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := t.ground.office.Service.Launch(ctx, id); err != nil {
		return nil, err
	}
	err = await(ctx, launchPatience, "the ledger to be filled and mail to flow", func() (bool, error) {
		c, err := t.ground.office.Database.Store.Campaign(ctx, id)
		if err == nil && c.LaunchDone && len(t.figures) == 0 {
			t.add(Figure{What: "launch", Value: time.Since(began).Seconds(), Unit: "s", Most: launchMost})
		}
		messages, _ := t.sink.count()
		return len(t.figures) > 0 && messages > 0, err
	})
	if err != nil {
		return t.figures, err
	}
	t.sink.mu.Lock()
	first := t.sink.first.Sub(began)
	t.sink.mu.Unlock()
	t.add(Figure{What: "first message after the start", Value: first.Seconds(), Unit: "s", Most: firstMost})
	if err := t.watchMemory(ctx, sender, watch); err != nil {
		return t.figures, err
	}
	messages, recipients := t.sink.count()
	if messages != recipients {
		err = errors.New("messages arrived twice")
	}
	return t.figures, err
}

// watchMemory samples the sender's memory while it sends.
func (t *throughput) watchMemory(ctx context.Context, sender *victim, watch time.Duration) error {
	pid := sender.process.Process.Pid
	half, end := time.Now().Add(watch/2), time.Now().Add(watch)
	var early, late int64
	for now := time.Now(); now.Before(end); now = time.Now() {
		if err := sleepUntil(ctx, now.Add(250*time.Millisecond)); err != nil {
			return err
		}
		resident, _ := memory(pid)
		if now.Before(half) {
			early = max(early, resident)
		} else {
			late = max(late, resident)
		}
	}
	if early == 0 || late == 0 {
		return fmt.Errorf("the memory of process %d could not be read", pid)
	}
	rate, _, _ := t.sink.span()
	t.add(Figure{What: "messages a second meanwhile", Value: rate, Unit: "messages/s"})
	t.add(Figure{What: "memory in the first half", Value: float64(early) / 1e6, Unit: "MB", Most: memoryMost})
	t.add(Figure{What: "memory in the second half", Value: float64(late) / 1e6, Unit: "MB", Most: memoryMost})
	return nil
}
