package service

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
)

// DeferredRetry says what making due what was put off would do, or did.
type DeferredRetry struct {
	Provider  string            `json:"provider,omitempty"` // key of the only one that is meant
	Name      string            `json:"-"`                  // the same for people
	Messages  int64             `json:"messages"`
	Providers []postgres.PutOff `json:"providers"` // the most first
	Campaigns int               `json:"campaigns"`
}

// Words says it in a sentence or two.
func (r DeferredRetry) Words() string {
	where := "at " + r.Name
	if r.Provider == "" {
		where = "anywhere"
	}
	if r.Messages == 0 {
		return "Nothing is put off " + where + " that is not due already."
	}
	if r.Provider == "" {
		where = "at " + campaign.WordsForCount(int64(len(r.Providers))) + " provider"
		if len(r.Providers) != 1 {
			where += "s"
		}
	}
	words := campaign.WordsForCount(r.Messages) + " messages that were put off " + where + " are"
	if r.Messages == 1 {
		words = "1 message that was put off " + where + " is"
	}
	return words + " due now instead of later."
}

// PlanRetryDeferred counts what [Service.RetryDeferred] would do at a provider, or
// at all (0).
func (s *Service) PlanRetryDeferred(ctx context.Context, provider int64) (DeferredRetry, error) {
	plan, _, err := s.planRetryDeferred(ctx, provider)
	return plan, err
}

func (s *Service) planRetryDeferred(ctx context.Context, provider int64) (DeferredRetry, []int64, error) {
	plan := DeferredRetry{Providers: []postgres.PutOff{}}
	if provider != 0 {
		known, err := s.Store.Provider(ctx, provider)
		if err != nil {
			return plan, nil, err
		}
		plan.Provider, plan.Name = known.Key, known.Name
	}
	live, err := s.Store.LiveCampaigns(ctx)
	if err != nil {
		return plan, nil, err
	}
	var campaigns []int64
	at := now()
	for _, c := range live {
		if c.System || c.Counters.Deferred == 0 {
			continue
		}
		found, err := s.Store.PutOff(ctx, c.ID, provider, at)
		if err != nil {
			return plan, nil, err
		}
		if len(found) > 0 {
			campaigns = append(campaigns, c.ID)
		}
		plan.add(found)
	}
	plan.Campaigns = len(campaigns)
	slices.SortFunc(plan.Providers, func(a, b postgres.PutOff) int {
		return cmp.Or(cmp.Compare(b.Messages, a.Messages), cmp.Compare(a.Name, b.Name))
	})
	return plan, campaigns, nil
}

// add adds what was put off of one more campaign.
func (r *DeferredRetry) add(found []postgres.PutOff) {
	for _, p := range found {
		r.Messages += p.Messages
		i := slices.IndexFunc(r.Providers, func(known postgres.PutOff) bool { return known.Provider == p.Provider })
		if i < 0 {
			r.Providers = append(r.Providers, p)
			continue
		}
		r.Providers[i].Messages += p.Messages
	}
}

// RetryDeferred makes what was put off due now, at a provider or at all (0), of
// every campaign that is sending or paused. It overrules nothing: holds, paces and
// sending hours decide when it goes out, each try counts, and what is not delivered
// in its lifetime expires as before. The answer says how many messages were made
// due.
func (s *Service) RetryDeferred(ctx context.Context, provider int64, by Actor) (DeferredRetry, error) {
	plan, campaigns, err := s.planRetryDeferred(ctx, provider)
	if err != nil || plan.Messages == 0 {
		return plan, err
	}
	at := now()
	plan.Messages = 0
	for _, id := range campaigns {
		n, err := s.Store.RetryDeferred(ctx, id, provider, at)
		plan.Messages += n
		if err != nil {
			return plan, err
		}
	}
	if err := s.Store.Notify(ctx, "campaign"); err != nil {
		return plan, err
	}
	subject := "everything that was put off"
	if provider != 0 {
		subject = fmt.Sprintf("what was put off at provider %s", plan.Provider)
	}
	return plan, s.audit(ctx, by, at, "queue.retry", subject, "", plan)
}
