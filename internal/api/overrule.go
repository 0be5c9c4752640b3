package api

import (
	"net/http"
	"time"

	"github.com/headwaymail/headway/internal/service"
)

// HoldBody says how long nothing is sent.
type HoldBody struct {
	For    string    `json:"for,omitzero" doc:"How long, such as 45m, 2h or 3d. Give this or until."`
	Until  time.Time `json:"until,omitzero" doc:"The time at which the hold is over."`
	Note   string    `json:"note,omitzero" doc:"Why, in 140 characters: it is shown beside the hold."`
	Source int64     `json:"source,omitzero" doc:"The source that is meant. Missing: all."`
	DryRun bool      `json:"dry_run,omitzero" doc:"Only say what would follow."`
}

// ReleaseBody ends a hold or a pause.
type ReleaseBody struct {
	Note   string `json:"note,omitzero"`
	Source int64  `json:"source,omitzero" doc:"The source that is meant. Missing: all."`
	DryRun bool   `json:"dry_run,omitzero" doc:"Only say what would follow."`
}

// CapBody sets the highest rate.
type CapBody struct {
	PerSecond float64 `json:"per_second" doc:"Messages a second; 0 lifts the cap."`
	Note      string  `json:"note,omitzero"`
	Source    int64   `json:"source,omitzero" doc:"The source that is meant. Missing: all."`
	DryRun    bool    `json:"dry_run,omitzero" doc:"Only say what would follow."`
}

// ResetBody forgets what was learned.
type ResetBody struct {
	Note   string `json:"note,omitzero"`
	Source int64  `json:"source,omitzero" doc:"The source that is meant. Missing: all."`
	DryRun bool   `json:"dry_run,omitzero" doc:"Only say what would follow."`
}

// Overruled is what a decision by hand leads to.
type Overruled struct {
	Done     bool     `json:"done" doc:"false for a dry run."`
	Words    string   `json:"words" doc:"What follows, in plain words."`
	Changes  bool     `json:"changes" doc:"false when the decision changes nothing."`
	Waiting  int64    `json:"waiting" doc:"Messages that wait for the provider."`
	Ending   int64    `json:"ending" doc:"Of these: that reach the end of their lifetime during the hold."`
	Provider Provider `json:"provider" doc:"The provider as it stands after the call."`
}

// NewOverruled puts a preview, and the provider as it stands now, into the form
// that programs read.
func NewOverruled(p service.Preview, done bool, standing service.ProviderStanding) Overruled {
	return Overruled{Done: done, Words: p.Text(), Changes: !p.Nothing, Waiting: p.Waiting, Ending: p.Ending, Provider: NewProvider(standing)}
}

func holdProvider(c *call) (any, error) {
	b := c.body.(*HoldBody)
	o := service.Overrule{Verb: service.Hold, Until: b.Until, Note: b.Note, Source: b.Source}
	if b.For != "" {
		if !b.Until.IsZero() {
			return nil, &Problem{Status: http.StatusUnprocessableEntity, Code: "invalid_field", Field: "until",
				Detail: "for and until exclude each other: give one of them"}
		}
		span, err := service.ParseSpan(b.For)
		if err != nil {
			return nil, &Problem{Status: http.StatusUnprocessableEntity, Code: "invalid_field", Field: "for", Detail: err.Error()}
		}
		o.Until = c.now.Add(span)
	}
	return overrule(c, o, b.DryRun)
}

func releaseProvider(c *call) (any, error) {
	b := c.body.(*ReleaseBody)
	return overrule(c, service.Overrule{Verb: service.Release, Note: b.Note, Source: b.Source}, b.DryRun)
}

func capProvider(c *call) (any, error) {
	b := c.body.(*CapBody)
	return overrule(c, service.Overrule{Verb: service.Cap, PerSecond: b.PerSecond, Note: b.Note, Source: b.Source}, b.DryRun)
}

func resetProvider(c *call) (any, error) {
	b := c.body.(*ResetBody)
	return overrule(c, service.Overrule{Verb: service.Reset, Note: b.Note, Source: b.Source}, b.DryRun)
}

func overrule(c *call, o service.Overrule, dryRun bool) (any, error) {
	found, err := c.provider()
	if err != nil {
		return nil, err
	}
	var preview service.Preview
	if dryRun {
		preview, err = c.service.Preview(c.Context(), found.ID, o)
	} else {
		preview, err = c.service.Overrule(c.Context(), found.ID, o, c.actor())
	}
	if err != nil {
		return nil, err
	}
	standing, err := c.service.Provider(c.Context(), found.ID)
	if err != nil {
		return nil, err
	}
	return NewOverruled(preview, !dryRun, standing), nil
}
