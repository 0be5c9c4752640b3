package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	sqlEnsureSource = `
insert into sources (address, helo_name) values ($1, $2)
on conflict (address) do update set helo_name = excluded.helo_name
returning id`

	sqlEnsurePace = `
insert into paces (source_id, provider_id, state, updated_at) values ($1, $2, $3, $4)
on conflict do nothing`

	sqlLockPace = `
select version, case when version = $3 then null else state end
  from paces where source_id = $1 and provider_id = $2 and sending_domain = '' for update`

	sqlSavePace = `
update paces set state = $3, version = version + 1, updated_at = $4
 where source_id = $1 and provider_id = $2 and sending_domain = ''
returning version`

	sqlInsertPaceEvents = `
insert into pace_events (at, source_id, provider_id, kind, was, now, reason, reply, until)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

	sqlPaces = `
select p.source_id, p.provider_id, pr.key, pr.name, p.version, p.state, p.updated_at,
       coalesce((select sum(n::bigint) from jsonb_array_elements_text(p.shared->'passed') n), 0)::bigint
  from paces p join providers pr on pr.id = p.provider_id
 where p.sending_domain = ''
 order by pr.name, p.source_id`

	// Without states, which are some kilobytes each.
	sqlPaceHeads = `
select p.source_id, p.provider_id, p.version, pr.name, p.updated_at
  from paces p join providers pr on pr.id = p.provider_id
 where p.sending_domain = '' and ($1::bigint = 0 or p.provider_id = $1)`

	sqlPaceStates = `
select p.source_id, p.provider_id, p.version, p.state
  from unnest($1::bigint[], $2::bigint[]) as k (source_id, provider_id)
  join paces p on p.source_id = k.source_id and p.provider_id = k.provider_id and p.sending_domain = ''`

	sqlPaceEvents = `
