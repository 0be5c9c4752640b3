package service

import (
	"context"
	"encoding/json"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
)

// figures are what takes a while on large installations, and is remembered. Every
// one is counted from rows; see [slow].
type figures struct {
	lists     slow[struct{}, []postgres.ListCounts]
	segments  slow[segmentKey, SegmentFigures]
	replies   slow[replyKey, []postgres.ReplyGroup]
	everyone  slow[time.Duration, AllReplies]
	domains   slow[domainsKey, []postgres.DomainCounters]
	throttled slow[int64, map[int64]int64]
	ends      slow[int64, Estimates]
	retries   slow[int64, RetryPlan]
	undos     slow[int64, postgres.UndoPlan]
	actions   slow[actionKey, ListPreview]
	delivery  slow[ReportScope, []postgres.DeliveryLine]
}

// ListCounts returns the members of all lists by status. It looks at every
// membership: on large lists the figures come later, see [Aged]. A list that was
// made meanwhile is missing.
func (s *Service) ListCounts(ctx context.Context, wait time.Duration) (Aged[[]postgres.ListCounts], error) {
	return s.figures.lists.take(ctx, s.life, struct{}{}, 0, wait, s.Store.ListCounts)
}

// segmentKey is a segment as it stood when it was counted.
type segmentKey struct {
	id   int64
	rule string
}

// SegmentFigures are the contacts that a segment holds.
type SegmentFigures struct {
	Count int64
	First []postgres.Found
}

// SegmentFigures counts the contacts of a segment, suppressed ones too. It looks
// at every contact: with many of them the figures come later, see [Aged]; until
// then the last count that was stored is known.
func (s *Service) SegmentFigures(ctx context.Context, g postgres.Segment, wait time.Duration) (Aged[SegmentFigures], error) {
	rule, err := json.Marshal(g.Rule)
	if err != nil {
		return Aged[SegmentFigures]{}, err
	}
	found, err := s.figures.segments.take(ctx, s.life, segmentKey{g.ID, string(rule)}, 0, wait, func(ctx context.Context) (f SegmentFigures, err error) {
		at := now()
		if f.Count, err = s.Store.CountSegment(ctx, g.Rule, at); err != nil {
			return f, err
		}
		if f.First, err = s.Store.SegmentFirst(ctx, g.Rule, at); err != nil {
			return f, err
		}
		if err = s.Store.MarkSuppressed(ctx, f.First, at); err != nil {
			return f, err
		}
		return f, s.Store.SetSegmentCount(ctx, g.ID, f.Count, at)
	})
	if err == nil && !found.Known && !g.CountedAt.IsZero() {
		found.Value.Count, found.At, found.Known = g.Count, g.CountedAt, true
	}
	return found, err
}

// replyKey names refusals: of a campaign, or of a provider in the last while.
type replyKey struct {
	campaign, provider int64
	most               int
}

// CampaignReplies returns the refusals of a campaign grouped, the most frequent
// first. It looks at every attempt that failed: of a large campaign the groups
// come later, see [Aged].
func (s *Service) CampaignReplies(ctx context.Context, id int64, most int, wait time.Duration) (Aged[[]postgres.ReplyGroup], error) {
	return s.figures.replies.take(ctx, s.life, replyKey{campaign: id, most: most}, 0, wait, func(ctx context.Context) ([]postgres.ReplyGroup, error) {
		return s.Store.ReplyGroups(ctx, id, most)
	})
}

// ProviderReplies returns the refusals of a provider in the last span grouped, the
// most frequent first; of a busy one they come later, see [Aged].
func (s *Service) ProviderReplies(ctx context.Context, id int64, span time.Duration, most int, wait time.Duration) (Aged[[]postgres.ReplyGroup], error) {
	return s.figures.replies.take(ctx, s.life, replyKey{provider: id, most: most}, 0, wait, func(ctx context.Context) ([]postgres.ReplyGroup, error) {
		return s.Store.ProviderReplies(ctx, id, now().Add(-span), most)
	})
}

// domainsKey names the largest domains of a campaign.
type domainsKey struct {
	campaign int64
	most     int
}

// CampaignDomains returns a campaign's totals at its largest domains. It looks at
// the counters of every domain: of a large campaign they come later, see [Aged].
func (s *Service) CampaignDomains(ctx context.Context, id int64, most int, wait time.Duration) (Aged[[]postgres.DomainCounters], error) {
	return s.figures.domains.take(ctx, s.life, domainsKey{id, most}, 0, wait, func(ctx context.Context) ([]postgres.DomainCounters, error) {
		return s.Store.DomainCounters(ctx, id, most)
	})
}

// AllReplies are the refusals of all providers in a span.
type AllReplies struct {
	Unknown []UnknownReply
	Groups  []postgres.ProviderReplyGroup
}

// AllReplies returns the refusals of all providers in the last span grouped, and
// those among them that no rule knows; where there are many they come later, see
// [Aged].
func (s *Service) AllReplies(ctx context.Context, span time.Duration, most int, wait time.Duration) (Aged[AllReplies], error) {
	return s.figures.everyone.take(ctx, s.life, span, 0, wait, func(ctx context.Context) (all AllReplies, err error) {
		since := now().Add(-span)
		if all.Unknown, err = s.UnknownReplies(ctx, since); err != nil {
			return all, err
		}
		all.Groups, err = s.Store.AllReplies(ctx, since, most)
		return all, err
	})
}

// throttledWait is how long a look at a campaign waits for the count of 421s; of a
// large one the count of a moment ago is shown.
const throttledWait = 30 * time.Millisecond

// throttled returns how often each provider answered 421 to a campaign.
func (s *Service) throttled(ctx context.Context, id int64) (map[int64]int64, error) {
	counts, err := s.figures.throttled.take(ctx, s.life, id, 0, throttledWait, func(ctx context.Context) (map[int64]int64, error) {
		return s.Store.Throttled(ctx, id)
	})
	return counts.Value, err
}

// RetryFigures are what [Service.PlanRetry] finds of all that can be sent again;
// of a large campaign they come later, see [Aged].
func (s *Service) RetryFigures(ctx context.Context, id int64, wait time.Duration) (Aged[RetryPlan], error) {
	return s.figures.retries.take(ctx, s.life, id, 0, wait, func(ctx context.Context) (RetryPlan, error) {
		return s.PlanRetry(ctx, id, campaign.Retryable())
	})
}

// UndoFigures are what [Service.UndoPlan] finds; of a large import they come
// later, see [Aged].
func (s *Service) UndoFigures(ctx context.Context, id int64, wait time.Duration) (Aged[postgres.UndoPlan], error) {
	return s.figures.undos.take(ctx, s.life, id, 0, wait, func(ctx context.Context) (postgres.UndoPlan, error) { return s.UndoPlan(ctx, id) })
}

// actionKey names an action on a list.
type actionKey struct {
	list   int64
	action ListAction
}

// ListFigures are what [Service.PreviewListAction] finds; of a large list they
// come later, see [Aged].
func (s *Service) ListFigures(ctx context.Context, list int64, action ListAction, wait time.Duration) (Aged[ListPreview], error) {
	return s.figures.actions.take(ctx, s.life, actionKey{list, action}, 0, wait, func(ctx context.Context) (ListPreview, error) {
		return s.PreviewListAction(ctx, list, action)
	})
}
