package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/listhygiene/bounce"
	"github.com/headwaymail/headway/pacing/reply"
)

// Outcome is what came of a claimed delivery.
type Outcome struct {
	Ledger   int32
	Delivery int64
	Campaign int64
	Contact  int64
	Domain   int64
	Provider int64
	Node     int64

	From, To  campaign.DeliveryState
	InDoubt   bool // the message may have been taken
	Number    int  // of the attempt, from 1
	First, At time.Time
	Due       time.Time // of the next attempt; ignored for final states

	Host    string
	Reply   reply.Reply
	Meaning reply.Meaning
	Took    time.Duration
	TLS     bool
	// Encryption is kept of attempts that did not end in an acceptance.
	Encryption Encryption

	// Told says that the attempt before came to the same, in words that nobody but
	// ourselves said: it is counted, and gets no row of its own.
	Told bool

	// Address says what the outcome costs the recipient's address.
	Address bounce.Effect
}

// Encryption is the facts of a session with TLS; zero in the clear.
type Encryption struct {
	Version, Cipher string // "TLSv1.3", "TLS_AES_128_GCM_SHA256"
	Subject         string // of the server's certificate
	Verified        bool   // the certificate was found valid for the host
}

const (
	// Fenced: a row to which something happened since it was claimed does not match,
	// and none does when the node was found dead; nobody finds it dead before the end
	// of the transaction. The table is named: all ledgers, or the one that the deliveries
	// are in. Index: the primary key.
	sqlRecord = `
with living as materialized (
    select from nodes where id = $16 for key share
), recorded as (
update %s d
   set state = o.state::delivery_state,
       attempts = o.number, first_attempt_at = o.first_at,
       due_at = coalesce(o.due_at, d.due_at),
       code = o.code, enhanced = o.enhanced, class = o.class, reply = o.reply, tls = o.tls,
       doubted = d.doubted or o.in_doubt,
       updated_at = o.at
  from unnest($1::int[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::int[], $7::timestamptz[],
              $8::timestamptz[], $9::timestamptz[], $10::int[], $11::text[], $12::text[], $13::text[], $14::boolean[],
              $15::boolean[])
       with ordinality
       as o(ledger_id, id, provider_id, was, state, number, first_at, due_at, at, code, enhanced, class, reply, tls,
            in_doubt, n)
 where d.ledger_id = o.ledger_id and d.id = o.id
   and d.state = o.was::delivery_state and d.attempts = o.number - 1 and coalesce(d.provider_id, 0) = o.provider_id
   and exists (select from living)
returning o.n`

	// What is to be tried again goes back into the queue.
	sqlRecordAgain = sqlRecord + `, d.*
), again as (
insert into mail_queue
select ` + sqlQueueColumns + `
  from recorded d where d.state in ('queued', 'deferred')
on conflict do nothing
)`

	// Which of the outcomes were recorded, by their place.
	sqlRecordEach = sqlRecordAgain + `
select n::int from recorded`

	sqlLateState = `select state::text from deliveries where ledger_id = $1 and id = $2`

	sqlLateRow = `
select state::text, attempts = 1 and not doubted, coalesce(provider_id, 0) from deliveries where ledger_id = $1 and id = $2 for update`

	// Whether a report said that a delivery failed. Index: attempts_delivery.
	sqlReportedBack = `
select exists (select from attempts where ledger_id = $1 and delivery_id = $2 and phase = 'async' and outcome = 'bounced')`

	// A late outcome corrects the state, whoever has the row in hand; that lane's
	// own outcome will be late in turn.
	sqlCorrect = `
update deliveries
   set state = $3::delivery_state, code = $4, enhanced = $5, class = $6, reply = $7, updated_at = $8
 where ledger_id = $1 and id = $2`

	sqlInsertAttempts = `
insert into attempts (at, ledger_id, delivery_id, campaign_id, contact_id, provider_id, node_id, outcome, host,
                      phase, code, enhanced, class, bounce, rule, reply, took_ms,
                      tls_version, tls_cipher, tls_subject, tls_verified)
select * from unnest($1::timestamptz[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
                     $7::bigint[], $8::text[], $9::text[], $10::text[], $11::int[], $12::text[], $13::text[],
                     $14::text[], $15::text[], $16::text[], $17::int[],
                     $18::text[], $19::text[], $20::text[], $21::boolean[])`
)

