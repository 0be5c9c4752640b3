package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// faultPause is how long a receiver takes over a message, so that messages
	// are under way whenever something happens.
	faultPause = 20 * time.Millisecond
	// longPause is the same where the fault takes a while to come about.
	longPause = 200 * time.Millisecond
	// clockPause is the same where lanes must come and go meanwhile.
	clockPause = 2 * time.Second
	// faultsAtOnce bounds how many scenes are played at the same time.
	faultsAtOnce = 3
	// frozenPostgres and frozenNode are how long a process stands still.
	frozenPostgres = 30 * time.Second
	frozenNode     = time.Minute
	// namesAway is how long DNS does not answer: longer than answers are kept.
	namesAway = 20 * time.Second
	// recoverWithin bounds the wait for the first message after the trouble.
	recoverWithin = 3 * time.Minute
)

// faultScenes are the faults that a campaign must survive. kills is how often
// the sender is killed.
func faultScenes(kills int) []ledgerScene {
	return []ledgerScene{
		{name: "kill", title: fmt.Sprintf("SIGKILL of the sender, %d times", kills), direct: true, pause: faultPause,
			meanwhile: func(r *ledgerRun, ctx context.Context) error { return r.killMany(ctx, kills) }},
		{name: "node", title: "SIGKILL of one of three nodes", direct: true, pause: faultPause, nodes: 3, meanwhile: (*ledgerRun).killNode},
		{name: "stop", title: "immediate stop of Postgres", direct: true, pause: faultPause, meanwhile: (*ledgerRun).stopPostgres},
		{name: "freeze", title: "Postgres stands still for 30 s", direct: true, pause: faultPause, meanwhile: (*ledgerRun).freezePostgres},
		{name: "vanish", title: "all receivers vanish for 12 s", direct: true, pause: faultPause, meanwhile: (*ledgerRun).die},
		{name: "silent", title: "DNS says nothing for 20 s", direct: true, pause: faultPause, ownNames: true,
			meanwhile: func(r *ledgerRun, ctx context.Context) error { return r.shutNames(ctx, namesSilent) }},
		{name: "servfail", title: "DNS says SERVFAIL for 20 s", direct: true, pause: faultPause, ownNames: true,
			meanwhile: func(r *ledgerRun, ctx context.Context) error { return r.shutNames(ctx, namesFail) }},
		{name: "sigstop", title: "SIGSTOP of one of two nodes for a minute", direct: true, pause: faultPause, nodes: 2, meanwhile: (*ledgerRun).freezeNode},
		{name: "nul", title: "replies with NUL and invalid UTF-8", direct: true, pause: faultPause, answer: garbled},
		{name: "disk", title: "disk full on Postgres' volume for 20 s", direct: true, pause: longPause, answer: garbled, volume: true, meanwhile: (*ledgerRun).fillDisk},
		{name: "clock", title: "Postgres' clock jumps an hour each way", direct: true, pause: clockPause, answer: garbled, ownClock: true, meanwhile: (*ledgerRun).jumpPostgres},
		{name: "nodeclock", title: "the sender's clock jumps an hour each way", direct: true, pause: clockPause, answer: garbled, wrongNode: true,
			meanwhile: (*ledgerRun).jumpNode},
		{name: "relay", title: "relay down at the start", pause: faultPause, down: true, meanwhile: (*ledgerRun).rise},
		{name: "resume", title: "relay dies midway, resumed while it is down", pause: faultPause, meanwhile: (*ledgerRun).die},
	}
}

// Faults plays a campaign through each fault and counts at the receivers.
func Faults(ctx context.Context, o LedgerOptions, kills int) ([]LedgerRow, error) {
	scenes, err := chosen(faultScenes(kills), o.Only)
	if err != nil {
		return nil, err
	}
	if o.Volume != "" {
		if err := mountVolume(o.Volume); err != nil {
			return []LedgerRow{{Name: scenes[0].name, Title: scenes[0].title, NotRun: err.Error()}}, nil
		}
	}
	rows := make([]LedgerRow, len(scenes))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(faultsAtOnce)
	for i, scene := range scenes {
		group.Go(func() error {
			var err error
			play := scene.play
			if scene.volume && o.Volume == "" {
				play = scene.playOnVolume
			}
			if rows[i], err = play(ctx, o, i); err != nil {
				rows[i].Wrong = append(rows[i].Wrong, err.Error())
			}
			fmt.Fprintf(o.Out, "%s is over after %.0f s\n", scene.name, rows[i].Took.Seconds())
			return ctx.Err()
		})
	}
	return rows, group.Wait()
}

