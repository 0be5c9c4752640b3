package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// The partitions of attempts that lie before the time are never read.
const sqlAllReplies = `
select pr.id, pr.name, a.outcome, a.code, a.class, a.rule, count(*), min(a.at), max(a.at), (array_agg(a.reply order by a.at desc))[1]
  from (select * from attempts where at > $1 order by at desc limit $3) a join providers pr on pr.id = a.provider_id
 group by pr.id, pr.name, a.outcome, a.code, a.class, a.rule
 order by count(*) desc, pr.name limit $2`

// ProviderReplyGroup is what one provider said, counted.
type ProviderReplyGroup struct {
	ProviderID int64
	ReplyGroup
}

// mostReplies bounds how many attempts are grouped for one page.
const mostReplies = 200_000

// AllReplies returns the refusals of all providers since a time, grouped, the
// most frequent first. It looks at the newest 200,000.
func (s *Store) AllReplies(ctx context.Context, since time.Time, limit int) ([]ProviderReplyGroup, error) {
	rows, err := s.pool.Query(ctx, sqlAllReplies, since, limit, mostReplies)
	if err != nil {
		return nil, fmt.Errorf("replies: %w", err)
	}
	groups, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (g ProviderReplyGroup, err error) {
		err = row.Scan(&g.ProviderID, &g.Provider, &g.Outcome, &g.Code, &g.Class, &g.Rule, &g.Count, &g.First, &g.Last, &g.Sample)
		return g, err
	})
	return groups, wrap(err, "replies")
}
