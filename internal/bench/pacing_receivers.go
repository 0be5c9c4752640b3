package bench

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/sandbox"
	"github.com/headwaymail/headway/pacing/simulate"
)

// wish is what is asked of a run.
type wish struct{ goodput, refused float64 }

// coldWishes are asked of the first run at the receivers of the cold start, and
// warmWish of the run from what that one learned.
var (
	coldWishes = map[string]wish{"C1": {0.93, 20}, "C2": {0.96, 20}, "C3": {0.92, 20}}
	warmWish   = wish{0.95, 5}
)

// measureReceivers plays three simulated receivers at the same time over real
// sockets: a node that knows nothing, and, after its restart, a node that goes on
// from what the first has saved.
func measureReceivers(ctx context.Context, o PacingOptions, result *PacingResult) (err error) {
	scenarios, err := simulate.Named("C")
	if err != nil {
		return err
	}
	stage, err := openStage(ctx, o, scenarios, 2)
	if err != nil {
		return err
	}
	defer func() { err = closing(err, stage.ground.close) }()
	sender, err := stage.ground.sender()
	if err != nil {
		return err
	}
	for _, run := range []string{"cold", "warm"} {
		figures, err := stage.play(ctx, run, o.Run, func(context.Context) error { return sender.start() }, sender.stop)
		if err != nil {
			return err
		}
		for i := range figures {
			figures[i].Part = PacingReceivers
			want := warmWish
			if run == "cold" {
				want = coldWishes[figures[i].Receiver]
			}
			figures[i].WantGoodput, figures[i].WantRefused = want.goodput, want.refused
		}
		result.judge(figures...)
		writeFigures(o.Out, fmt.Sprintf("Simulated receivers over real sockets, %s", run), figures)
	}
	return nil
}

// closing joins an error with that of an end.
func closing(err error, end func() error) error {
	if ended := end(); err == nil {
		return ended
	}
	return err
}

// stage is a ground with simulated receivers, and what they saw.
type stage struct {
	ground    *ground
	journal   *pacingJournal
	scenarios []simulate.Scenario
}

// openStage makes a stage with mail enough for a number of runs.
func openStage(ctx context.Context, o PacingOptions, scenarios []simulate.Scenario, runs int) (*stage, error) {
	file := &sandbox.File{Seed: 1}
	readers := make(map[string]int)
	for i := range scenarios {
		s := &scenarios[i]
		domain := domainOf(s.Name)
		file.Providers = append(file.Providers, sandbox.Provider{Name: s.Name, Domains: []string{domain},
			Hosts: sandbox.Hosts{Count: max(s.Hosts.Count, 1)}, Spec: s.Spec})
		start := time.Now()
		most := possible(s.Spec, start, start.Add(o.Run))
		readers[domain] = int(float64(runs)*most*1.1) + 200
	}
	g, err := openGround(ctx, o.Binary, o.Config, o.Log, file, 0)
	if err != nil {
		return nil, err
	}
	s := &stage{ground: g, journal: newPacingJournal(g.sandbox), scenarios: scenarios}
	return s, closeOnError(g, g.fill(ctx, readers))
}

// closeOnError closes a ground that is of no use.
func closeOnError(g *ground, err error) error {
	if err != nil {
		return closing(err, g.close)
	}
	return nil
}

// aligned is from which length on a run begins and ends with a minute of the
// clock. A window that is cut by the end of a run gives an all-knowing sender a
// whole window's mail in a moment, which says nothing about anybody.
const aligned = time.Minute

// play begins a run with start, lets it last, and returns a figure for each
// receiver. The time that the processes take to start counts as part of the run.
func (s *stage) play(ctx context.Context, name string, length time.Duration, start func(context.Context) error, stop func() error) ([]PacingFigure, error) {
	if length >= aligned {
		if err := sleepUntil(ctx, time.Now().Truncate(aligned).Add(aligned)); err != nil {
			return nil, err
		}
	}
	from := time.Now()
	if length >= aligned {
		from = from.Truncate(aligned)
	}
	to := from.Add(length)
	if err := start(ctx); err != nil {
		return nil, err
	}
	if err := sleepUntil(ctx, to); err != nil {
		return nil, err
	}
	load := loadAverage()
	if err := stop(); err != nil {
		return nil, err
	}
	figures := make([]PacingFigure, len(s.scenarios))
	for i := range s.scenarios {
		f := PacingFigure{Run: name, Receiver: s.scenarios[i].Name, Title: title(s.scenarios[i]), Sender: "Headway",
			From: from, To: to, Load: load, Possible: possible(s.scenarios[i].Spec, from, to)}
		s.journal.count(&f)
		if err := decisions(ctx, s.ground.office.Database.Store, &f); err != nil {
			return nil, err
		}
		figures[i] = f
	}
	return figures, nil
}

// title names what a receiver limits, with the time of a message where lanes are
// the limit.
func title(s simulate.Scenario) string {
	words := strings.TrimSuffix(s.Title, ", cold") // the name of their table, not of the run
	if len(s.Lanes) > 0 {
		words += fmt.Sprintf(", %s a message", messageTime(&s.Spec))
	}
	return words
}
