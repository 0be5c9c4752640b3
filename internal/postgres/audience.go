package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
)

const (
	// What a launch would do now, without doing it.
	sqlAudience = sqlJudgedMembers + `
select fate, case when fate in ('undeliverable', 'held') then why else '' end,
       case when fate = 'will_receive' then coalesce(p.name, '') else '' end, count(*)
  from judged
  join domains d on d.id = judged.domain_id
  left join providers p on p.id = d.provider_id and p.id <> 0
 group by 1, 2, 3`

	sqlMemberships = `
select count(*) from campaign_lists cl join list_members m on m.list_id = cl.list_id and m.since <= $2
 where cl.campaign_id = $1 and not cl.exclude`
)

// AudienceCount is who a campaign would go to if it were launched.
type AudienceCount struct {
	campaign.Audience
	Providers map[string]int64 // who will receive, by provider; "" where none is known yet
}

// CountAudience counts who a campaign would go to if it were launched now.
func (s *Store) CountAudience(ctx context.Context, id int64, now time.Time) (AudienceCount, error) {
	a := AudienceCount{Providers: make(map[string]int64)}
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		var memberships int64
		if err := tx.QueryRow(ctx, sqlMemberships, id, now).Scan(&memberships); err != nil {
			return err
		}
		for cursor := int64(0); ; {
			var edge *int64
			if err := tx.QueryRow(ctx, sqlLaunchEdge, cursor, audienceRange).Scan(&edge); err != nil {
				return err
			}
			if edge == nil {
				break
			}
			if err := a.count(ctx, tx, id, cursor, *edge, now); err != nil {
				return err
			}
			cursor = *edge
		}
		a.Duplicates = max(memberships-a.InLists, 0) // whom only a segment brings is no duplicate
		return nil
	})
	if err != nil {
		return a, fmt.Errorf("audience of campaign %d: %w", id, err)
	}
	return a, nil
}

// audienceRange is the number of contacts that are counted at a time.
const audienceRange = 50_000

// count adds a range of contacts.
func (a *AudienceCount) count(ctx context.Context, tx pgx.Tx, id, after, upto int64, now time.Time) error {
	among, err := chooseRange(ctx, tx, id, after, upto, now, now)
	if err != nil {
		return err
	}
	var (
		fate, why, provider string
		n                   int64
	)
	return eachJudged(ctx, tx, sqlAudience, among.args(), []any{&fate, &why, &provider, &n}, func() error {
		judged(&a.Audience, fate, why, n)
		if fate == "will_receive" {
			a.Providers[provider] += n
		}
		return nil
	})
}

// judged adds contacts of one fate to the waterfall.
func judged(audience *campaign.Audience, fate, why string, n int64) {
	audience.InLists += n
	switch fate {
	case "excluded":
		audience.Excluded += n
	case "unsubscribed":
		audience.Unsubscribed += n
	case "unconfirmed":
		audience.Unconfirmed += n
	case "suppressed":
		audience.Suppressed += n
	case "undeliverable":
		audience.Undeliverable += n
		audience.Because(why, n)
	case "held":
		audience.Held += n
		audience.Because(why, n)
	case "stopped":
		audience.Held += n
		audience.Because("file_stopped", n)
	case "will_receive":
		audience.WillReceive += n
	}
}
