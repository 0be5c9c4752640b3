package service

import (
	"context"
	"fmt"
	"os"
	"sort"
	"time"

	"github.com/headwaymail/headway/internal/jobs"
	"github.com/headwaymail/headway/pacing/reply"
)

// ReplyRules returns the rules of replies: those of the file, which may be empty,
// before the built-in ones.
func ReplyRules(file string) (*reply.Rules, error) {
	if file == "" {
		return reply.Default(), nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("replies.rules: %w", err)
	}
	defer func() { _ = f.Close() }()
	own, err := reply.Load(f)
	if err != nil {
		return nil, fmt.Errorf("replies.rules: %s: %w", file, err)
	}
	rules, err := reply.Default().With(own)
	if err != nil {
		return nil, fmt.Errorf("replies.rules: %s: %w", file, err)
	}
	return rules, nil
}

// UnknownReply is a text that no rule knows, with all replies that differ from it
// only in addresses, names and numbers.
type UnknownReply struct {
	Provider string    `json:"provider"`
	Phase    string    `json:"phase"`
	Code     int       `json:"code"`
	Times    int       `json:"times"`
	Last     time.Time `json:"last"`
	Example  string    `json:"example"`
}

// mostUndecided bounds how many replies are grouped.
const mostUndecided = 20_000

// UnknownReplies lists the replies since a time that no rule decided, the most
// frequent first. Those that a newer rule decides are left out.
func (s *Service) UnknownReplies(ctx context.Context, since time.Time) ([]UnknownReply, error) {
	rules, err := ReplyRules(s.Config.Replies.Rules)
	if err != nil {
		return nil, err
	}
	list, err := s.Store.UndecidedReplies(ctx, since, mostUndecided)
	if err != nil {
		return nil, err
	}
	groups := make(map[string]*UnknownReply)
	for _, u := range list {
		r := reply.Parse(reply.Phase(u.Phase), u.Reply)
		if rules.Classify(u.Provider, r).Rule != reply.Fallback {
			continue
		}
		key := fmt.Sprint(u.Provider, u.Phase, u.Code, reply.Shape(r))
		g := groups[key]
		if g == nil {
			g = &UnknownReply{Provider: u.Provider, Phase: u.Phase, Code: u.Code, Last: u.At, Example: u.Reply}
			groups[key] = g
		}
		g.Times++
	}
	sorted := make([]UnknownReply, 0, len(groups))
	for _, g := range groups {
		sorted = append(sorted, *g)
	}
	sort.Slice(sorted, func(i, j int) bool {
		if sorted[i].Times != sorted[j].Times {
			return sorted[i].Times > sorted[j].Times
		}
		return sorted[i].Last.After(sorted[j].Last)
	})
	return sorted, nil
}

// Reclassify judges the refusals since a time again by the rules of today. A dry
// run only counts; else a job corrects the ledger and the suppressions, and the
// figures say what it is going to do.
func (s *Service) Reclassify(ctx context.Context, since time.Time, dryRun bool) (jobs.Reclassified, error) {
	rules, err := ReplyRules(s.Config.Replies.Rules)
	if err != nil {
		return jobs.Reclassified{}, err
	}
	sum, err := jobs.Reclassify(ctx, s.Store, rules, since, false)
	if err != nil || dryRun {
		return sum, err
	}
	return sum, s.Queue.AskReclassify(ctx, since)
}
