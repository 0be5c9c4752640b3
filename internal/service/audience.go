package service

import (
	"context"
	"fmt"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
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
