package service

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
)

// RetryPlan says what "Retry failed" would do to a finished campaign.
type RetryPlan struct {
	Campaign int64                 `json:"campaign"`
	States   []postgres.RetryCount `json:"states"`
	Again    int64                 `json:"again"`  // would be queued again
	Barred   int64                 `json:"barred"` // would not: suppressed, unsubscribed or off the lists by now
}

// Words says it in a sentence or two.
func (p RetryPlan) Words() string {
	var parts []string
	for _, s := range p.States {
		if s.Again > 0 {
			parts = append(parts, campaign.WordsForCount(s.Again)+" "+strings.ToLower(s.State.Words()))
		}
	}
	words := "Nothing can be sent again."
	if p.Again > 0 {
		words = strings.Join(parts, ", ") + ": queued and sent again."
	}
	if p.Barred > 0 {
		words += fmt.Sprintf(" %s will not: suppressed, unsubscribed or off the lists by now.", campaign.WordsForCount(p.Barred))
	}
	return words
}

// PlanRetry counts what [Service.Retry] would do, and refuses where it would.
func (s *Service) PlanRetry(ctx context.Context, id int64, states []campaign.DeliveryState) (RetryPlan, error) {
	plan := RetryPlan{Campaign: id}
	c, err := s.Store.Campaign(ctx, id)
	if err != nil {
		return plan, err
	}
	if _, err := c.State.After(campaign.RetryFailed); err != nil {
		return plan, err
	}
	if by := c.Settings.StopBy; !by.IsZero() && !by.After(now()) {
		return plan, fmt.Errorf("the campaign was to stop by %s, which has passed: nothing of it is sent again", by.UTC().Format(time.RFC3339))
	}
	if plan.States, err = s.Store.Retryable(ctx, id, states, now()); err != nil {
		return plan, err
	}
	for _, count := range plan.States {
		plan.Again += count.Again
		plan.Barred += count.Barred
	}
	return plan, nil
}

// Retry queues a finished campaign's deliveries in the given final states again
// and takes it back to sending. Delivered mail and people who must not be mailed
// any more are never among them. The plan says what was done.
func (s *Service) Retry(ctx context.Context, id int64, states []campaign.DeliveryState, by Actor) (RetryPlan, error) {
	plan, err := s.PlanRetry(ctx, id, states)
	if err != nil {
		return plan, err
	}
	if plan.Again == 0 {
		return plan, fmt.Errorf("nothing was changed. %s", plan.Words())
	}
	at := now()
	err = s.Store.Retry(ctx, id, states, at, func(tx pgx.Tx, counts map[campaign.DeliveryState]int64) error {
		plan.Again = 0
		for i := range plan.States {
			plan.States[i].Again = counts[plan.States[i].State]
			plan.Again += plan.States[i].Again
		}
		return s.Store.AddEventTx(ctx, tx, id, postgres.CampaignEvent{At: at, Kind: string(campaign.RetryFailed), Words: "Retried by hand. " + plan.Words()})
	})
	if err != nil {
		return plan, err
	}
	s.figures.retries.forget(id)
	return plan, s.audit(ctx, by, at, "campaign.retry", "campaign "+strconv.FormatInt(id, 10), "", plan)
}
