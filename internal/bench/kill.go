package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/demo"
	"github.com/headwaymail/headway/internal/sandbox"
)

// KillOptions say how often and what is killed.
type KillOptions struct {
	Binary   string // path of the headway binary
	Rounds   int
	Contacts int // rows of the contact list
	Config   config.Config
	Log      *slog.Logger
	Out      io.Writer // a line for each round
}

// KillRound is what one kill did.
type KillRound struct {
	Open    int           // connections open at the receivers when the process was killed
	InDoubt int           // messages that were found in doubt
	Resumed time.Duration // from the restart to the next message at a receiver
}

// KillResult is what became of the campaign.
type KillResult struct {
	Rounds     []KillRound
	Targeted   int64
	Delivered  int64
	Lost       int64 // deliveries without a final state
	Duplicated int   // messages that arrived again
	Findings   []demo.Finding
}

const (
	// resumeWithin is how soon after a restart mail must flow again: dead
	// nodes are noticed after 15 s.
	resumeWithin = 20 * time.Second
	// killAfter bounds the time between mail flowing again and the next kill.
	killAfterLeast, killAfterMost = 300 * time.Millisecond, 1800 * time.Millisecond
	// killLifetime lets messages in doubt be sent again after many kills.
	killLifetime = 10 * time.Minute
	// finishWithin is how long the campaign may take after the last kill: longer
	// than any trouble in the description lasts, shorter than `go test` waits.
	finishWithin = 5 * time.Minute
)

// Kill runs a campaign and ends the process that sends it with SIGKILL, again
// and again, at random moments. Its error says what could not be done; what the
// product did wrong is in the result.
func Kill(ctx context.Context, o KillOptions) (result KillResult, err error) {
	d, err := demo.Open(ctx, demo.Options{File: sandbox.Default(), Text: sandbox.DefaultYAML(), Contacts: o.Contacts,
		Fresh: true, Elsewhere: true, Lifetime: killLifetime, Config: o.Config, Log: o.Log})
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := d.Publish(ctx); err != nil {
		return result, err
	}
	victim, err := newVictim(o.Binary, d.Environ())
	if err != nil {
		return result, err
	}
	defer victim.kill()
	if err := victim.start(); err != nil {
		return result, err
	}
	if _, err := d.Import(ctx); err != nil {
		return result, err
	}
	if err := d.Launch(ctx); err != nil {
		return result, err
	}
	if _, err := awaitMessages(ctx, d, 0, time.Minute); err != nil {
		return result, fmt.Errorf("before the first kill: %w", err)
	}
	for round := 1; round <= o.Rounds; round++ {
		r, err := killOnce(ctx, d, victim)
		if err != nil {
			return result, fmt.Errorf("round %d: %w", round, err)
		}
		result.Rounds = append(result.Rounds, r)
		fmt.Fprintf(o.Out, "kill %2d: %2d connections open, %2d in doubt, mail again after %.1f s\n",
			round, r.Open, r.InDoubt, r.Resumed.Seconds())
	}
	if err := awaitFinish(ctx, d); err != nil {
		return result, err
	}
	return result, conclude(ctx, d, &result)
}

// killOnce kills the sender, starts it again and watches it take up the work.
func killOnce(ctx context.Context, d *demo.Demo, victim *victim) (KillRound, error) {
	var r KillRound
	pause := killAfterLeast + rand.N(killAfterMost-killAfterLeast)
	select {
	case <-time.After(pause):
	case <-ctx.Done():
		return r, ctx.Err()
	}
	for _, c := range d.Sandbox.Counts() {
		r.Open += c.Open
	}
	killed := time.Now()
	victim.kill()
	held := len(settled(d))
	restarted := time.Now()
	if err := victim.start(); err != nil {
		return r, err
	}
	if finished, err := d.Finished(ctx); err != nil || finished {
		return r, errors.Join(err, errors.New("the campaign was finished already; use more --contacts or fewer --rounds"))
	}
	at, err := awaitMessages(ctx, d, held, resumeWithin+10*time.Second)
	if err != nil {
		return r, err
	}
	r.Resumed = at.Sub(restarted)
	if err := awaitBurial(ctx, d); err != nil {
		return r, err
	}
	r.InDoubt, err = d.Node.Database.Store.InDoubtSince(ctx, killed)
	return r, err
}

// settled waits until receivers have taken what was on the wire, and returns
// what they hold.
func settled(d *demo.Demo) []sandbox.Message {
	time.Sleep(300 * time.Millisecond) // receivers answer within 200 ms in this description
	return d.Sandbox.Received()
}

// awaitMessages waits until receivers hold more than a number of messages and
// returns when that was.
func awaitMessages(ctx context.Context, d *demo.Demo, more int, patience time.Duration) (time.Time, error) {
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		if received := d.Sandbox.Received(); len(received) > more {
			return received[more].At, nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
	}
	return time.Time{}, fmt.Errorf("no message arrived within %s", patience)
}

// awaitBurial waits until only living nodes are entered: this one, and the one
// that sends.
func awaitBurial(ctx context.Context, d *demo.Demo) error {
	const living, patience = 2, 30 * time.Second
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		nodes, err := d.Node.Database.Store.Nodes(ctx)
		if err != nil {
			return err
		}
		if len(nodes) <= living {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return fmt.Errorf("the dead node was not buried within %s", patience)
}

func awaitFinish(ctx context.Context, d *demo.Demo) error {
	for deadline := time.Now().Add(finishWithin); time.Now().Before(deadline); {
		finished, err := d.Finished(ctx)
		if err != nil || finished {
			return err
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	names, err := d.NotFinal(ctx, 5)
	return errors.Join(fmt.Errorf("the campaign did not finish within %s; not final, among others: %q", finishWithin, names), err)
}

// conclude counts what became of the campaign.
func conclude(ctx context.Context, d *demo.Demo, result *KillResult) error {
	c, err := d.Node.Database.Store.Campaign(ctx, d.Campaign)
	if err != nil {
		return err
	}
	result.Targeted, result.Delivered, result.Lost = c.Counters.Targeted, c.Counters.Delivered, c.Counters.Targeted-c.Counters.Final()
	seen := make(map[string]bool)
	for _, m := range d.Sandbox.Received() {
		if seen[m.MessageID] {
			result.Duplicated++
		}
		seen[m.MessageID] = true
	}
	result.Findings, err = d.Verify(ctx)
	return err
}

// Wrong returns what the product did that it promises not to do.
func (r KillResult) Wrong() []string {
	var wrong []string
	open := 0
	for i, round := range r.Rounds {
		open += round.Open
		if round.InDoubt > round.Open {
			wrong = append(wrong, fmt.Sprintf("kill %d: %d messages in doubt over %d open connections", i+1, round.InDoubt, round.Open))
		}
		if round.Resumed > resumeWithin {
			wrong = append(wrong, fmt.Sprintf("kill %d: mail flowed again only after %s", i+1, round.Resumed.Round(100*time.Millisecond)))
		}
	}
	if r.Duplicated > open {
		wrong = append(wrong, fmt.Sprintf("%d messages arrived again, with %d connections open at the kills", r.Duplicated, open))
	}
	if r.Lost != 0 {
		wrong = append(wrong, fmt.Sprintf("%d deliveries have no final state", r.Lost))
	}
	for _, f := range r.Findings {
		if !f.Good {
			wrong = append(wrong, append([]string{"not true: " + f.Words}, f.Cases...)...)
		}
	}
	return wrong
}
