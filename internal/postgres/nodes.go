package postgres

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// Node is one running process that works for this database.
type Node struct {
	ID     int64
	Host   string
	Roles  []string
	Beat   int64
	BeatAt time.Time // by that node's clock; for people only

	// Lifeline names a file that its process holds locked; empty where it has none.
	Lifeline string
}

const (
	sqlInsertNode = `
insert into nodes (host, lifeline, roles, started_at, beat_at) values ($1, $2, $3, $4, $4) returning id`

	sqlBeat = `update nodes set beat = beat + 1, beat_at = $2 where id = $1`

	sqlNodes = `select id, host, roles, beat, beat_at, lifeline from nodes order by id`

	sqlDeleteNode = `delete from nodes where id = $1`

	// No claim begins while this waits, and none after it.
	sqlLockNode = `select id from nodes where id = $1 for update`

	// What a dead node had in hand without an outcome, the first of each claim
	// marked: it is the one whose message may have gone out. Index: claims_node.
	sqlDeadClaims = `
with ended as (
    delete from claims where node_id = $1 returning epoch, place, ledger_id, deliveries, attempts
), held as materialized (
    select ended.epoch, ended.ledger_id, ended.place + k.n as place, k.id, k.attempts
      from ended cross join lateral unnest(ended.deliveries, ended.attempts) with ordinality k(id, attempts, n)
)
select d.ledger_id, d.id, d.campaign_id, d.contact_id, d.domain_id, coalesce(d.provider_id, 0), d.state::text,
       d.attempts, d.first_attempt_at, held.place = min(held.place) over (partition by held.epoch), d.doubted
  from held
  join deliveries d on d.ledger_id = held.ledger_id and d.id = held.id and d.attempts = held.attempts and d.state in ('queued', 'deferred')
 order by d.ledger_id, d.id`

	// River believes in its own liveness only after minutes; ours knows sooner.
	sqlDeadJobs = `
update river.river_job
   set state = 'available', attempt = greatest(attempt - 1, 0), scheduled_at = least(scheduled_at, $2)
 where state = 'running'
   and attempted_by[array_upper(attempted_by, 1)] = $1`

	// A dead node's lanes at each provider, which it would otherwise keep until its
	// silence is noticed there. Rows are locked in the order of all rounds.
	sqlGiveUpSeats = `
with held as materialized (
    select source_id, provider_id, sending_domain from paces where shared #> array['seats', $1] is not null
     order by source_id, provider_id, sending_domain for update
)
update paces p set shared = p.shared #- array['seats', $1] from held
 where p.source_id = held.source_id and p.provider_id = held.provider_id and p.sending_domain = held.sending_domain`

	// Lanes that a dead node asked for, in a queue that only it worked: the
	// others ask for lanes of their own. Index: river_job_prioritized_fetching_index.
	sqlDeadLanes = `delete from river.river_job where queue = $1 and state <> 'completed'`
)

// LaneQueue names the job queue of a node's lanes.
func LaneQueue(node int64) string { return "lanes_" + strconv.FormatInt(node, 10) }

// RegisterNode enters a new node and returns its id, never used before.
func (s *Store) RegisterNode(ctx context.Context, host, lifeline string, roles []string, now time.Time) (int64, error) {
	var id int64
	if err := s.pool.QueryRow(ctx, sqlInsertNode, host, lifeline, roles, now).Scan(&id); err != nil {
		return 0, fmt.Errorf("register node: %w", err)
	}
	return id, nil
}

// Beat says that the node lives. It returns false when others have declared
// it dead: it must not send any more.
func (s *Store) Beat(ctx context.Context, node int64, now time.Time) (bool, error) {
	tag, err := s.pool.Exec(ctx, sqlBeat, node, now)
	if err != nil {
		return false, fmt.Errorf("beat of node %d: %w", node, err)
	}
	return tag.RowsAffected() == 1, nil
}

// Nodes returns all nodes that are entered, dead ones that nobody has
// noticed among them.
func (s *Store) Nodes(ctx context.Context) ([]Node, error) {
	rows, err := s.pool.Query(ctx, sqlNodes)
	if err != nil {
		return nil, fmt.Errorf("nodes: %w", err)
	}
	nodes, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Node])
	if err != nil {
		return nil, fmt.Errorf("nodes: %w", err)
	}
	return nodes, nil
}

// Held is a delivery that a dead node had claimed.
type Held struct {
	Ledger       int32
	Delivery     int64
	Campaign     int64
	Contact      int64
	Domain       int64
	Provider     int64
	State        string
	Attempts     int
	FirstAttempt *time.Time
	InDoubt      bool // the first of its claim: its message may have gone out
	Doubted      bool // an earlier attempt was in doubt
}

// BuryNode ends a node and gives back all that it held: jobs, and claims, of which
// decide turns what is in doubt into outcomes. It returns the number of deliveries,
// and is safe to be called by several nodes at once. A node that has drained, and
// so holds nothing, ends itself this way too.
func (s *Store) BuryNode(ctx context.Context, node int64, now time.Time, decide func(Held) Outcome) (int, error) {
	var held []Held
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sqlLockNode, node)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return nil // another node was quicker
		}
		if _, err := tx.Exec(ctx, sqlDeadJobs, strconv.FormatInt(node, 10), now); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlDeadLanes, LaneQueue(node)); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, sqlDeadClaims, node)
		if err != nil {
			return err
		}
		if held, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Held]); err != nil {
			return err
		}
		if err := settleClaims(ctx, tx, held, decide); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, sqlDeleteNode, node)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("bury node %d: %w", node, err)
	}
	return len(held), nil
}

// settleClaims records what is in doubt, and puts the rest back into the queue.
func settleClaims(ctx context.Context, tx pgx.Tx, held []Held, decide func(Held) Outcome) error {
	var (
		outcomes []Outcome
		ledgers  []int32
		ids      []int64
	)
	for _, held := range held {
		if held.InDoubt {
			outcomes = append(outcomes, decide(held))
		} else {
			ledgers, ids = append(ledgers, held.Ledger), append(ids, held.Delivery)
		}
	}
	if _, err := tx.Exec(ctx, sqlEnqueue, ledgers, ids); err != nil || len(outcomes) == 0 {
		return err
	}
	_, err := recordIn(ctx, tx, outcomes)
	return err
}

// GiveUpSeats frees the lanes that a dead node held at providers.
func (s *Store) GiveUpSeats(ctx context.Context, node int64) error {
	if _, err := s.pool.Exec(ctx, sqlGiveUpSeats, strconv.FormatInt(node, 10)); err != nil {
		return fmt.Errorf("lanes of node %d: %w", node, err)
	}
	return nil
}