select e.id, e.at, e.source_id, e.provider_id, pr.name, e.kind, e.was, e.now, e.reason, e.reply, e.until
  from pace_events e join providers pr on pr.id = e.provider_id
 where ($1::bigint = 0 or e.provider_id = $1) and e.id > $2
 order by e.id desc limit $3`

	sqlProvider  = `select id, key, name from providers where id = $1`
	sqlProviders = `select id, key, name from providers where id > 0 order by name`
)

// EnsureSource enters a source address with its HELO name and returns its id.
func (s *Store) EnsureSource(ctx context.Context, address, helo string) (int64, error) {
	var id int64
	if err := s.pool.QueryRow(ctx, sqlEnsureSource, address, helo).Scan(&id); err != nil {
		return 0, fmt.Errorf("source %s: %w", address, err)
	}
	return id, nil
}

// PaceEvent is a change of a pace, for charts and the event feed.
type PaceEvent struct {
	ID       int64
	At       time.Time
	Source   int64
	Provider int64
	Name     string // the provider's name, when read
	Kind     string
	Was, Now float64
	Reason   string
	Reply    string
	Until    *time.Time
}

// EditPace locks the pace of a source at a provider, hands its state to edit,
// and stores what edit returns, with the events, in one short transaction. The
// state is passed as nil when it is still of the version that the caller knows.
// first is the state to begin with when there is none; edit may return nil to
// leave the state as it is. It returns the version that is stored now.
//
// It is for edits of what was learned, by hand or in tests. Nodes that send use
// [Store.ExchangePaces]; they take up the new version in their next round, at
// once when notice tells them. What they have counted since the state was
// written stays in the row and is not lost.
func (s *Store) EditPace(ctx context.Context, source, provider, known int64, first []byte, now time.Time,
	edit func(state []byte) (changed []byte, events []PaceEvent, notice string, err error)) (int64, error) {

	version := known
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		state, err := lockPace(ctx, tx, source, provider, &version, known)
		if errors.Is(err, pgx.ErrNoRows) {
			if _, err = tx.Exec(ctx, sqlEnsurePace, source, provider, first, now); err == nil {
				state, err = lockPace(ctx, tx, source, provider, &version, known)
			}
		}
		if err != nil {
			return err
		}
		changed, events, notice, err := edit(state)
		if err != nil {
			return err
		}
		batch := &pgx.Batch{}
		if changed != nil {
			batch.Queue(sqlSavePace, source, provider, changed, now).QueryRow(func(row pgx.Row) error {
				return row.Scan(&version)
			})
		}
		for _, e := range events {
			batch.Queue(sqlInsertPaceEvents, e.At, source, provider, e.Kind, e.Was, e.Now, e.Reason, e.Reply, e.Until)
		}
		if notice != "" {
			batch.Queue(sqlNotify, notice)
		}
		if batch.Len() == 0 {
			return nil
		}
		return tx.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		return known, fmt.Errorf("pace of source %d at provider %d: %w", source, provider, err)
	}
	return version, nil
}

func lockPace(ctx context.Context, tx pgx.Tx, source, provider int64, version *int64, known int64) ([]byte, error) {
	var state []byte
	err := tx.QueryRow(ctx, sqlLockPace, source, provider, known).Scan(version, &state)
	return state, err
}

// Pace is the stored pace of a source at a provider.
type Pace struct {
	Source   int64
	Provider int64
	Key      string // of the provider
	Name     string
	Version  int64
	State    []byte
	Updated  time.Time
	Passed   int64 // messages accepted that State does not count yet
}

// Paces returns all paces, by provider name.
func (s *Store) Paces(ctx context.Context) ([]Pace, error) {
	rows, err := s.pool.Query(ctx, sqlPaces)
	if err != nil {
		return nil, fmt.Errorf("paces: %w", err)
	}
	paces, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Pace])
	if err != nil {
		return nil, fmt.Errorf("paces: %w", err)
	}
	return paces, nil
}

// PaceKey names a pace.
type PaceKey struct{ Source, Provider int64 }

// PaceHead is a pace without its state.
type PaceHead struct {
	PaceKey
	Version int64 // of the state
	Name    string
	Updated time.Time
}

// PaceHeads returns the paces of a provider, or of all when provider is 0.
func (s *Store) PaceHeads(ctx context.Context, provider int64) ([]PaceHead, error) {
	rows, err := s.pool.Query(ctx, sqlPaceHeads, provider)
	if err != nil {
		return nil, fmt.Errorf("paces: %w", err)
	}
	heads, err := pgx.CollectRows(rows, pgx.RowToStructByPos[PaceHead])
	return heads, wrap(err, "paces")
}

// PaceState is the state of a pace.
type PaceState struct {
	PaceKey
	Version int64
	State   []byte
}

// PaceStates returns the states of some paces.
func (s *Store) PaceStates(ctx context.Context, keys []PaceKey) ([]PaceState, error) {
	sources, providers := make([]int64, len(keys)), make([]int64, len(keys))
	for i, k := range keys {
		sources[i], providers[i] = k.Source, k.Provider
	}
	rows, err := s.pool.Query(ctx, sqlPaceStates, sources, providers)
	if err != nil {
		return nil, fmt.Errorf("states of paces: %w", err)
	}
	states, err := pgx.CollectRows(rows, pgx.RowToStructByPos[PaceState])
	return states, wrap(err, "states of paces")
}

// PaceEvents returns the newest changes of pace first: of one provider, or of
// all when provider is 0; only those after the given id.
func (s *Store) PaceEvents(ctx context.Context, provider, after int64, limit int) ([]PaceEvent, error) {
	rows, err := s.pool.Query(ctx, sqlPaceEvents, provider, after, limit)
	if err != nil {
		return nil, fmt.Errorf("pace events: %w", err)
	}
	events, err := pgx.CollectRows(rows, pgx.RowToStructByPos[PaceEvent])
	if err != nil {
		return nil, fmt.Errorf("pace events: %w", err)
	}
	return events, nil
}

// Provider is whoever runs the mail hosts of a set of domains.
type Provider struct {
	ID   int64
	Key  string
	Name string
}

// Provider returns one provider.
func (s *Store) Provider(ctx context.Context, id int64) (Provider, error) {
	var p Provider
	err := s.hot.QueryRow(ctx, sqlProvider, id).Scan(&p.ID, &p.Key, &p.Name)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return p, fmt.Errorf("provider %d: %w", id, err)
	}
	return p, nil
}

// Providers returns all known providers by name.
func (s *Store) Providers(ctx context.Context) ([]Provider, error) {
	rows, err := s.pool.Query(ctx, sqlProviders)
	if err != nil {
		return nil, fmt.Errorf("providers: %w", err)
	}
	providers, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Provider])
	if err != nil {
		return nil, fmt.Errorf("providers: %w", err)
	}
	return providers, nil
}