// part waits until a share of the mail has arrived.
func (r *ledgerRun) part(ctx context.Context, share float64) error {
	return await(ctx, ledgerWithin, "the mail to flow", func() (bool, error) {
		_, held := r.sink.count()
		return float64(held) >= share*float64(r.row.Targeted), nil
	})
}

// flows waits for the next message and notes how long that took.
func (r *ledgerRun) flows(ctx context.Context) error {
	since := time.Now()
	before, _ := r.sink.count()
	err := await(ctx, recoverWithin, "mail to flow again", func() (bool, error) {
		messages, _ := r.sink.count()
		return messages > before || messages >= r.row.Targeted, nil
	})
	r.row.Recovered = max(r.row.Recovered, time.Since(since))
	return err
}

func (r *ledgerRun) killMany(ctx context.Context, times int) error {
	for n := range times {
		if err := r.part(ctx, 0.1+0.7*float64(n)/float64(times)); err != nil {
			return err
		}
		r.row.Open += r.sink.open()
		r.sender.kill()
		if err := r.sender.start(); err != nil {
			return err
		}
		if err := r.flows(ctx); err != nil {
			return err
		}
	}
	return nil
}

// killNode kills one of several for good. The others go on at once; that what it
// held arrives, too, is seen at the end.
func (r *ledgerRun) killNode(ctx context.Context) error {
	if err := r.part(ctx, 0.3); err != nil {
		return err
	}
	r.row.Open += r.sink.open()
	r.all[1].kill()
	return r.flows(ctx)
}

// stopPostgres ends Postgres at once. The office, whose own it is, starts it again;
// what counts is the time without mail.
func (r *ledgerRun) stopPostgres(ctx context.Context) error {
	if err := r.part(ctx, 0.3); err != nil {
		return err
	}
	pid, err := r.ground.postmaster()
	if err != nil {
		return err
	}
	r.row.Open += r.sink.open()
	r.sink.listen()
	if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil { // what pg_ctl stop -m immediate sends
		return err
	}
	for _, away := range []bool{true, false} {
		if err := await(ctx, recoverWithin, "Postgres to end and to come back", func() (bool, error) {
			_, err := r.ground.office.Database.Store.Clock(ctx)
			return (err != nil) == away, nil
		}); err != nil {
			return err
		}
	}
	err = r.flows(ctx)
	r.row.Recovered = r.sink.silence()
	return err
}

func (r *ledgerRun) freezePostgres(ctx context.Context) error {
	if err := r.part(ctx, 0.3); err != nil {
		return err
	}
	pid, err := r.ground.postmaster()
	if err != nil {
		return err
	}
	r.row.Open += r.sink.open()
	frozen := family(pid)
	var problems []error
	for _, p := range frozen {
		problems = append(problems, signal(p.pid, syscall.SIGSTOP))
	}
	problems = append(problems, sleepUntil(ctx, time.Now().Add(frozenPostgres)))
	for _, p := range frozen {
		problems = append(problems, signal(p.pid, syscall.SIGCONT))
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	return r.flows(ctx)
}

// signal sends a signal to a process that may have ended by itself.
func signal(pid int, s syscall.Signal) error {
	if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal %s to %d: %w", s, pid, err)
	}
	return nil
}

func (r *ledgerRun) freezeNode(ctx context.Context) error {
	if err := r.part(ctx, 0.3); err != nil {
		return err
	}
	r.row.Open += r.sink.open()
	pid := r.all[1].process.Process.Pid
	if err := signal(pid, syscall.SIGSTOP); err != nil {
		return err
	}
	err := errors.Join(r.flows(ctx), sleepUntil(ctx, time.Now().Add(frozenNode)))
	return errors.Join(err, signal(pid, syscall.SIGCONT))
}

func (r *ledgerRun) shutNames(ctx context.Context, mood int32) error {
	if err := r.part(ctx, 0.2); err != nil {
		return err
	}
	r.names.mood.Store(mood)
	if err := sleepUntil(ctx, time.Now().Add(namesAway)); err != nil {
		return err
	}
	r.names.mood.Store(namesAnswer)
	return r.flows(ctx)
}

// garbled answers one in five recipients once with what no server should say.
func garbled() func(string) string {
	var mu sync.Mutex
	seen := make(map[string]bool)
	return func(recipient string) string {
		mu.Lock()
		defer mu.Unlock()
		if seen[recipient] || mood(recipient) != busyOnce {
			return ""
		}
		seen[recipient] = true
		return "450 4.2.0 Mailbox \x00busy\xff\xfe, \xc3\x28 try again later"
	}
}
