package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/headwaymail/headway/internal/config"
)

// PacingPart is one of the things that Pacing measures.
type PacingPart string

// The parts, in the order in which they are measured.
const (
	PacingReceivers PacingPart = "receivers" // simulated receivers, cold and from what was learned
	PacingServers   PacingPart = "servers"   // the throttles of real mail servers, with Postfix as the other sender
	PacingNodes     PacingPart = "nodes"     // several nodes on one database
	PacingKill      PacingPart = "kill"      // SIGKILL in a hold and in the middle of a window
)

// PacingParts are all parts.
var PacingParts = []PacingPart{PacingReceivers, PacingServers, PacingNodes, PacingKill}

// PacingOptions say what is measured and for how long.
type PacingOptions struct {
	Binary string        // path of the headway binary
	Run    time.Duration // of each run; there are several in every part
	Parts  []PacingPart  // nil: all
	Nodes  []int         // how many nodes, each in a run of its own; the first is what others are compared with
	Exim   string        // path of exim4 in the folder that its package was unpacked into; empty: installed
	Config config.Config
	Log    *slog.Logger
	Out    io.Writer // a table for each part, as soon as it is there
}

// PacingFigure is what one sender achieved at one receiver in one run.
type PacingFigure struct {
	Part     PacingPart `json:"part"`
	Run      string     `json:"run"`      // cold, warm, "2 nodes", …
	Receiver string     `json:"receiver"` // name
	Title    string     `json:"title"`    // what it limits
	Sender   string     `json:"sender"`   // Headway, or a rival

	From     time.Time     `json:"from"`
	To       time.Time     `json:"to"`
	First    time.Duration `json:"first"`    // from the start of the processes to the first message accepted; -1 without one
	Accepted int           `json:"accepted"` // messages
	Possible float64       `json:"possible"` // what an all-knowing sender could have had accepted; 0 when unknown
	Refused  int           `json:"refused"`  // refusals that such a sender would not have met
	Load     string        `json:"load"`     // load average of the machine at the end

	Work int           `json:"work,omitempty"` // messages to send in all; 0: without end
	Done time.Duration `json:"done,omitempty"` // until all work was accepted; 0: it was not

	WantGoodput float64 `json:"want_goodput,omitempty"` // least goodput, 0 to 1; 0: no wish
	WantRefused float64 `json:"want_refused,omitempty"` // most refusals per 1,000; 0: no wish

	Slices []PacingSlice `json:"slices,omitempty"` // of ten seconds each
	Noes   []PacingNo    `json:"noes,omitempty"`   // every refusal, with what the receiver had seen before it
	Events []PacingEvent `json:"events,omitempty"` // what the pacer decided meanwhile
}

// PacingSlice is ten seconds at a receiver.
type PacingSlice struct {
	Accepted int `json:"accepted"`
	Refused  int `json:"refused"`
}

// PacingNo is one refusal, and how much the receiver had let in just before: a
// limit of 50/s that refuses after 80 messages in a second saw a burst, whatever
// the pacer thought that it sent.
type PacingNo struct {
	At      time.Time `json:"at"`
	Words   string    `json:"words"`
	Cause   string    `json:"cause"`
	Open    int       `json:"open"`    // connections then
	Second  int       `json:"second"`  // messages begun in the second before
	Seconds int       `json:"seconds"` // in the ten seconds before
}

// PacingEvent is a decision of the pacer.
type PacingEvent struct {
	At     time.Time  `json:"at"`
	Kind   string     `json:"kind"`
	Was    float64    `json:"was"`
	Now    float64    `json:"now"`
	Reason string     `json:"reason"`
	Reply  string     `json:"reply,omitempty"`
	Until  *time.Time `json:"until,omitempty"`
}

// Goodput is the share of what was possible, 0 to about 1.
func (f PacingFigure) Goodput() float64 {
	if f.Possible == 0 {
		return 0
	}
	return float64(f.Accepted) / f.Possible
}

// PerThousand is the number of refusals per 1,000 attempts.
func (f PacingFigure) PerThousand() float64 {
	if f.Accepted+f.Refused == 0 {
		return 0
	}
	return 1000 * float64(f.Refused) / float64(f.Accepted+f.Refused)
}

// Missed reports whether a wish was not fulfilled.
func (f PacingFigure) Missed() bool {
	return f.WantGoodput > 0 && f.Goodput() < f.WantGoodput || f.WantRefused > 0 && f.PerThousand() > f.WantRefused
}

// PacingResult is everything that was measured.
type PacingResult struct {
	Figures []PacingFigure `json:"figures"`
	Wrong   []string       `json:"wrong"` // wishes that were not fulfilled
	NotRun  []string       `json:"not_run,omitempty"`
}

// Pacing measures how fast mail travels through the whole product to receivers
// that limit it, and how often they say no. Its error says what could not be
// done; what the product did not reach is in the result.
func Pacing(ctx context.Context, o PacingOptions) (PacingResult, error) {
	var result PacingResult
	measure := map[PacingPart]func(context.Context, PacingOptions, *PacingResult) error{
		PacingReceivers: measureReceivers,
		PacingServers:   measureServers,
		PacingNodes:     measureNodes,
		PacingKill:      measureKill,
	}
	parts := o.Parts
	if parts == nil {
		parts = PacingParts
	}
	for _, part := range parts {
		run, known := measure[part]
		if !known {
			return result, fmt.Errorf("there is no part %q; there are %v", part, PacingParts)
		}
		if err := run(ctx, o, &result); err != nil {
			return result, fmt.Errorf("measure %s: %w", part, err)
		}
	}
	return result, nil
}

// judge adds figures to the result, and what they missed to its wrongs.
func (r *PacingResult) judge(figures ...PacingFigure) {
	for _, f := range figures {
		r.Figures = append(r.Figures, f)
		if f.Missed() {
			r.Wrong = append(r.Wrong, fmt.Sprintf("%s %s, %s: goodput %.1f %% (wanted %s), %.1f refusals per 1,000 (wanted %s)",
				f.Receiver, f.Title, f.Run, 100*f.Goodput(), orDash(100*f.WantGoodput, "≥ %.1f"), f.PerThousand(), orDash(f.WantRefused, "≤ %.1f")))
		}
	}
}
