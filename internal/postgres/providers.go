package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// A source without an address is a node's that cannot send.
	sqlSources = `select id, address, helo_name from sources where address <> 'unset' order by id`

	sqlProviderOfDomain = `
select p.id, p.key, p.name from domains d join providers p on p.id = d.provider_id where d.name = $1 and p.id > 0`

	sqlPacesOf = `
select p.source_id, p.provider_id, pr.key, pr.name, p.version, p.state, p.updated_at,
       coalesce((select sum(n::bigint) from jsonb_array_elements_text(p.shared->'passed') n), 0)::bigint
  from paces p join providers pr on pr.id = p.provider_id
 where p.provider_id = $1 order by p.source_id`

	// Index: pace_events_provider, backwards.
	sqlPaceEventsBefore = `
select e.id, e.at, e.source_id, e.provider_id, pr.name, e.kind, e.was, e.now, e.reason, e.reply, e.until
  from pace_events e join providers pr on pr.id = e.provider_id
 where e.provider_id = $1 and e.id < $2
 order by e.id desc limit $3`

	// The last measurement among the newest thousand changes.
	// Index: pace_events_provider, backwards.
	sqlLastMeasured = `
select e.id, e.at, e.source_id, e.provider_id, '', e.kind, e.was, e.now, e.reason, e.reply, e.until
  from (select * from pace_events where provider_id = $1 order by id desc limit 1000) e
 where e.kind = 'measured' order by e.id desc limit 1`

	// Refusals of a provider since a time, grouped by what they mean, most
	// frequent first. Index: attempts_provider.
	sqlProviderReplies = `
select pr.name, a.outcome, a.code, a.class, a.rule, count(*), min(a.at), max(a.at),
       (array_agg(a.reply order by a.at desc))[1]
  from attempts a join providers pr on pr.id = a.provider_id
 where a.provider_id = $1 and a.at >= $2
 group by pr.name, a.outcome, a.code, a.class, a.rule
 order by count(*) desc, max(a.at) desc limit $3`

	// What of a campaign's mail at a provider ends before a time if nothing is
	// sent there: deferred mail by its lifetime ($3 is the first attempt before
	// which it is over), and what was never tried when the campaign stops by
	// then ($4). Index: mail_queue_due.
	sqlEnding = `
select count(*) from mail_queue
 where campaign_id = $1 and provider_id = $2 and (deferred and first_attempt_at < $3 or not deferred and $4)`
)

// Source is a local address that mail is sent from.
type Source struct {
	ID      int64
	Address string
	HELO    string
}

// Sources returns the addresses that mail was ever sent from, oldest first.
func (s *Store) Sources(ctx context.Context) ([]Source, error) {
	rows, err := s.pool.Query(ctx, sqlSources)
	if err != nil {
		return nil, fmt.Errorf("sources: %w", err)
	}
	sources, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Source])
	if err != nil {
		return nil, fmt.Errorf("sources: %w", err)
	}
	return sources, nil
}

// ProviderOfDomain returns who runs the mail hosts of a domain, or
// [ErrNotFound] when it was not looked up yet.
func (s *Store) ProviderOfDomain(ctx context.Context, domain string) (Provider, error) {
	var p Provider
	err := s.pool.QueryRow(ctx, sqlProviderOfDomain, domain).Scan(&p.ID, &p.Key, &p.Name)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return p, fmt.Errorf("provider of %s: %w", domain, err)
	}
	return p, nil
}

// PacesOf returns the paces of one provider, by source.
func (s *Store) PacesOf(ctx context.Context, provider int64) ([]Pace, error) {
	rows, err := s.pool.Query(ctx, sqlPacesOf, provider)
	if err != nil {
		return nil, fmt.Errorf("paces of provider %d: %w", provider, err)
	}
	paces, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Pace])
	if err != nil {
		return nil, fmt.Errorf("paces of provider %d: %w", provider, err)
	}
	return paces, nil
}

// PaceEventsBefore returns a provider's changes of pace that are older than
// the one with the given id, newest first.
func (s *Store) PaceEventsBefore(ctx context.Context, provider, before int64, limit int) ([]PaceEvent, error) {
	return s.paceEvents(ctx, sqlPaceEventsBefore, provider, before, limit)
}

// LastMeasured returns the newest measurement of a provider's limit, nil when
// there was none among its last thousand changes.
func (s *Store) LastMeasured(ctx context.Context, provider int64) (*PaceEvent, error) {
	events, err := s.paceEvents(ctx, sqlLastMeasured, provider)
	if err != nil || len(events) == 0 {
		return nil, err
	}
	return &events[0], nil
}

func (s *Store) paceEvents(ctx context.Context, sql string, args ...any) ([]PaceEvent, error) {
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("pace events: %w", err)
	}
	events, err := pgx.CollectRows(rows, pgx.RowToStructByPos[PaceEvent])
	if err != nil {
		return nil, fmt.Errorf("pace events: %w", err)
	}
	return events, nil
}

// ProviderReplies returns the refusals of a provider since a time, grouped by
// what they mean, most frequent first.
func (s *Store) ProviderReplies(ctx context.Context, provider int64, since time.Time, limit int) ([]ReplyGroup, error) {
	rows, err := s.pool.Query(ctx, sqlProviderReplies, provider, since, limit)
	if err != nil {
		return nil, fmt.Errorf("replies of provider %d: %w", provider, err)
	}
	groups, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ReplyGroup])
	if err != nil {
		return nil, fmt.Errorf("replies of provider %d: %w", provider, err)
	}
	return groups, nil
}

// Ending counts the mail of a campaign at a provider that ends if nothing is
// sent there for a while: deferred mail that was first attempted before a time,
// and, with queued, all that was never tried.
func (s *Store) Ending(ctx context.Context, id, provider int64, firstBefore time.Time, queued bool) (int64, error) {
	var n int64
	if err := s.pool.QueryRow(ctx, sqlEnding, id, provider, firstBefore, queued).Scan(&n); err != nil {
		return 0, fmt.Errorf("campaign %d at provider %d: %w", id, provider, err)
	}
	return n, nil
}
