package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/headwaymail/headway/pacing/simulate"
)

// killReceivers are one that puts the pacer into a hold with the time at which
// it will take mail again, and one whose window of the clock is counted.
const killReceivers = `
providers:
  - name: KH
    title: 60 a minute, with a hint
    limits: [{clock: {count: 60, every: 1m}, answer: {code: 451, enhanced: 4.7.1, text: "Message limit exceeded", hint: true}}]
  - name: KW
    title: 240 each 2 minutes
    limits: [{clock: {count: 240, every: 2m}, answer: {code: 421, enhanced: 4.7.0, text: "Message limit exceeded"}}]
`

const (
	// deadFor is how long nothing runs after a kill.
	deadFor = 5 * time.Second
	// holdLeft is how much of a hold must be left at the kill, so that the node
	// is up again before it ends.
	holdLeft = 12 * time.Second
	// killRun is the shortest run that has room for both kills.
	killRun = 2 * windowLength
	// killLoss is how many points of goodput the kills may cost.
	killLoss = 0.01
	// countOff is how wrong the count of a window may be after a kill.
	countOff = 0.01
	// windowQuota is what KW takes in a window of its clock, which is so long.
	windowQuota  = 240
	windowLength = 2 * time.Minute
	// onTheWire is how long what was sent before a kill takes to be counted.
	onTheWire = 2 * time.Second
)

// pacingKill is what one kill of the node showed.
type pacingKill struct {
	at    time.Time // of the kill
	until time.Time // the time that the hold had saved; zero without a hold
	ahead float64   // how many messages KW took before the kill that the pacer had not counted
}