// Record writes the outcomes of a commit group in one transaction; counters follow
// with the next [Store.Count]. An error for which [IsBadRow] holds means that one of
// the rows cannot be stored; the caller records smaller groups then.
func (s *Store) Record(ctx context.Context, outcomes []Outcome) error {
	if done, err := s.recordPlain(ctx, outcomes); done || err != nil {
		return err
	}
	err := pgx.BeginFunc(ctx, s.hot, func(tx pgx.Tx) error {
		_, err := recordIn(ctx, tx, outcomes)
		return err
	})
	if err != nil {
		return fmt.Errorf("record %d outcomes: %w", len(outcomes), err)
	}
	return nil
}

// IsBadRow reports whether err was caused by the data of a row, so that trying
// the same group again cannot help.
func IsBadRow(err error) bool {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return false
	}
	class := pgErr.Code[:2]
	return class == "22" || class == "23" // data exception, integrity violation
}

// recordIn records outcomes of one node and returns how many of them came too late:
// those of rows to which something happened since they were claimed, and all when
// the node was found dead, since its claims were given back then.
func recordIn(ctx context.Context, tx pgx.Tx, outcomes []Outcome) (late int, err error) {
	rows, err := tx.Query(ctx, fmt.Sprintf(sqlRecordEach, "deliveries"), recordColumns(outcomes)...)
	if err != nil {
		return 0, err
	}
	places, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return 0, err
	}
	recorded := make(map[int]bool, len(places)) // a group may hold two outcomes of one delivery
	for _, place := range places {
		recorded[place-1] = true
	}
	var uncounted, corrected []tally
	sums := newChanges()
	for i, o := range outcomes {
		if recorded[i] {
			uncounted = append(uncounted, o.tally())
			continue
		}
		late++
		if outcomes[i].To, err = correct(ctx, tx, o, sums); err != nil {
			return late, err
		}
		corrected = append(corrected, outcomes[i].tally())
	}
	if err := sums.apply(ctx, tx, false); err != nil {
		return late, err
	}
	batch := &pgx.Batch{}
	queueUncounted(batch, uncounted)
	queueMinutes(batch, corrected)
	queueAttempts(batch, outcomes)
	if batch.Len() > 0 {
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return late, err
		}
	}
	return late, learn(ctx, tx, outcomes)
}

// correct applies an outcome to a row that is not any more as it was claimed, as
// far as its state allows, and returns the state that the outcome really led to.
func correct(ctx context.Context, tx pgx.Tx, o Outcome, sums changes) (campaign.DeliveryState, error) {
	var (
		state    campaign.DeliveryState
		first    bool
		provider int64
	)
	err := tx.QueryRow(ctx, sqlLateState, o.Ledger, o.Delivery).Scan(&state)
	if errors.Is(err, pgx.ErrNoRows) {
		return o.To, nil // compacted meanwhile: the attempt is all that is left to keep
	}
	if err != nil {
		return o.To, err
	}
	if !o.To.Final() {
		return state, nil
	}
	if _, err := tx.Exec(ctx, sqlDequeue, o.Ledger, o.Delivery); err != nil {
		return o.To, err
	}
	if err := tx.QueryRow(ctx, sqlLateRow, o.Ledger, o.Delivery).Scan(&state, &first, &provider); err != nil {
		return o.To, err
	}
	if o.To == state || !state.May(o.To) {
		_, err := tx.Exec(ctx, sqlEnqueue, []int32{o.Ledger}, []int64{o.Delivery})
		return state, err
	}
	if state == campaign.Bounced {
		// A report may be faster than the word that the message was accepted. It
		// speaks of what became of it after that.
		var reported bool
		if err := tx.QueryRow(ctx, sqlReportedBack, o.Ledger, o.Delivery).Scan(&reported); err != nil || reported {
			return state, err
		}
	}
	_, err = tx.Exec(ctx, sqlCorrect, o.Ledger, o.Delivery, string(o.To), o.Reply.Code, o.Reply.Enhanced,
		string(o.Meaning.Class), o.Reply.String(), o.At)
	if err != nil {
		return o.To, err
	}
	sums.move(o.Campaign, provider, o.Domain, state, o.To, false)
	if first && state == campaign.Delivered {
		sums.add(o.Campaign, provider, o.Domain, campaign.Counters{AcceptedFirst: -1})
	}
	return o.To, nil
}

