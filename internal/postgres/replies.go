package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/listhygiene/bounce"
	"github.com/headwaymail/headway/pacing/reply"
)

const (
	// Index: attempts_undecided.
	sqlUndecided = `
select p.key, a.phase, a.code, a.enhanced, a.reply, a.at
  from attempts a join providers p on p.id = a.provider_id
 where a.rule in ('fallback', '') and a.at > $1 and a.reply <> ''
 order by a.at desc
 limit $2`

	// Refusals that ended a delivery, and what they are held to mean. The
	// suppression is the one that rests on this refusal.
	sqlDecidedSince = `
select a.at, a.ledger_id, a.delivery_id, a.campaign_id, a.contact_id, a.provider_id, coalesce(p.key, ''), a.node_id = 0, a.host, a.phase,
       a.reply, a.class, a.bounce, a.rule, d.domain_id, d.state::text, d.state = 'bounced' and camp.state in ('sending', 'paused'),
       exists (select from suppressions s where s.key = c.address_key and s.kind = 'address' and s.reason = 'bounced'
                  and s.scope = 'global' and (s.evidence->>'campaign')::bigint = a.campaign_id)
  from attempts a
  join contacts c on c.id = a.contact_id
  join deliveries d on d.ledger_id = a.ledger_id and d.id = a.delivery_id
  join campaigns camp on camp.id = a.campaign_id
  left join providers p on p.id = a.provider_id
 where a.at > $1 and a.outcome = 'bounced' and (a.at, a.delivery_id) > ($2, $3)
 order by a.at, a.delivery_id
 limit $4`

	sqlRename = `update attempts set class = $4, bounce = $5, rule = $6 where delivery_id = $1 and at = $2 and campaign_id = $3`

	sqlRenameDelivery = `update deliveries set class = $3 where ledger_id = $1 and id = $2 and state = 'bounced'`

	sqlLiftBounce = `
delete from suppressions s using contacts c
 where c.id = $1 and s.key = c.address_key and s.kind = 'address' and s.reason = 'bounced' and s.scope = 'global'
   and (s.evidence->>'campaign')::bigint = $2`

	sqlUnclean = `update contacts set status = 'active', status_since = $2, updated_at = $2 where id = $1 and status = 'cleaned'`

	// Tried again, from the beginning of its lifetime.
	sqlSendAgain = `
with changed as (
    update deliveries set state = 'queued', due_at = $3, first_attempt_at = null, updated_at = $3
     where ledger_id = $1 and id = $2 and state = 'bounced'
    returning *
), waits as (
    insert into mail_queue
    select ` + sqlQueueColumns + ` from changed d
)
select true from changed`
)

// Undecided is a reply that no rule decided.
type Undecided struct {
	Provider string
	Phase    string
	Code     int
	Enhanced string
	Reply    string
	At       time.Time
}

// UndecidedReplies returns replies that no rule decided, the newest first.
func (s *Store) UndecidedReplies(ctx context.Context, since time.Time, limit int) ([]Undecided, error) {
	rows, err := s.pool.Query(ctx, sqlUndecided, since, limit)
	if err != nil {
		return nil, fmt.Errorf("undecided replies: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Undecided])
	return list, wrap(err, "undecided replies")
}

// Decided is a refusal that ended a delivery, and what it was held to mean.
type Decided struct {
	At         time.Time
	Ledger     int32
	Delivery   int64
	Campaign   int64
	Contact    int64
	Provider   int64
	Key        string // of the provider
	Later      bool   // it came in a report, after the message had been accepted
	Host       string
	Phase      string
	Reply      string
	Class      string
	Bounce     string
	Rule       string
	Domain     int64
	State      campaign.DeliveryState
	Live       bool // its campaign still sends
	Suppressed bool // because of this refusal
}

// DecidedSince returns refusals that ended deliveries, in order, after the one
// with the time and delivery given.
func (s *Store) DecidedSince(ctx context.Context, since, after time.Time, delivery int64, limit int) ([]Decided, error) {
	rows, err := s.pool.Query(ctx, sqlDecidedSince, since, after, delivery, limit)
	if err != nil {
		return nil, fmt.Errorf("refusals since %s: %w", since, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Decided])
	return list, wrap(err, "refusals")
}

// Correction is what a better rule changes about a refusal.
type Correction struct {
	Decided
	Meaning   reply.Meaning
	Effect    bounce.Effect
	Lift      bool // the suppression that rests on it
	Suppress  bool
	SendAgain bool
}

// Correct carries corrections out in one transaction.
func (s *Store) Correct(ctx context.Context, list []Correction, now time.Time) error {
	return wrap(s.InTx(ctx, func(tx pgx.Tx) error {
		sums := newChanges()
		for _, c := range list {
			if err := correctOne(ctx, tx, c, sums, now); err != nil {
				return err
			}
		}
		return sums.apply(ctx, tx, false)
	}), "correct refusals")
}

func correctOne(ctx context.Context, tx pgx.Tx, c Correction, sums changes, now time.Time) error {
	batch := &pgx.Batch{}
	batch.Queue(sqlRename, c.Delivery, c.At, c.Campaign, string(c.Meaning.Class), string(c.Meaning.Bounce), c.Meaning.Rule)
	batch.Queue(sqlRenameDelivery, c.Ledger, c.Delivery, string(c.Meaning.Bounce))
	if c.Lift {
		batch.Queue(sqlLiftBounce, c.Contact, c.Campaign)
		batch.Queue(sqlUnclean, c.Contact, now)
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	if c.SendAgain {
		var queued bool
		err := tx.QueryRow(ctx, sqlSendAgain, c.Ledger, c.Delivery, now).Scan(&queued)
		if err == nil {
			sums.move(c.Campaign, c.Provider, c.Domain, campaign.Bounced, campaign.Queued, false)
		} else if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
	}
	if !c.Suppress {
		return nil
	}
	o := Outcome{Campaign: c.Campaign, Contact: c.Contact, Domain: c.Domain, Provider: c.Provider, At: c.At, Host: c.Host,
		Reply: reply.Parse(reply.Phase(c.Phase), c.Reply), Meaning: c.Meaning}
	return suppress(ctx, tx, []condemnation{{outcome: o, effect: c.Effect}})
}
