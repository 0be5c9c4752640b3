package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// Rows are locked in the order of $2, which is that of ids, so that nodes never
	// wait for each other in a circle. $3 holds the versions that the node knows. The
	// state is read only where another node has written it since, or the server was
	// restarted: it may have lost its last moments. Index: paces_pkey.
	sqlLockPaces = `
select p.provider_id, p.sending_domain, p.version, p.slot, p.first_slot, p.permit_version, p.shared,
       case when p.version = ($3::jsonb ->> (p.provider_id || ' ' || p.sending_domain))::bigint
             and $4 is not distinct from pg_postmaster_start_time() then null else p.state end,
       pg_postmaster_start_time(), extract(epoch from clock_timestamp() - pg_postmaster_start_time())::double precision, p.ctid
  from unnest($2::bigint[]) with ordinality as k(provider_id, place)
  join paces p on p.source_id = $1 and p.provider_id = k.provider_id
 order by k.place, p.sending_domain
   for update of p`

	sqlEnsurePaces = `
insert into paces (source_id, provider_id, sending_domain, state, updated_at)
select $1, n.provider, n.domain, n.state::jsonb, $5
  from unnest($2::bigint[], $3::text[], $4::text[]) as n (provider, domain, state)
 order by n.provider, n.domain
    on conflict do nothing`

	// Rows that are locked stay where they are: they are named by their place. A table
	// that nobody has counted yet would be read as a whole to compare keys.
	sqlSavePaces = `
update paces p
   set slot = n.slot, first_slot = n.first_slot, permit_version = n.permit_version, shared = n.shared::jsonb,
       rate = n.rate, mode = n.mode, hold_until = n.hold_until, lanes = n.lanes, demand = n.demand,
       updated_at = $1
  from unnest($2::tid[], $3::double precision[], $4::double precision[], $5::int[], $6::text[],
              $7::double precision[], $8::text[], $9::timestamptz[], $10::int[], $11::int[])
       as n (place, slot, first_slot, permit_version, shared, rate, mode, hold_until, lanes, demand)
 where p.ctid = n.place`

	sqlSavePacesLearned = `
update paces p
   set slot = n.slot, first_slot = n.first_slot, permit_version = n.permit_version, shared = n.shared::jsonb,
       rate = n.rate, mode = n.mode, hold_until = n.hold_until, lanes = n.lanes, demand = n.demand,
       updated_at = $1,
       state = n.state::jsonb, version = p.version + 1
  from unnest($2::tid[], $3::double precision[], $4::double precision[], $5::int[], $6::text[],
              $7::double precision[], $8::text[], $9::timestamptz[], $10::int[], $11::int[], $12::text[])
       as n (place, slot, first_slot, permit_version, shared, rate, mode, hold_until, lanes, demand, state)
 where p.ctid = n.place`

	// What the last moments before a crash lose is made good by whoever reads
	// the row after it; see docs/decisions/pacing-broker.md.
	sqlCommitLater = `set local synchronous_commit = off`
)

// PaceAsk names a pace that a node wants to exchange: the source's own at a
// provider, or that of a sending domain there. All paces of the provider are
// locked and handed out, asked for or not.
type PaceAsk struct {
	Provider int64
	Domain   string // the sending domain; empty for the source's own pace
	Known    int64  // version whose state the caller has; 0: none
	// First returns the state to begin with when there is no row; nil: no row is made.
	First func() []byte
}

// paceKey names a pace of a source.
type paceKey struct {
	provider int64
	domain   string
}

// PaceRow is a locked pace. Slots are in seconds since 1970.
type PaceRow struct {
	Provider      int64
	Domain        string
	Version       int64    // rises whenever State is written
	Slot          *float64 // of the next permit; nil: as the state says
	FirstSlot     *float64 // of the next first attempt
	PermitVersion int
	Shared        []byte
	State         []byte     // nil when the caller knows it
	Server        time.Time  // when the server was started
	Up            float64    // seconds since then
	Place         pgtype.TID // of the row, while it is locked
}

// PaceChange is what becomes of a locked pace.
type PaceChange struct {
	Provider      int64
	Domain        string
	Slot          *float64
	FirstSlot     *float64
	PermitVersion int
	Shared        []byte
	Rate          float64
	Mode          string
	HoldUntil     time.Time // zero: no hold
	Lanes         int
	Demand        int
	State         []byte // nil: what was learned stays as it is
	Events        []PaceEvent
	Notice        string // told to all nodes; empty: nothing
}

// PaceExchange is a round of one node: what it asks for, and how it answers.
type PaceExchange struct {
	Source int64
	Server time.Time // start of the server that the known versions were read from
	Asks   []PaceAsk
	Now    time.Time
	// Edit turns the locked rows, by provider and domain, into changes. durable
	// says that they must survive a crash of the server from the commit on.
	Edit func([]PaceRow) (changes []PaceChange, durable bool, err error)
}

// ExchangePaces locks all paces that are asked for, in id order, lets them be
// edited, and stores the changes with their events: one short transaction of
// two round trips, three for paces that are new.
func (s *Store) ExchangePaces(ctx context.Context, x PaceExchange) error {
	err := s.inPipe(ctx, func(conn *pgxpool.Conn) error { return exchange(ctx, conn, x) })
	if err != nil {
		return fmt.Errorf("exchange paces of source %d at %d providers: %w", x.Source, len(x.Asks), err)
	}
	return nil
}

