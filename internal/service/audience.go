package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene/segment"
)

// audienceAge is how old a count may be that is shown again.
const audienceAge = 15 * time.Second

// AudienceView is who would receive a campaign.
type AudienceView struct {
	postgres.AudienceCount
	At    time.Time // when it was counted
	Known bool      // false while it is being counted for the first time
}

// Audience counts who a campaign would go to if it were launched now, waiting for
// at most a while: on large lists the count comes later, and Known is false until
// then.
func (s *Service) Audience(ctx context.Context, id int64, wait time.Duration) (AudienceView, error) {
	counted, err := s.audiences.take(ctx, s.life, id, audienceAge, wait, func(ctx context.Context) (postgres.AudienceCount, error) {
		return s.Store.CountAudience(ctx, id, now())
	})
	if err != nil {
		return AudienceView{}, fmt.Errorf("count the audience: %w", err)
	}
	return AudienceView{AudienceCount: counted.Value, At: counted.At, Known: counted.Known}, nil
}

// ErrBothWays says that a list or segment is included and excluded.
var ErrBothWays = errors.New("choose one")

// SaveAudience stores whom a draft goes to, and whom it leaves out. based is the
// mark of the choice that was changed, empty for whichever is there; the error is a
// [*postgres.AudienceOvertaken] when somebody else was quicker.
func (s *Service) SaveAudience(ctx context.Context, id int64, a postgres.AudienceChoice, based string, by Actor) error {
	for _, part := range []struct {
		kind    string
		in, out []string
	}{{"list", a.Lists, a.Exclude}, {"segment", a.Segments, a.ExcludeSegments}} {
		for _, name := range part.in {
			if slices.Contains(part.out, name) {
				return fmt.Errorf("the %s %q is both chosen and left out: %w", part.kind, name, ErrBothWays)
			}
		}
	}
	if err := s.Store.SaveAudience(ctx, id, a, based, now()); err != nil {
		return err
	}
	s.audiences.forget(id)
	return s.auditCampaign(ctx, by, "audience", id)
}

// receivedName is how many characters of a campaign's name are part of that of
// the segment of those who received it.
const receivedName = 40

// ReceivedSegment returns the name of the segment of those who received a
// campaign, which is made when it is asked for the first time.
func (s *Service) ReceivedSegment(ctx context.Context, id int64) (string, error) {
	c, err := s.Store.Campaign(ctx, id)
	if err != nil {
		return "", err
	}
	found, err := s.Store.Segments(ctx)
	if err != nil {
		return "", err
	}
	for _, g := range found {
		if g.Rule.OnlyReceived() == id {
			return g.Name, nil
		}
	}
	name := fmt.Sprintf("Received %s (no. %d)", cut(c.Name, receivedName), id)
	_, err = s.SaveSegment(ctx, 0, name, segment.ReceivedBy(id))
	return name, err
}
