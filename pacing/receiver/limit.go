package receiver

import (
	"time"

	"github.com/headwaymail/headway/pacing/reply"
)

// Unit is what a limit counts.
type Unit string

// The units of limits.
const (
	Messages    Unit = "messages"    // commands of the limit's phase; the default
	Recipients  Unit = "recipients"  // RCPT commands
	Connections Unit = "connections" // connections
)

// Limit is one bound on how much a provider takes per time. Exactly one of
// Bucket, Clock, Sliding and Shed says how it counts. Each has a rate (a
// window's is its count ÷ its length) that Schedule, Wave, Squeezes and Trust
// may change over time.
//
// It counts the commands of the phase at which it speaks (Answer.Phase), and of
// those only the ones that pass, unless CountRefused. The exception is a limit
// on messages that speaks at connect: that one counts accepted messages and
// refuses new connections while it is exhausted; connections already open go on.
type Limit struct {
	Name   string `yaml:"name"`   // for people; free text
	Counts Unit   `yaml:"counts"` // default messages
	Per    Key    `yaml:"per"`    // default source

	Bucket  *Bucket  `yaml:"bucket"`
	Clock   *Clock   `yaml:"clock"`
	Sliding *Sliding `yaml:"sliding"`
	Shed    *Shed    `yaml:"shed"`

	Schedule []Step    `yaml:"schedule"` // the rate changes at given times, in ascending order
	Wave     *Wave     `yaml:"wave"`     // the rate swings
	Squeezes []Squeeze `yaml:"squeezes"` // the rate is lower at certain clock times
	Trust    *Trust    `yaml:"trust"`    // the rate grows with good conduct

	CountRefused bool      `yaml:"count_refused"` // refused commands are counted too, so that knocking keeps the limit exhausted
	Penalty      *Penalty  `yaml:"penalty"`       // going over it has consequences
	Escalate     *Escalate `yaml:"escalate"`      // clock windows only: too many attempts cost the next window
	Answer       *Refusal  `yaml:"answer"`        // default by kind; see docs/SANDBOX.md
}

// Bucket is a token bucket: full at first, refilled at Rate; each thing takes
// one token. In any time t it lets at most burst + rate × t pass.
type Bucket struct {
	Rate      Rate          `yaml:"rate"`       // > 0
	Burst     float64       `yaml:"burst"`      // tokens that it holds; at least 1
	BurstTime time.Duration `yaml:"burst_time"` // it holds at least this time's worth of Rate; the larger of both counts
}

// Clock is a fixed window: at most Count in each. The windows are aligned to
// the clock, cut from midnight of Zone, whatever the first message's time;
// or Anchored: each begins with the first thing that comes after the one
// before has ended, as Postfix's anvil(8) counts.
type Clock struct {
	Count    int           `yaml:"count"`    // ≥ 1
	Every    time.Duration `yaml:"every"`    // 1s to 24h
	Zone     string        `yaml:"zone"`     // IANA name, e.g. Europe/Warsaw; default UTC
	Anchored bool          `yaml:"anchored"` // windows begin with the first thing that is counted
}

// Sliding is a sliding window: at most Count in any time of length Over.
type Sliding struct {
	Count int           `yaml:"count"` // ≥ 1
	Over  time.Duration `yaml:"over"`  // > 0
}

// Shed sheds load: when more than Rate is offered (refused things included) on
// the average of the last Over, it refuses the share above Rate at random.
type Shed struct {
	Rate Rate          `yaml:"rate"` // > 0
	Over time.Duration `yaml:"over"` // > 0
}

// Step sets the rate from a time on.
type Step struct {
	After time.Duration `yaml:"after"` // after the start
	Rate  Rate          `yaml:"rate"`  // 0 refuses everything
}

// Wave adds Amplitude × cos(2π (t − Shift) ÷ Period) to the rate, t after the start.
// The sum never falls below 0.
type Wave struct {
	Amplitude Rate          `yaml:"amplitude"`
	Period    time.Duration `yaml:"period"` // > 0
	Shift     time.Duration `yaml:"shift"`  // default 0: highest at the start
}

