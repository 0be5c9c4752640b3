package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/listhygiene/bounce"
)

const (
	// What a provider answered lately, and how it usually does. Index: the
	// primary keys.
	sqlBreakers = `
select m.provider_id, p.name, sum(m.attempts)::bigint, sum(m.bad_mailboxes)::bigint, sum(m.bounced)::bigint,
       (select share from provider_means n where n.provider_id = m.provider_id and n.at > $3),
       exists (select from provider_breakers b where b.provider_id = m.provider_id and b.opened_at > $2)
  from provider_minutes m join providers p on p.id = m.provider_id
 where m.provider_id = any($1) and m.minute > $2
 group by m.provider_id, p.name`

	sqlMean = `
insert into provider_means (provider_id, share, at)
select $1, coalesce(sum(bounced)::float8 / nullif(sum(attempts), 0), 0), $3
  from provider_minutes where provider_id = $1 and minute > $2 and minute < $3::timestamptz - interval '1 hour'
on conflict (provider_id) do update set share = excluded.share, at = excluded.at
returning share`

	sqlOpenBreaker = `
insert into provider_breakers as b (provider_id, campaign_id, opened_at, words)
values ($1, $2, $3, $4)
on conflict (provider_id) do update
   set campaign_id = excluded.campaign_id, opened_at = excluded.opened_at, words = excluded.words, told_at = null
 where b.opened_at <= excluded.opened_at - interval '15 minutes'
returning true`

	// What was suppressed before the breaker noticed. Index: attempts_provider,
	// suppressions_once.
	sqlTakeBack = `
with lately as (
    select distinct a.contact_id from attempts a
     where a.provider_id = $1 and a.at > $2 and a.bounce in ('bad_mailbox', 'inactive_mailbox') and a.outcome = 'bounced'
), taken as (
    delete from suppressions s using lately, contacts c
     where c.id = lately.contact_id and s.key = c.address_key and s.kind = 'address' and s.reason = 'bounced'
       and s.scope = 'global' and s.created_at > $2
    returning c.id, s.evidence, s.created_at
), restored as (
    update contacts c set status = 'active', status_since = $3, updated_at = $3
      from taken where c.id = taken.id and c.status = 'cleaned'
)
insert into pending_suppressions (contact_id, provider_id, evidence, since)
select id, $1, evidence, created_at from taken order by id
on conflict do nothing`

	sqlUntoldBreakers = `
select b.provider_id, b.campaign_id, b.opened_at, b.words from provider_breakers b
 where b.told_at is null order by b.opened_at`

	sqlToldBreaker = `update provider_breakers set told_at = $2 where provider_id = $1`
)

const (
	meanOver  = 7 * 24 * time.Hour
	meanHolds = time.Hour
)

// holdBack returns the condemnations that may be carried out now. Those that came
// from a provider that refuses everybody wait in pending_suppressions; of those
// that waited, the ones that are confirmed a day later are carried out.
func holdBack(ctx context.Context, tx pgx.Tx, guilty []condemnation) ([]condemnation, error) {
	var contacts, providers []int64
	at := guilty[0].outcome.At
	for _, g := range guilty {
		if g.effect.Breaker {
			contacts, providers = append(contacts, g.outcome.Contact), append(providers, g.outcome.Provider)
		}
	}
	if len(contacts) == 0 {
		return guilty, nil
	}
	slices.Sort(providers)
	open, err := openBreakers(ctx, tx, slices.Compact(providers), guilty, at)
	if err != nil {
		return nil, err
	}
	pending, err := pendingSince(ctx, tx, contacts)
	if err != nil {
		return nil, err
	}
	var (
		now     []condemnation
		waiting = struct {
			contacts, providers []int64
			evidence            []json.RawMessage
			since               []time.Time
		}{}
	)
	for _, g := range guilty {
		o := g.outcome
		since, waited := pending[o.Contact]
		confirmed := waited && o.At.Sub(since) >= bounce.Confirmation
		if !g.effect.Breaker || confirmed || !waited && !open[o.Provider] {
			now = append(now, g)
			continue
		}
		waiting.contacts, waiting.providers = append(waiting.contacts, o.Contact), append(waiting.providers, o.Provider)
		waiting.evidence, waiting.since = append(waiting.evidence, json.RawMessage(o.evidence(0))), append(waiting.since, o.At)
	}
	if len(waiting.contacts) > 0 {
		if _, err := tx.Exec(ctx, sqlAwait, waiting.contacts, waiting.providers, waiting.evidence, waiting.since); err != nil {
			return nil, err
		}
	}
	return now, nil
}

