package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// What of a campaign waits at each provider, the most first, and when the
	// first of what was put off is tried again. Indexes: campaign_providers_pkey, and
	// mail_queue_due, once for each.
	sqlQueue = `
select p.provider_id, pr.name, p.queued, p.deferred,
       (select q.due_at from mail_queue q
         where q.campaign_id = $1 and q.provider_id = p.provider_id and q.deferred
         order by q.due_at, q.delivery_id limit 1)
  from campaign_providers p join providers pr on pr.id = p.provider_id
 where p.campaign_id = $1 and p.queued + p.deferred > 0
 order by p.queued + p.deferred desc, pr.name limit $2`

	// When the message that was put off longest was tried first. Index:
	// mail_queue_ageing.
	sqlQueueAge = `
select first_attempt_at from mail_queue where campaign_id = $1 and deferred order by first_attempt_at limit 1`
)

// QueueLine is what of a campaign waits at a provider.
type QueueLine struct {
	Provider int64 // 0 stands for domains that are being looked up
	Name     string
	Queued   int64      // not tried yet
	Deferred int64      // tried, to be tried again
	Next     *time.Time // when the first of these is tried again; nil without one
}

// Queue is what of a campaign waits.
type Queue struct {
	Lines  []QueueLine // the most first
	Oldest time.Time   // when the message that was put off longest was tried first; zero without one
}

// Sums adds up what waits: not tried yet, and to be tried again.
func (q Queue) Sums() (queued, deferred int64) {
	for _, l := range q.Lines {
		queued += l.Queued
		deferred += l.Deferred
	}
	return queued, deferred
}

// Queue returns what of a campaign waits at the most providers that are wanted.
func (s *Store) Queue(ctx context.Context, id int64, most int) (q Queue, err error) {
	rows, err := s.pool.Query(ctx, sqlQueue, id, most)
	if err != nil {
		return q, wrap(err, fmt.Sprintf("queue of campaign %d", id))
	}
	if q.Lines, err = pgx.CollectRows(rows, pgx.RowToStructByPos[QueueLine]); err != nil {
		return q, wrap(err, fmt.Sprintf("queue of campaign %d", id))
	}
	var oldest *time.Time
	if err = s.pool.QueryRow(ctx, sqlQueueAge, id).Scan(&oldest); err == pgx.ErrNoRows {
		err = nil
	}
	q.Oldest = nullAsZero(oldest)
	return q, wrap(err, fmt.Sprintf("queue of campaign %d", id))
}
