package web

import (
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/pacing/estimate"
)

// end is when a campaign will be done, and what that hangs on.
type end struct {
	estimate.Whole
	Words     string         `json:"words"`              // "about 14:20 UTC"
	Short     string         `json:"-"`                  // "14:20"
	Sentences string         `json:"sentences"`          // all that is known of it
	FinishBy  time.Time      `json:"finish_by,omitzero"` // when it should be done
	Promise   string         `json:"promise,omitempty"`  // whether it will
	Late      []service.Late `json:"late,omitempty"`     // who will not
}

func newEnd(l service.Live) *end {
	c := l.Campaign
	by := c.Settings.FinishBy
	if c.State.Final() || c.State != campaign.Sending && by.IsZero() {
		return nil
	}
	e := &end{Whole: l.Estimates.Whole, FinishBy: by, Promise: l.Promise(), Late: l.Estimates.Late(by)}
	if e.Left > 0 {
		e.Words, e.Short, e.Sentences = e.End(l.At), e.Whole.Short(l.At), e.Whole.Sentences(l.At)
	}
	return e
}

// providerEnd is when one provider's part will be done.
type providerEnd struct {
	*estimate.Estimate
	Words  string `json:"words"`
	Figure string `json:"-"` // the same for a figure: "14:20"
}

func newProviderEnd(e *estimate.Estimate, now time.Time) *providerEnd {
	if e == nil || e.Left == 0 {
		return nil
	}
	return &providerEnd{Estimate: e, Words: e.End(now), Figure: e.Short(now)}
}
