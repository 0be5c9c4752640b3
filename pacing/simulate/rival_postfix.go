package simulate

import (
	"math/rand/v2"
	"time"

	"github.com/headwaymail/headway/pacing"
)

// postfix is the destination concurrency scheduler of Postfix (README_FILES/
// SCHEDULER_README): only failures before MAIL count against a destination; a
// 4xx at MAIL, RCPT or DATA counts as success. Windows of 5 to 20; a
// destination whose cohorts fail is dead for 300 s.
type postfix struct {
	plain
	window             int
	good, bad, cohorts float64
	perWindow          bool // feedback 1/N instead of 1
	cohortLimit        float64
	dead               time.Duration
}

const (
	postfixStart = 5
	postfixMost  = 20
	postfixDead  = 300 * time.Second
)

func newPostfix(rng *rand.Rand, perWindow bool, cohortLimit float64) *postfix {
	return &postfix{plain: plain{rng: rng, first: 300 * time.Second, most: 4000 * time.Second},
		window: postfixStart, perWindow: perWindow, cohortLimit: cohortLimit}
}

func (p *postfix) feedback() float64 {
	if p.perWindow {
		return 1 / float64(p.window)
	}
	return 1
}

func (p *postfix) Lanes(now time.Duration, _ int) (int, time.Duration) {
	if now < p.dead {
		return 0, p.dead
	}
	return p.window, now
}

func (p *postfix) Permit(now time.Duration) (Permit, time.Duration, bool) {
	return p.grant(now, hardRate, 5)
}

func (p *postfix) Wake(now time.Duration) time.Duration {
	if now < p.dead {
		return p.dead
	}
	return never
}

func (p *postfix) Report(now time.Duration, o Outcome) {
	switch o.Kind {
	case pacing.Accepted, pacing.Refused:
		p.succeed()
	case pacing.OpenRefused:
		p.fail(now)
	}
}

func (p *postfix) succeed() {
	p.cohorts = 0
	if p.window >= postfixMost {
		return
	}
	f := p.feedback()
	for p.good += f; p.good+f/2 >= 1; p.good-- {
		p.window++
		p.bad = 0
	}
	p.window = min(p.window, postfixMost)
}

func (p *postfix) fail(now time.Duration) {
	if now < p.dead {
		return
	}
	p.cohorts += 1 / float64(p.window)
	if p.cohorts >= p.cohortLimit {
		p.dead = now + postfixDead
		p.window, p.good, p.bad, p.cohorts = postfixStart, 0, 0, 0
		return
	}
	f := p.feedback()
	for p.bad -= f; p.bad-f/2 < 0; p.bad++ {
		p.window--
		p.good = 0
	}
	p.window = max(p.window, 1)
}