func recordColumns(outcomes []Outcome) []any {
	n := len(outcomes)
	ledgers, ids, providers := make([]int32, n), make([]int64, n), make([]int64, n)
	was, states, numbers := make([]string, n), make([]string, n), make([]int32, n)
	firsts, dues, ats := make([]time.Time, n), make([]*time.Time, n), make([]time.Time, n)
	codes, enhanced, classes := make([]int32, n), make([]string, n), make([]string, n)
	replies, tls, doubts := make([]string, n), make([]bool, n), make([]bool, n)
	for i, o := range outcomes {
		ledgers[i], ids[i], providers[i] = o.Ledger, o.Delivery, o.Provider
		was[i], states[i], numbers[i] = string(o.From), string(o.To), int32(o.Number)
		firsts[i], ats[i] = o.First, o.At
		if !o.To.Final() {
			dues[i] = zeroAsNull(o.Due)
		}
		codes[i], enhanced[i] = int32(o.Reply.Code), o.Reply.Enhanced
		classes[i] = cmp.Or(string(o.Meaning.Bounce), string(o.Meaning.Class))
		replies[i], tls[i], doubts[i] = o.Reply.String(), o.TLS, o.InDoubt
	}
	return []any{ledgers, ids, providers, was, states, numbers, firsts, dues, ats, codes, enhanced, classes, replies, tls, doubts,
		outcomes[0].Node}
}

func queueAttempts(batch *pgx.Batch, outcomes []Outcome) {
	var (
		ats                                        []time.Time
		ledgers, codes, took                       []int32
		ids, campaigns, contacts, providers, nodes []int64
		results, hosts, phases, enhanced           []string
		classes, bounces, rules, replies           []string
		versions, ciphers, subjects                []string
		verified                                   []bool
	)
	for _, o := range outcomes {
		if o.To == campaign.Delivered && !o.InDoubt || o.Told && !o.To.Final() {
			continue
		}
		result := string(o.To)
		if o.InDoubt {
			result = string(campaign.InDoubt)
		}
		ats, ledgers, ids = append(ats, o.At), append(ledgers, o.Ledger), append(ids, o.Delivery)
		campaigns, contacts = append(campaigns, o.Campaign), append(contacts, o.Contact)
		providers, nodes = append(providers, o.Provider), append(nodes, o.Node)
		results, hosts = append(results, result), append(hosts, o.Host)
		phases, codes = append(phases, string(o.Reply.Phase)), append(codes, int32(o.Reply.Code))
		enhanced, classes = append(enhanced, o.Reply.Enhanced), append(classes, string(o.Meaning.Class))
		bounces, rules = append(bounces, string(o.Meaning.Bounce)), append(rules, o.Meaning.Rule)
		replies, took = append(replies, o.Reply.String()), append(took, int32(o.Took.Milliseconds()))
		e := o.Encryption
		versions, ciphers = append(versions, e.Version), append(ciphers, e.Cipher)
		subjects, verified = append(subjects, e.Subject), append(verified, e.Verified)
	}
	if len(ats) > 0 {
		batch.Queue(sqlInsertAttempts, ats, ledgers, ids, campaigns, contacts, providers, nodes, results, hosts,
			phases, codes, enhanced, classes, bounces, rules, replies, took,
			versions, ciphers, subjects, verified)
	}
}
