package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/listhygiene"
)

// Paused is the reason of a suppression that a reader chose for a while. It
// always has an end, and ends by itself: claims and launches stop asking about it
// then, as about every suppression with an end.
const Paused listhygiene.SuppressionReason = "paused"

const (
	// What of everything that we send reaches a contact. Of a pause, whether it was
	// chosen with a message to this very address. By a segment, lists are reached
	// that readers have no name for, see [sqlPreferenceLists]. Indexes:
	// suppressions_once, suppressions_canonical, campaign_segments_pkey.
	sqlReach = `
select c.status = 'unsubscribed' or coalesce(bool_or(s.reason = 'unsubscribed'), false),
       max(s.expires_at) filter (where s.reason = 'paused'),
       coalesce(bool_or(s.reason = 'paused' and s.key = c.address_key), false),
       exists (select from campaign_segments cs join campaigns k on k.id = cs.campaign_id
                where not cs.exclude and k.launched_at is not null)
       and exists (select from list_members m where m.contact_id = c.id and m.status = 'subscribed'
                      and not exists (select from suppressions off where off.list_id = m.list_id and off.kind = 'address'
                                         and (off.key = c.address_key or off.canonical_key = c.canonical_key)
                                         and (off.expires_at is null or off.expires_at > $2)))
  from contacts c
  left join suppressions s on s.scope = 'global' and s.kind = 'address' and (s.key = c.address_key or s.canonical_key = c.canonical_key)
                          and (s.expires_at is null or s.expires_at > $2)
 where c.id = $1 group by c.id`

	// Index: suppressions_once.
	sqlPauses = `
select id, expires_at from suppressions where kind = 'address' and key = $1 and reason = 'paused' and list_id is null for update`
)

// Reach is what reaches somebody, by their own wish.
type Reach struct {
	Left    bool      // everything that we send
	Paused  time.Time // until when they get nothing; zero without a pause
	Own     bool      // the pause was chosen for this very address, and may be ended with its links
	Unnamed bool      // they may be reached by a segment, whatever lists readers know of
}

// Reach returns what reaches a contact, or [ErrNotFound].
func (s *Store) Reach(ctx context.Context, contact int64, now time.Time) (r Reach, err error) {
	var until *time.Time
	err = s.pool.QueryRow(ctx, sqlReach, contact, now).Scan(&r.Left, &until, &r.Own, &r.Unnamed)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNotFound
	}
	r.Paused = nullAsZero(until)
	return r, wrap(err, fmt.Sprintf("what reaches contact %d", contact))
}

// Pausing is a reader's wish to get nothing for a while, or no longer so.
type Pausing struct {
	Campaign int64 // whose message brought them there
	Contact  int64
	At       time.Time
	Until    time.Time // zero: end the pause
}

// Pause lets a contact get nothing until a time; an earlier pause ends with that.
// With no time it ends the pause. It returns the keys of the address, so that
// mail in hand can be stopped, and [pgx.ErrNoRows] when there is no such contact.
func (s *Store) Pause(ctx context.Context, p Pausing) (key, canonical string, err error) {
	err = s.InTx(ctx, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, sqlContactKeys, p.Contact).Scan(&key, &canonical); err != nil {
			return err
		}
		if err := endPauses(ctx, tx, key, p); err != nil {
			return err
		}
		if !p.Until.IsZero() {
			evidence, err := json.Marshal(map[string]any{"campaign": p.Campaign, "by": "page"})
			if err != nil {
				return err
			}
			_, err = tx.Exec(ctx, sqlSuppressEverywhere, "address", key, canonical, string(Paused), evidence, p.At, p.Until)
			if err != nil {
				return err
			}
		}
		if err := proveReceipt(ctx, tx, Touch{p.Campaign, p.Contact}, p.At); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, sqlNotify, "suppressed")
		return err
	})
	if err != nil {
		return "", "", fmt.Errorf("pause of contact %d: %w", p.Contact, err)
	}
	return key, canonical, nil
}

// endPauses puts the pauses of an address among what was lifted, those that have
// ended as of their end.
func endPauses(ctx context.Context, tx pgx.Tx, key string, p Pausing) error {
	rows, err := tx.Query(ctx, sqlPauses, key)
	if err != nil {
		return err
	}
	type pause struct {
		ID   int64
		Ends time.Time
	}
	pauses, err := pgx.CollectRows(rows, pgx.RowToStructByPos[pause])
	if err != nil {
		return err
	}
	for _, old := range pauses {
		at, by, note := p.At, "the reader", "by a link of a message"
		if !old.Ends.After(p.At) {
			at, by, note = old.Ends, "time", "it was over"
		}
		if _, err := tx.Exec(ctx, sqlLift, []int64{old.ID}, at, by, note); err != nil {
			return err
		}
	}
	return nil
}