// measureKill runs the same mail twice at the same time: one node is left alone,
// the other is killed with SIGKILL in a hold and again in the middle of a
// window, and started again after five seconds each time.
func measureKill(ctx context.Context, o PacingOptions, result *PacingResult) (err error) {
	if o.Run < killRun {
		result.NotRun = append(result.NotRun, fmt.Sprintf("kill: a hold and two windows need %g minutes", killRun.Minutes()))
		return nil
	}
	scenarios, err := simulate.Load(strings.NewReader(killReceivers))
	if err != nil {
		return err
	}
	stages := make([]*stage, 2)
	for i := range stages {
		s, err := openStage(ctx, o, scenarios, 1)
		if err != nil {
			return err
		}
		defer func() { err = closing(err, s.ground.close) }()
		stages[i] = s
	}
	figures := make([][]PacingFigure, 2)
	group, running := errgroup.WithContext(ctx)
	for i, s := range stages {
		group.Go(func() (err error) {
			figures[i], err = s.playKill(running, o, i == 1, result)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i := range figures[1] {
		figures[1][i].WantGoodput = figures[0][i].Goodput() - killLoss
	}
	for _, f := range figures {
		result.judge(f...)
		writeFigures(o.Out, "SIGKILL in a hold and in a window: "+f[0].Run, f)
	}
	return nil
}

// playKill plays one of the two runs, with or without kills.
func (s *stage) playKill(ctx context.Context, o PacingOptions, kill bool, result *PacingResult) ([]PacingFigure, error) {
	sender, err := s.ground.sender()
	if err != nil {
		return nil, err
	}
	name := "left alone"
	var killing error
	var kills []pacingKill
	done := make(chan struct{})
	start := func(ctx context.Context) error {
		defer func() {
			go func() {
				defer close(done)
				if kill {
					kills, killing = s.kills(ctx, sender, o.Run)
				}
			}()
		}()
		return sender.start()
	}
	if kill {
		name = "killed twice"
	}
	figures, err := s.play(ctx, name, o.Run, start, func() error { <-done; return sender.stop() })
	if err != nil {
		return nil, err
	}
	if killing != nil {
		return nil, killing
	}
	for i := range figures {
		figures[i].Part = PacingKill
	}
	if kill {
		s.judgeKills(kills, result)
		if err := s.judgeCount(ctx, kills[len(kills)-1], o, result); err != nil {
			return nil, err
		}
	}
	return figures, nil
}

// kills waits for a hold at KH, kills, and kills again in the middle of a window
// of KW.
func (s *stage) kills(ctx context.Context, sender *victim, run time.Duration) ([]pacingKill, error) {
	from := time.Now()
	var hold pacingKill
	err := await(ctx, run/2, "a hold at KH", func() (bool, error) {
		paces, err := s.ground.office.Service.Paces(ctx)
		for _, p := range paces {
			if p.Name == domainOf("KH") && p.Pace.Mode == "hold" && time.Until(p.Pace.HoldUntil) > holdLeft {
				hold.until = p.Pace.HoldUntil
				return true, nil
			}
		}
		return false, err
	})
	if err != nil {
		return nil, err
	}
	if err := s.killOnce(ctx, sender, &hold); err != nil {
		return nil, err
	}
	// By the second half of the run the pacer knows the window and spreads its
	// mail over it.
	var window pacingKill
	if err := sleepUntil(ctx, from.Add(run/2)); err != nil {
		return nil, err
	}
	if window.ahead, err = s.untilMiddle(ctx); err != nil {
		return nil, err
	}
	if err := s.killOnce(ctx, sender, &window); err != nil {
		return nil, err
	}
	return []pacingKill{hold, window}, nil
}

func (s *stage) killOnce(ctx context.Context, sender *victim, k *pacingKill) error {
	k.at = time.Now()
	sender.kill()
	if err := sleepUntil(ctx, k.at.Add(deadFor)); err != nil {
		return err
	}
	return sender.start()
}

// judgeKills looks for knocks before the time that a hold had saved.
func (s *stage) judgeKills(kills []pacingKill, result *PacingResult) {
	for _, k := range kills {
		if k.until.IsZero() {
			continue
		}
		if early := s.journal.knocks("KH", k.at.Add(onTheWire), k.until); len(early) > 0 {
			result.Wrong = append(result.Wrong, fmt.Sprintf("KH: killed at %s in a hold until %s, the receiver was asked %d times before that, first at %s",
				k.at.Format(time.TimeOnly), k.until.Format(time.TimeOnly), len(early), early[0].Format(time.TimeOnly)))
		}
	}
}

// judgeCount compares what the pacer counted at KW with what the receiver took,
// after the last kill against just before it.
func (s *stage) judgeCount(ctx context.Context, last pacingKill, o PacingOptions, result *PacingResult) error {
	ahead, err := s.ahead(ctx)
	if err != nil {
		return err
	}
	off := math.Abs(ahead-last.ahead) / windowQuota
	begun := s.journal.knocks("KW", last.at.Add(-time.Second), last.at)
	words := fmt.Sprintf("KW: killed at %s in the middle of a window, with %d messages begun in the second before: the pacer's count is off by %.0f messages, %.1f %% of the quota",
		last.at.Format(time.TimeOnly), len(begun), math.Abs(ahead-last.ahead), 100*off)
	fmt.Fprintf(o.Out, "\n%s (wanted at most %g %%)\n", words, 100*countOff)
	if off > countOff {
		result.Wrong = append(result.Wrong, words)
	}
	return nil
}

// untilMiddle returns in the middle of a window of KW, while mail flows: about
// half of the quota is used. It also returns the smallest difference that was seen
// until then: the pacer counts a little later than the receiver.
func (s *stage) untilMiddle(ctx context.Context) (float64, error) {
	least := math.Inf(1)
	err := await(ctx, 3*windowLength, "the middle of a window at KW", func() (bool, error) {
		ahead, err := s.ahead(ctx)
		least = min(least, ahead)
		now := time.Now()
		used := len(s.journal.knocks("KW", now.Truncate(windowLength), now))
		return used > 0.4*windowQuota && used < 0.7*windowQuota, err
	})
	return least, err
}

// ahead is how many messages KW took that the pacer has not counted.
func (s *stage) ahead(ctx context.Context) (float64, error) {
	paces, err := s.ground.office.Database.Store.Paces(ctx)
	if err != nil {
		return 0, err
	}
	for _, p := range paces {
		if p.Name != domainOf("KW") {
			continue
		}
		var state struct {
			Total float64 `json:"total"`
		}
		if err := json.Unmarshal(p.State, &state); err != nil {
			return 0, fmt.Errorf("the pace of KW: %w", err)
		}
		return float64(len(s.journal.taken("KW"))) - state.Total - float64(p.Passed), nil
	}
	return 0, errors.New("no pace of KW is stored")
}
