package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/pacing/reply"
)

// NotifyChannel carries short words to all nodes: see internal/delivery.
const NotifyChannel = "headway"

const (
	sqlNotify = `select pg_notify('headway', $1)`

	sqlContactKeys = `select address_key, canonical_key from contacts where id = $1 for update`

	// They left the lists that a campaign went to.
	sqlLeaveLists = `
update list_members m set status = 'unsubscribed', since = $3
  from campaign_lists cl
 where cl.campaign_id = $1 and not cl.exclude and m.list_id = cl.list_id and m.contact_id = $2
   and m.status <> 'unsubscribed'
returning m.list_id`

	sqlSuppressForLists = `
insert into suppressions (scope, list_id, kind, key, canonical_key, reason, evidence, created_at)
select 'list', cl.list_id, 'address', $2, $3, 'unsubscribed', $4, $5
  from campaign_lists cl where cl.campaign_id = $1 and not cl.exclude
 order by cl.list_id
on conflict do nothing`

	sqlSuppressEverywhere = `
insert into suppressions (scope, kind, key, canonical_key, reason, evidence, created_at, expires_at)
values ('global', $1, $2, $3, $4, $5, $6, $7)
on conflict do nothing`

	sqlContactLeft = `
update contacts set status = 'unsubscribed', status_since = $2, updated_at = $2
 where id = $1 and status in ('active', 'unconfirmed')`

	// The link stands in the campaign's own message: whoever uses it has got it.
	// Index: deliveries_once.
	sqlProvenReceipt = `
select d.ledger_id, d.id, d.domain_id, coalesce(d.provider_id, 0), d.state::text
  from campaigns c
  join deliveries d on d.ledger_id = c.ledger_id and d.campaign_id = c.id
 where c.id = $1 and d.contact_id = $2 and d.doubted`

	// Index: the primary key.
	sqlSuppressionsSince = `
select id, kind, key, coalesce(canonical_key, '') from suppressions where id > $1 order by id limit 10000`

	sqlLastSuppression = `select coalesce(max(id), 0) from suppressions`
)

// Notify tells all nodes a short word; internal/delivery knows the words.
func (s *Store) Notify(ctx context.Context, words string) error {
	if _, err := s.pool.Exec(ctx, sqlNotify, words); err != nil {
		return fmt.Errorf("notify nodes: %w", err)
	}
	return nil
}

// Unsubscribe is one person's wish to leave, as a page, a one-click POST or a
// mail expressed it.
type Unsubscribe struct {
	Campaign   int64
	Contact    int64
	Everywhere bool   // all lists; otherwise those of the campaign, if it went to lists alone
	By         string // "one-click", "page", "mail"
	At         time.Time
}

// Unsubscribe records that a contact left. Saying it twice changes nothing. It
// returns the keys of the address, so that mail in hand can be stopped, and
// [pgx.ErrNoRows] when there is no such contact.
func (s *Store) Unsubscribe(ctx context.Context, u Unsubscribe) (key, canonical string, err error) {
	err = s.InTx(ctx, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, sqlContactKeys, u.Contact).Scan(&key, &canonical); err != nil {
			return err
		}
		var beyondLists bool
		if err := tx.QueryRow(ctx, sqlBeyondLists, u.Campaign).Scan(&beyondLists); err != nil {
			return err
		}
		u.Everywhere = u.Everywhere || beyondLists
		evidence, err := json.Marshal(map[string]any{"campaign": u.Campaign, "by": u.By})
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlLeaveLists, u.Campaign, u.Contact, u.At); err != nil {
			return err
		}
		if u.Everywhere {
			_, err = tx.Exec(ctx, sqlSuppressEverywhere, "address", key, canonical, "unsubscribed", evidence, u.At, nil)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, sqlContactLeft, u.Contact, u.At); err != nil {
				return err
			}
		} else {
			_, err = tx.Exec(ctx, sqlSuppressForLists, u.Campaign, key, canonical, evidence, u.At)
			if err != nil {
				return err
			}
		}
		if err := proveReceipt(ctx, tx, Touch{u.Campaign, u.Contact}, u.At); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, sqlNotify, "suppressed")
		return err
	})
	if err != nil {
		return "", "", fmt.Errorf("unsubscribe contact %d: %w", u.Contact, err)
	}
	return key, canonical, nil
}

// ProveReceipt ends the doubt about a message, if there is any: one of its links
// was used, or its image loaded.
func (s *Store) ProveReceipt(ctx context.Context, t Touch, at time.Time) error {
	err := s.InTx(ctx, func(tx pgx.Tx) error { return proveReceipt(ctx, tx, t, at) })
	return wrap(err, fmt.Sprintf("receipt by contact %d", t.Contact))
}

func proveReceipt(ctx context.Context, tx pgx.Tx, t Touch, at time.Time) error {
	o := Outcome{Campaign: t.Campaign, Contact: t.Contact, To: campaign.Delivered, At: at}
	err := tx.QueryRow(ctx, sqlProvenReceipt, t.Campaign, t.Contact).Scan(&o.Ledger, &o.Delivery, &o.Domain, &o.Provider, &o.From)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	o.Reply = reply.Reply{Phase: reply.PhaseAsync, Lines: []string{"the reader used a link of this message"}}
	sums := newChanges()
	if _, err := correct(ctx, tx, o, sums); err != nil {
		return err
	}
	return sums.apply(ctx, tx, false)
}

// Suppression is something that must not be mailed, as nodes keep it in mind.
type Suppression struct {
	ID        int64
	Kind      string // address or domain
	Key       string
	Canonical string // empty when only the exact key is meant
}

// SuppressionsSince returns suppressions newer than the one with id after.
func (s *Store) SuppressionsSince(ctx context.Context, after int64) ([]Suppression, error) {
	rows, err := s.pool.Query(ctx, sqlSuppressionsSince, after)
	if err != nil {
		return nil, fmt.Errorf("new suppressions: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Suppression])
	if err != nil {
		return nil, fmt.Errorf("new suppressions: %w", err)
	}
	return list, nil
}

// LastSuppression returns the id of the newest suppression, 0 when there is none.
func (s *Store) LastSuppression(ctx context.Context) (int64, error) {
	var id int64
	if err := s.pool.QueryRow(ctx, sqlLastSuppression).Scan(&id); err != nil {
		return 0, fmt.Errorf("last suppression: %w", err)
	}
	return id, nil
}
