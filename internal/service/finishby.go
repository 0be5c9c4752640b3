package service

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
)

// Late is what will not be done at one provider by the time a campaign should
// finish.
type Late struct {
	Provider int64     `json:"provider"`
	Name     string    `json:"name"`
	Messages int64     `json:"messages"`
	Done     time.Time `json:"done_at"`
}

// Late returns the providers that will not be done by a time, the most
// messages first. Nothing is said of providers of which too little is known.
func (e Estimates) Late(by time.Time) []Late {
	if by.IsZero() {
		return nil
	}
	var late []Late
	for id, p := range e.Providers {
		if n := p.Late(by); n > 0 && !p.Early {
			late = append(late, Late{Provider: id, Name: e.names[id], Messages: n, Done: p.Done})
		}
	}
	slices.SortFunc(late, func(a, b Late) int {
		if a.Messages != b.Messages {
			return int(max(min(b.Messages-a.Messages, 1), -1))
		}
		return strings.Compare(a.Name, b.Name)
	})
	return late
}

// Promise says in words whether a campaign will finish by the time that was
// set, or "" without such a time or before anything can be said.
func (l Live) Promise() string {
	c := l.Campaign
	by := c.Settings.FinishBy
	if by.IsZero() || c.State.Final() {
		return ""
	}
	when := campaign.WordsForStart(by, c.TimeZone, l.At)
	late := l.Estimates.Late(by)
	switch {
	case !by.After(l.At):
		return fmt.Sprintf("It should have finished %s; %s.", when, messages(c.Counters.Waiting(), "is left", "are left"))
	case c.State != campaign.Sending || l.Estimates.At.IsZero(): // not foreseen, or not yet
		return fmt.Sprintf("To finish by %s.", when)
	case len(late) == 0 && l.Estimates.Whole.Early:
		return fmt.Sprintf("To finish by %s: too early to say whether it will.", when)
	case len(late) == 0:
		return fmt.Sprintf("Will finish by %s.", when)
	}
	return fmt.Sprintf("Will not finish by %s: %s. No pace is exceeded for it.", when, lateWords(late))
}

// lateNamed is how many late providers are named.
const lateNamed = 3

func lateWords(late []Late) string {
	var named []string
	var rest int64
	for i, l := range late {
		if i < lateNamed {
			named = append(named, fmt.Sprintf("%s at %s", messages(l.Messages, "will be late", "will be late"), l.Name))
		} else {
			rest += l.Messages
		}
	}
	words := strings.Join(named, ", ")
	if rest > 0 {
		words += fmt.Sprintf(", and %d at %d more providers", rest, len(late)-lateNamed)
	}
	return words
}

func messages(n int64, one, many string) string {
	if n == 1 {
		return "1 message " + one
	}
	return fmt.Sprintf("%d messages %s", n, many)
}

// KeepPromises looks at every campaign that should finish by a time. Where it
// will be late at a provider that it shares with others, it becomes urgent:
// its share grows, and no pace is exceeded. What cannot be helped is said once
// in its feed.
func (s *Service) KeepPromises(ctx context.Context) error {
	live, err := s.Store.LiveCampaigns(ctx)
	if err != nil {
		return err
	}
	for _, c := range live {
		if c.State != campaign.Sending || c.Settings.FinishBy.IsZero() || !c.LaunchDone {
			continue
		}
		if err := s.keepPromise(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) keepPromise(ctx context.Context, c postgres.Campaign) error {
	l, err := s.Live(ctx, c.ID)
	if err != nil {
		return err
	}
	late := l.Estimates.Late(c.Settings.FinishBy)
	if len(late) == 0 {
		return nil
	}
	loads, err := s.Store.Loads(ctx)
	if err != nil {
		return err
	}
	shared := slices.ContainsFunc(late, func(p Late) bool {
		there := slices.DeleteFunc(slices.Clone(loads), func(l postgres.Load) bool { return l.Provider != p.Provider })
		return len(rivals(there, c.ID, l.At)) > 0
	})
	if shared && c.Weight < WeightUrgent {
		words := fmt.Sprintf("Made urgent, to finish by the time that was set: %s. Other campaigns wait longer; no pace is exceeded.", lateWords(late))
		return s.Store.RaiseWeight(ctx, c.ID, WeightUrgent, postgres.CampaignEvent{At: l.At, Kind: "urgent", Words: words})
	}
	return s.Store.AddEvent(ctx, c.ID, postgres.CampaignEvent{At: l.At, Kind: "late", Words: l.Promise()}, true)
}