// Squeeze lowers the rate regularly by the clock, for instance in the first
// five minutes of each hour.
type Squeeze struct {
	Every time.Duration `yaml:"every"` // 1s to 24h, cut from midnight of Zone
	At    time.Duration `yaml:"at"`    // offset into Every; default 0
	For   time.Duration `yaml:"for"`   // > 0
	Rate  Rate          `yaml:"rate"`  // the rate meanwhile
	Zone  string        `yaml:"zone"`  // IANA name; default UTC
}

// Trust multiplies the rate as conduct is judged at the end of each period. A
// period is clean when less than Clean of its attempts were refused by this
// limit; a clean period of which more than Used was used raises the rate.
type Trust struct {
	Every    time.Duration `yaml:"every"`    // length of a period; this or Messages
	Messages int           `yaml:"messages"` // a period ends after so many attempts
	Grow     float64       `yaml:"grow"`     // factor after a clean period, > 1; default 1.3
	Max      Rate          `yaml:"max"`      // the rate grows no further
	Shrink   float64       `yaml:"shrink"`   // factor after a dirty period, 0 to 1; default 0.5; never below the limit's own rate
	Clean    Share         `yaml:"clean"`    // default 1%
	Dirty    Share         `yaml:"dirty"`    // above this share refused, the rate shrinks; default 5%
	Used     Share         `yaml:"used"`     // default 50%; not asked with Messages
}

// Penalty is a box: whoever goes over the limit is refused altogether for a while.
type Penalty struct {
	Block  time.Duration `yaml:"block"`  // first stay, > 0
	Extend bool          `yaml:"extend"` // each knock starts the stay again
	Double bool          `yaml:"double"` // each stay is twice as long as the one before …
	Max    time.Duration `yaml:"max"`    // … up to this; default 1h
	Forget time.Duration `yaml:"forget"` // … unless the last offence is older than this; default 1h
	Answer *Refusal      `yaml:"answer"` // while in the box; default: the limit's answer. It may speak at another phase
}

// Escalate blocks the next windows when attempts, refused ones included, in
// one window exceed Attempts.
type Escalate struct {
	Attempts int `yaml:"attempts"` // ≥ 1
	Windows  int `yaml:"windows"`  // default 1
}

// rate is the limit's own rate, before anything changes it, per second.
func (l *Limit) rate() float64 {
	switch {
	case l.Bucket != nil:
		return float64(l.Bucket.Rate)
	case l.Clock != nil:
		return float64(l.Clock.Count) / l.Clock.Every.Seconds()
	case l.Sliding != nil:
		return float64(l.Sliding.Count) / l.Sliding.Over.Seconds()
	case l.Shed != nil:
		return float64(l.Shed.Rate)
	}
	return 0
}

// phase is where the limit speaks.
func (l *Limit) phase() reply.Phase {
	if l.Answer != nil && l.Answer.Phase != "" {
		return l.Answer.Phase
	}
	switch l.Counts {
	case Connections:
		return reply.PhaseConnect
	case Recipients:
		return reply.PhaseRcpt
	}
	return reply.PhaseMail
}

// defaultAnswer is what the limit says when its description does not.
func (l *Limit) defaultAnswer() Refusal {
	switch {
	case l.Counts == Connections:
		return Refusal{Code: 421, Enhanced: "4.7.0", Text: "Connection rate limit exceeded for {source}"}
	case l.Per == PerRecipient:
		return Refusal{Code: 450, Enhanced: "4.2.1", Text: "<{recipient}>: user is receiving mail too quickly"}
	case l.Clock != nil:
		return Refusal{Code: 451, Enhanced: "4.7.1", Text: "Quota of messages exceeded"}
	default:
		return Refusal{Code: 421, Enhanced: "4.7.0", Text: "Too many messages from {source}, slow down"}
	}
}