func exchange(ctx context.Context, conn *pgxpool.Conn, x PaceExchange) error {
	rows, err := lockPaces(ctx, conn, x, "begin", nil)
	if err != nil {
		return err
	}
	if missing := missingPaces(x.Asks, rows); len(missing) > 0 {
		if rows, err = lockPaces(ctx, conn, x, "", missing); err != nil {
			return err
		}
	}
	changes, durable, err := x.Edit(rows)
	if err != nil {
		return err
	}
	batch := &pgx.Batch{}
	if !durable {
		batch.Queue(sqlCommitLater)
	}
	savePaces(batch, x, rows, changes)
	batch.Queue("commit")
	return conn.SendBatch(ctx, batch).Close()
}

// lockPaces reads and locks the rows, in one round trip with what comes before.
func lockPaces(ctx context.Context, conn *pgxpool.Conn, x PaceExchange, before string, missing []PaceAsk) (rows []PaceRow, err error) {
	var providers []int64
	known := make(map[string]int64, len(x.Asks))
	for _, ask := range x.Asks {
		providers = append(providers, ask.Provider)
		known[fmt.Sprint(ask.Provider, " ", ask.Domain)] = ask.Known
	}
	slices.Sort(providers) // the order of the locks
	providers = slices.Compact(providers)
	batch := &pgx.Batch{}
	if before != "" {
		batch.Queue(before)
	}
	if len(missing) > 0 {
		var (
			ids           []int64
			names, states []string
		)
		for _, ask := range missing {
			ids, names, states = append(ids, ask.Provider), append(names, ask.Domain), append(states, string(ask.First()))
		}
		batch.Queue(sqlEnsurePaces, x.Source, ids, names, states, x.Now)
	}
	batch.Queue(sqlLockPaces, x.Source, providers, known, zeroAsNull(x.Server)).Query(func(r pgx.Rows) error {
		rows, err = pgx.CollectRows(r, pgx.RowToStructByPos[PaceRow])
		return err
	})
	return rows, conn.SendBatch(ctx, batch).Close()
}

// missingPaces returns the asks that no row answers and that may make one.
func missingPaces(asks []PaceAsk, rows []PaceRow) []PaceAsk {
	there := make(map[paceKey]bool, len(rows))
	for _, r := range rows {
		there[paceKey{r.Provider, r.Domain}] = true
	}
	var missing []PaceAsk
	for _, ask := range asks {
		if ask.First != nil && !there[paceKey{ask.Provider, ask.Domain}] {
			missing = append(missing, ask)
		}
	}
	return missing
}

// savePaces queues the changes: those that write what was learned apart from
// the many that do not.
func savePaces(batch *pgx.Batch, x PaceExchange, rows []PaceRow, changes []PaceChange) {
	places := make(map[paceKey]pgtype.TID, len(rows))
	for _, r := range rows {
		places[paceKey{r.Provider, r.Domain}] = r.Place
	}
	var hot, learned paceColumns
	for _, c := range changes {
		place := places[paceKey{c.Provider, c.Domain}]
		if c.State == nil {
			hot.add(place, c)
		} else {
			learned.add(place, c)
		}
	}
	if len(hot.places) > 0 {
		batch.Queue(sqlSavePaces, hot.arguments(x)...)
	}
	if len(learned.places) > 0 {
		batch.Queue(sqlSavePacesLearned, append(learned.arguments(x), learned.states)...)
	}
	for _, c := range changes {
		for _, e := range c.Events {
			batch.Queue(sqlInsertPaceEvents, e.At, x.Source, c.Provider, e.Kind, e.Was, e.Now, e.Reason, e.Reply, e.Until)
		}
		if c.Notice != "" {
			batch.Queue(sqlNotify, c.Notice)
		}
	}
}

// paceColumns are changes as arrays, one for each column.
type paceColumns struct {
	places                         []pgtype.TID
	shared, modes, states          []string
	slots, firstSlots              []*float64
	rates                          []float64
	holds                          []*time.Time
	permitVersions, lanes, demands []int32
}

func (p *paceColumns) add(place pgtype.TID, c PaceChange) {
	p.places = append(p.places, place)
	p.slots, p.firstSlots = append(p.slots, c.Slot), append(p.firstSlots, c.FirstSlot)
	p.permitVersions, p.shared = append(p.permitVersions, int32(c.PermitVersion)), append(p.shared, string(c.Shared))
	p.rates, p.modes = append(p.rates, c.Rate), append(p.modes, c.Mode)
	p.holds = append(p.holds, zeroAsNull(c.HoldUntil))
	p.lanes, p.demands = append(p.lanes, int32(c.Lanes)), append(p.demands, int32(c.Demand))
	p.states = append(p.states, string(c.State))
}

// arguments are those of sqlSavePaces.
func (p *paceColumns) arguments(x PaceExchange) []any {
	return []any{x.Now, p.places, p.slots, p.firstSlots, p.permitVersions, p.shared,
		p.rates, p.modes, p.holds, p.lanes, p.demands}
}
