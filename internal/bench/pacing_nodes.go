package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/headwaymail/headway/pacing/simulate"
)

// shareReceivers are R03, R06 and R09 of the simulator with their hours made
// minutes: a bucket, a window of the clock, a penalty box.
const shareReceivers = `
providers:
  - name: R03
    title: bucket 10/s
    limits: [{bucket: {rate: 10/s, burst: 50}}]
  - name: R06
    title: 240 each 2 minutes
    limits: [{clock: {count: 240, every: 2m}, answer: {code: 421, enhanced: 4.7.0, text: "Message limit exceeded"}}]
  - name: R09
    title: penalty above 8/s
    limits:
      - sliding: {count: 80, over: 10s}
        penalty: {block: 20s, extend: true, double: true, max: 2m, forget: 5m}
`

const (
	// shareGoodput is how much of one node's goodput several must reach.
	shareGoodput = 0.97
	// shareRefused is how many times one node's refusals several may meet.
	shareRefused = 1.5
	// shareNothing are refusals per 1,000 that nobody would count: one node
	// may have been lucky and met none.
	shareNothing = 0.5
)

// measureNodes sends to three receivers from one node, and again, with nothing
// known, from several on one database. Sharing must be free.
func measureNodes(ctx context.Context, o PacingOptions, result *PacingResult) error {
	scenarios, err := simulate.Load(strings.NewReader(shareReceivers))
	if err != nil {
		return err
	}
	var alone []PacingFigure
	for _, n := range o.Nodes {
		figures, err := playNodes(ctx, o, scenarios, n)
		if err != nil {
			return fmt.Errorf("%d nodes: %w", n, err)
		}
		for i := range figures {
			figures[i].Part = PacingNodes
			if alone != nil {
				figures[i].WantGoodput = shareGoodput * alone[i].Goodput()
				figures[i].WantRefused = max(shareRefused*alone[i].PerThousand(), shareNothing)
			}
		}
		if alone == nil {
			alone = figures
		}
		result.judge(figures...)
		writeFigures(o.Out, fmt.Sprintf("%d nodes on one database", n), figures)
	}
	return nil
}

func playNodes(ctx context.Context, o PacingOptions, scenarios []simulate.Scenario, n int) (figures []PacingFigure, err error) {
	s, err := openStage(ctx, o, scenarios, 1)
	if err != nil {
		return nil, err
	}
	defer func() { err = closing(err, s.ground.close) }()
	senders := make([]*victim, n)
	for i := range senders {
		if senders[i], err = s.ground.sender(); err != nil {
			return nil, err
		}
	}
	start := func(context.Context) error {
		for _, sender := range senders {
			if err := sender.start(); err != nil {
				return err
			}
		}
		return nil
	}
	stop := func() error {
		var problems []error
		for _, sender := range senders {
			problems = append(problems, sender.stop())
		}
		return errors.Join(problems...)
	}
	return s.play(ctx, fmt.Sprintf("%d nodes", n), o.Run, start, stop)
}