func pendingSince(ctx context.Context, tx pgx.Tx, contacts []int64) (map[int64]time.Time, error) {
	rows, err := tx.Query(ctx, sqlPendingSince, contacts)
	if err != nil {
		return nil, err
	}
	pending := make(map[int64]time.Time)
	var (
		id    int64
		since time.Time
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &since}, func() error {
		pending[id] = since
		return nil
	})
	return pending, err
}

// lately is what one provider answered in the window of a breaker.
type lately struct {
	provider int64
	name     string
	bounce.Breaker
	mean   *float64
	isOpen bool
}

// openBreakers says which providers refuse everybody, and opens their breakers.
func openBreakers(ctx context.Context, tx pgx.Tx, providers []int64, guilty []condemnation, now time.Time) (map[int64]bool, error) {
	from := now.Add(-bounce.BreakerWindow)
	rows, err := tx.Query(ctx, sqlBreakers, providers, from, now.Add(-meanHolds))
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l lately, err error) {
		err = row.Scan(&l.provider, &l.name, &l.Recipients, &l.BadMailboxes, &l.Permanent, &l.mean, &l.isOpen)
		return l, err
	})
	if err != nil {
		return nil, err
	}
	open := make(map[int64]bool)
	for _, l := range all {
		if !l.isOpen && l.mean == nil && l.Permanent >= 20 {
			l.mean = new(float64)
			if err := tx.QueryRow(ctx, sqlMean, l.provider, now.Add(-meanOver), now).Scan(l.mean); err != nil {
				return nil, err
			}
		}
		if l.mean != nil {
			l.MeanShare = *l.mean
		}
		if !l.isOpen && !l.Open() {
			continue
		}
		open[l.provider] = true
		if err := trip(ctx, tx, l, guilty, now); err != nil {
			return nil, err
		}
	}
	return open, nil
}

// trip opens the breaker of a provider, unless it is open, and takes back what
// was suppressed before it did.
func trip(ctx context.Context, tx pgx.Tx, l lately, guilty []condemnation, now time.Time) error {
	if l.isOpen {
		return nil
	}
	of := guilty[slices.IndexFunc(guilty, func(g condemnation) bool { return g.outcome.Provider == l.provider })].outcome
	words := fmt.Sprintf("%s refused %d of %d recipients for good within 15 minutes, %d of them as unknown. That is more likely a fault "+
		"over there, or a bad list, than so many mailboxes that are gone: nobody is suppressed for it unless a second refusal "+
		"a day later confirms it", l.name, l.Permanent, l.Recipients, l.BadMailboxes)
	var opened bool
	err := tx.QueryRow(ctx, sqlOpenBreaker, l.provider, of.Campaign, now, words).Scan(&opened)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // another node opened it meanwhile
	}
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, sqlTakeBack, l.provider, now.Add(-bounce.BreakerWindow), now)
	return err
}

// Tripped is a provider whose breaker opened.
type Tripped struct {
	Provider int64
	Campaign int64
	At       time.Time
	Words    string
}

// UntoldBreakers returns the breakers of which no campaign's feed tells yet.
func (s *Store) UntoldBreakers(ctx context.Context) ([]Tripped, error) {
	rows, err := s.pool.Query(ctx, sqlUntoldBreakers)
	if err != nil {
		return nil, fmt.Errorf("open breakers: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Tripped])
	if err != nil {
		return nil, fmt.Errorf("open breakers: %w", err)
	}
	return list, nil
}

// ToldBreaker says that people were told of a breaker.
func (s *Store) ToldBreaker(ctx context.Context, provider int64, now time.Time) error {
	if _, err := s.pool.Exec(ctx, sqlToldBreaker, provider, now); err != nil {
		return fmt.Errorf("breaker of provider %d: %w", provider, err)
	}
	return nil
}
