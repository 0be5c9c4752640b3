package service

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene/segment"
)

// ErrSegment is the cause of errors in what a person wants as a segment.
var ErrSegment = errors.New("this segment cannot be kept")

// SaveSegment makes a segment (id 0) or changes one, and counts it. A campaign
// that was launched keeps the rule that it was launched with.
func (s *Service) SaveSegment(ctx context.Context, id int64, name string, rule segment.Segment) (int64, error) {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return 0, fmt.Errorf("%w: it needs a name", ErrSegment)
	case len(name) > maxListName:
		return 0, fmt.Errorf("%w: its name has at most %d characters", ErrSegment, maxListName)
	}
	if err := rule.Check(); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrSegment, err)
	}
	if err := rule.CheckValues(); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrSegment, err)
	}
	if err := rule.Each(func(c segment.Condition) error { return s.checkNamed(ctx, c) }); err != nil {
		return 0, err
	}
	return s.Store.SaveSegment(ctx, id, name, rule, now())
}

// checkNamed refuses a condition on a list or campaign that does not exist.
func (s *Service) checkNamed(ctx context.Context, c segment.Condition) error {
	var err error
	switch c.Subject {
	case segment.List:
		_, err = s.Store.ListNamed(ctx, c.Value)
	case segment.Received:
		var id int64
		if id, err = strconv.ParseInt(c.Value, 10, 64); err == nil {
			_, err = s.Store.Campaign(ctx, id)
		}
	}
	if errors.Is(err, postgres.ErrNotFound) {
		return fmt.Errorf("%w: there is no %s %q", ErrSegment, map[segment.Subject]string{segment.List: "list", segment.Received: "campaign with the number"}[c.Subject], c.Value)
	}
	return err
}

// countFresh is how old the count of a segment may be when it is asked for.
const countFresh = time.Minute

// CountSegment returns how many contacts a segment holds, and when that was
// counted: a minute ago at most. Suppressed contacts count too; the audience of a
// campaign says who of them will receive.
func (s *Service) CountSegment(ctx context.Context, g postgres.Segment) (int64, time.Time, error) {
	if at := now(); at.Sub(g.CountedAt) > countFresh {
		n, err := s.Store.CountSegment(ctx, g.Rule, at)
		if err != nil {
			return 0, at, err
		}
		return n, at, s.Store.SetSegmentCount(ctx, g.ID, n, at)
	}
	return g.Count, g.CountedAt, nil
}
