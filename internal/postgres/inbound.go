package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Purpose says to which kind of address a mail came back.
type Purpose string

// The purposes of inbound mail.
const (
	PurposeBounce      Purpose = "bounce"      // b.TOKEN@, a return path
	PurposeUnsubscribe Purpose = "unsubscribe" // u.TOKEN@
	PurposeRole        Purpose = "role"        // postmaster@, abuse@, fbl@
)

// InboundMail is a mail that came back, as it was received.
type InboundMail struct {
	ID       int64
	At       time.Time
	Purpose  Purpose
	Campaign int64 // of the token at RCPT; 0 for a role address
	Contact  int64
	Remote   string // address of the client
	HELO     string
	From     string // envelope sender
	Size     int64  // of the whole mail, of which Raw may be the beginning
	Raw      []byte
	Tries    int
}

// Settlement is what became of an inbound mail.
type Settlement struct {
	Kind  string // see listhygiene/dsn
	Class string // bounce class of a failure
	Rule  string
	Words string
}

const (
	sqlSaveInbound = `
insert into inbound_mails (at, purpose, campaign_id, contact_id, remote, helo, envelope_from, size, raw, due_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $1)
returning id`

	// Index: inbound_mails_due.
	sqlInboundWaiting = `select count(*) from (select 1 from inbound_mails where settled_at is null limit $1) waiting`

	sqlTakeInbound = `
select id, at, purpose, campaign_id, contact_id, remote, helo, envelope_from, size, coalesce(raw, ''), tries
  from inbound_mails
 where settled_at is null and due_at <= $1
 order by due_at, id
 limit 1
   for update skip locked`

	sqlSettleInbound = `
update inbound_mails set settled_at = $2, kind = $3, class = $4, rule = $5, words = $6 where id = $1`

	sqlRetryInbound = `
update inbound_mails set tries = tries + 1, due_at = $2, words = $3 where id = $1`

	// The mails go after a week, what became of them after a month.
	sqlForgetRaw    = `update inbound_mails set raw = null where raw is not null and settled_at is not null and at < $1`
	sqlForgetMails  = `delete from inbound_mails where settled_at is not null and at < $1`
	sqlInboundCount = `
select coalesce(kind, 'waiting'), coalesce(class, ''), count(*), max(at) from inbound_mails where at > $1 group by 1, 2 order by 3 desc, 1, 2`

	sqlComplained = `
insert into suppressions (scope, kind, key, canonical_key, reason, evidence, created_at)
select 'global', 'address', c.address_key, c.canonical_key, 'complained', $2, $3 from contacts c where c.id = $1
on conflict do nothing`

	sqlContactComplained = `
update contacts set status = 'complained', status_since = $2, updated_at = $2
 where id = $1 and status <> 'complained'`

	sqlForgetSoftOf = `delete from soft_bounces where kind = 'contact' and subject_id = $1`
)

// Lengths of time for which inbound mails are kept.
const (
	keepRaw     = 7 * 24 * time.Hour
	keepSettled = 30 * 24 * time.Hour
)

// SaveInbound stores a mail and what also does, in one transaction. When it
// returns, the mail survives a crash.
func (s *Store) SaveInbound(ctx context.Context, m InboundMail, also func(pgx.Tx) error) (id int64, err error) {
	err = s.InTx(ctx, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, sqlSaveInbound, m.At, string(m.Purpose), m.Campaign, m.Contact, storable(m.Remote), storable(m.HELO),
			storable(m.From), m.Size, m.Raw).Scan(&id)
		if err != nil || also == nil {
			return err
		}
		return also(tx)
	})
	if err != nil {
		return 0, fmt.Errorf("store an inbound mail: %w", err)
	}
	return id, nil
}

// InboundWaiting returns how many mails wait to be read, counted up to a limit.
func (s *Store) InboundWaiting(ctx context.Context, limit int) (int, error) {
	var n int
	if err := s.pool.QueryRow(ctx, sqlInboundWaiting, limit).Scan(&n); err != nil {
		return 0, fmt.Errorf("count inbound mails: %w", err)
	}
	return n, nil
}

// mostTries is how often a mail is read that cannot be recorded.
const mostTries = 5

// SettleInbound takes the next mail that waits and records what became of it in
// the transaction in which read works. It reports whether there was one. A mail
// on which read fails is put back, and given up after five times.
func (s *Store) SettleInbound(ctx context.Context, now time.Time, read func(pgx.Tx, InboundMail) (Settlement, error)) (found bool, err error) {
	var (
		m      InboundMail
		failed error
	)
	err = s.InTx(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sqlTakeInbound, now)
		if err != nil {
			return err
		}
		m, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[InboundMail])
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		found = true
		var settled Settlement
		if settled, failed = read(tx, m); failed != nil {
			return failed
		}
		_, err = tx.Exec(ctx, sqlSettleInbound, m.ID, now, settled.Kind, settled.Class, settled.Rule, storable(settled.Words))
		return err
	})
	if failed == nil || ctx.Err() != nil {
		return found, wrap(err, "settle an inbound mail")
	}
	if m.Tries+1 >= mostTries {
		_, err = s.pool.Exec(ctx, sqlSettleInbound, m.ID, now, "failed", "", "", storable("could not be recorded: "+failed.Error()))
	} else {
		_, err = s.pool.Exec(ctx, sqlRetryInbound, m.ID, now.Add(time.Minute<<m.Tries), storable(failed.Error()))
	}
	return true, wrap(err, "put an inbound mail back")
}

func wrap(err error, doing string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// ForgetInbound deletes mails that were settled long ago.
func (s *Store) ForgetInbound(ctx context.Context, now time.Time) error {
	if _, err := s.pool.Exec(ctx, sqlForgetRaw, now.Add(-keepRaw)); err != nil {
		return fmt.Errorf("forget inbound mails: %w", err)
	}
	if _, err := s.pool.Exec(ctx, sqlForgetMails, now.Add(-keepSettled)); err != nil {
		return fmt.Errorf("forget inbound mails: %w", err)
	}
	return nil
}

// InboundCount is how many mails of one kind came back.
type InboundCount struct {
	Kind  string    `json:"kind"`
	Class string    `json:"class"`
	Mails int64     `json:"mails"`
	Last  time.Time `json:"last"`
}

// InboundCounts counts the mails that came back since a time, the most first.
func (s *Store) InboundCounts(ctx context.Context, since time.Time) ([]InboundCount, error) {
	rows, err := s.pool.Query(ctx, sqlInboundCount, since)
	if err != nil {
		return nil, fmt.Errorf("count inbound mails: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[InboundCount])
	return list, wrap(err, "count inbound mails")
}

// Complain records that a contact reported a message as unwanted: nothing that
// this installation sends goes there any more.
func Complain(ctx context.Context, tx pgx.Tx, contact int64, evidence []byte, now time.Time) error {
	if _, err := tx.Exec(ctx, sqlComplained, contact, evidence, now); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, sqlContactComplained, contact, now); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, sqlNotify, "suppressed")
	return err
}

// ForgetSoft clears the soft refusals of a contact.
func ForgetSoft(ctx context.Context, tx pgx.Tx, contact int64) error {
	_, err := tx.Exec(ctx, sqlForgetSoftOf, contact)
	return err
}

// storable returns words of others as Postgres takes them: valid UTF-8 without
// NUL.
func storable(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\uFFFD")
}
