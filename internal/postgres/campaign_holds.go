package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	sqlHoldCampaign = `
insert into campaign_holds (campaign_id, provider_id, since, until, reply) values ($1, $2, $3, $4, $5)
    on conflict (campaign_id, provider_id) do update set until = excluded.until, reply = excluded.reply
 where campaign_holds.until <= $3 or campaign_holds.until < excluded.until - interval '1 minute'
returning since`

	// Whoever moves the end of the hold has the one message that tries.
	sqlKnockForCampaign = `
update campaign_holds set until = $4 where campaign_id = $1 and provider_id = $2 and until <= $3`

	sqlReleaseCampaign = `delete from campaign_holds where campaign_id = $1 and provider_id = $2`

	sqlCampaignHolds = `
select campaign_id, provider_id, since, until, reply from campaign_holds where until > $1 order by campaign_id, provider_id`
)

// CampaignHold keeps a campaign's mail back at one provider, which takes its
// content for spam. Other campaigns go on there, and this one elsewhere.
type CampaignHold struct {
	Campaign int64
	Provider int64
	Since    time.Time
	Until    time.Time // then one message tries
	Reply    string    // what the provider said
}

// HoldCampaign begins or prolongs a hold, and tells the campaign's feed and the
// provider's. It returns false when another node was quicker.
func (s *Store) HoldCampaign(ctx context.Context, h CampaignHold, source int64, e CampaignEvent, p PaceEvent) (bool, error) {
	held := true
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sqlHoldCampaign, h.Campaign, h.Provider, h.Since, h.Until, h.Reply)
		if err != nil {
			return err
		}
		if held = tag.RowsAffected() == 1; !held {
			return nil
		}
		return tellHold(ctx, tx, h.Campaign, h.Provider, source, e, p)
	})
	if err != nil {
		return false, fmt.Errorf("hold campaign %d at provider %d: %w", h.Campaign, h.Provider, err)
	}
	return held, nil
}

// KnockForCampaign takes the right to send the one message that tries whether a
// hold is over; it comes free again at the given time. It returns false when
// another lane has it.
func (s *Store) KnockForCampaign(ctx context.Context, campaign, provider int64, now, until time.Time) (bool, error) {
	tag, err := s.pool.Exec(ctx, sqlKnockForCampaign, campaign, provider, now, until)
	if err != nil {
		return false, fmt.Errorf("knock for campaign %d at provider %d: %w", campaign, provider, err)
	}
	return tag.RowsAffected() == 1, nil
}

// ReleaseCampaign ends a hold, and tells both feeds.
func (s *Store) ReleaseCampaign(ctx context.Context, campaign, provider, source int64, e CampaignEvent, p PaceEvent) error {
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sqlReleaseCampaign, campaign, provider)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return tellHold(ctx, tx, campaign, provider, source, e, p)
	})
	if err != nil {
		return fmt.Errorf("release campaign %d at provider %d: %w", campaign, provider, err)
	}
	return nil
}

func tellHold(ctx context.Context, tx pgx.Tx, campaign, provider, source int64, e CampaignEvent, p PaceEvent) error {
	batch := &pgx.Batch{}
	batch.Queue(sqlInsertEvent, campaign, e.At, e.Kind, e.Words)
	batch.Queue(sqlInsertPaceEvents, p.At, source, provider, p.Kind, p.Was, p.Now, p.Reason, p.Reply, p.Until)
	batch.Queue(sqlNotify, fmt.Sprintf("campaign %d", campaign))
	return tx.SendBatch(ctx, batch).Close()
}

// CampaignHolds returns the holds that last longer than now.
func (s *Store) CampaignHolds(ctx context.Context, now time.Time) ([]CampaignHold, error) {
	rows, err := s.pool.Query(ctx, sqlCampaignHolds, now)
	if err != nil {
		return nil, fmt.Errorf("campaign holds: %w", err)
	}
	holds, err := pgx.CollectRows(rows, pgx.RowToStructByPos[CampaignHold])
	if err != nil {
		return nil, fmt.Errorf("campaign holds: %w", err)
	}
	return holds, nil
}
