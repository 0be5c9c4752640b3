package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
)

const (
	// An erasure waits for batches that are being stored and merged, and they
	// for it: a row is either found by the erasure, or refused by what it left
	// behind.
	sqlErasureShare = `select pg_advisory_xact_lock_shared(7310584036)`
	sqlErasureLock  = `select pg_advisory_xact_lock(7310584036)`

	sqlErasuresAny   = `select exists (select from erasures)`
	sqlErasuresKnown = `select hash from erasures where hash = any($1)`
	sqlErasureAdd    = `insert into erasures (hash, at) select unnest($1::bytea[]), $2 on conflict do nothing`

	sqlErasureImports = `select id from imports where state in ('staging', 'merging') order by id`
	// The merge counts such a row and leaves it out.
	sqlErasureStaged = `
update import_rows set status = 'erased', fields = '{}', consent = null where address_key = $1`

	sqlErasureContact = `select id from contacts where address_key = $1 for update`

	// What was not sent is not sent. The outcome of who has it in hand comes late.
	sqlErasureDeliveries = `
with gone as (
    delete from mail_queue q using deliveries d
     where d.contact_id = $1 and d.state in ('queued', 'deferred') and ` + sqlQueued + `
), open as materialized (
    select d.ledger_id, d.id, d.campaign_id, d.provider_id, d.domain_id, d.state, d.doubted
      from deliveries d where d.contact_id = $1 and d.state in ('queued', 'deferred') for update
)
update deliveries d
   set state = case when open.doubted then 'in_doubt'::delivery_state else 'suppressed' end, class = 'erased',
       updated_at = $2
  from open where d.ledger_id = open.ledger_id and d.id = open.id
returning open.campaign_id, coalesce(open.provider_id, 0), open.domain_id, open.state::text, open.doubted`

	// The ledger keeps what happened, without the words that may name them.
	sqlErasureAttempts = `
update attempts a set reply = '' from deliveries d where d.contact_id = $1 and a.delivery_id = d.id and a.contact_id = $1`
	sqlErasureReplies = `update deliveries set reply = null where contact_id = $1 and reply is not null`
	sqlErasureFields  = `
update import_steps set previous[array_position(changed, $1)] = '{}' where $1 = any(changed)`
	sqlErasureMembers  = `delete from list_members where contact_id = $1`
	sqlErasureContacts = `delete from contacts where id = $1`

	sqlErasureSuppressions = `delete from suppressions where kind = 'address' and key = $1`
	sqlErasureLifts        = `delete from suppression_lifts where kind = 'address' and key = $1`
	sqlErasureRejects      = `
delete from import_rejects r
 where strpos(lower(array_to_string(r.cells, ' ')), lower($1)) > 0 or lower(r.suggestion) = lower($1)`
	sqlErasureTypos = `
update imports set counts = jsonb_set(counts, '{typos}', '[]') where strpos(lower(counts ->> 'typos'), lower($1)) > 0`
)

// Erasure is a person's wish to be forgotten.
type Erasure struct {
	Key     string   // exact key of the address
	Address string   // as it is sent
	Hashes  [][]byte // keyed hashes of the exact and the canonical key
	At      time.Time
}

// Erase deletes what is known of a person and remembers the hashes. Where no
// contact has the address it does all the same, and returns [ErrNotFound].
func (s *Store) Erase(ctx context.Context, e Erasure) error {
	known := false
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		for _, lock := range []string{sqlLaunchesWait, sqlErasureLock} {
			if _, err := tx.Exec(ctx, lock); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, sqlErasureAdd, e.Hashes, e.At); err != nil {
			return err
		}
		if err := eraseTraces(ctx, tx, e); err != nil {
			return err
		}
		var contact int64
		err := tx.QueryRow(ctx, sqlErasureContact, e.Key).Scan(&contact)
		if known = !errors.Is(err, pgx.ErrNoRows); err != nil && known {
			return err
		}
		if !known {
			return nil
		}
		return eraseContact(ctx, tx, contact, e.At)
	})
	if err == nil && !known {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("erase a contact: %w", err)
	}
	return nil
}

// eraseTraces deletes what names an address apart from the contact itself.
func eraseTraces(ctx context.Context, tx pgx.Tx, e Erasure) error {
	rows, err := tx.Query(ctx, sqlErasureImports)
	if err != nil {
		return err
	}
	imports, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	for _, id := range imports {
		var there bool
		if err := tx.QueryRow(ctx, sqlStagingThere, fmt.Sprintf("import_rows_%d", id)).Scan(&there); err != nil {
			return err
		}
		if !there {
			continue
		}
		if _, err := tx.Exec(ctx, staged(id, sqlErasureStaged), e.Key); err != nil {
			return err
		}
	}
	for statement, arg := range map[string]string{sqlErasureSuppressions: e.Key, sqlErasureLifts: e.Key,
		sqlErasureRejects: e.Address, sqlErasureTypos: e.Address} {
		if _, err := tx.Exec(ctx, statement, arg); err != nil {
			return err
		}
	}
	return nil
}

func eraseContact(ctx context.Context, tx pgx.Tx, contact int64, now time.Time) error {
	if _, err := endIn(ctx, tx, campaign.Suppressed, sqlErasureDeliveries, contact, now); err != nil {
		return err
	}
	for _, statement := range []string{sqlErasureAttempts, sqlErasureReplies, sqlErasureFields, sqlErasureMembers, sqlErasureEngagement, sqlErasureContacts} {
		if _, err := tx.Exec(ctx, statement, contact); err != nil {
			return err
		}
	}
	return nil
}

// leaveOutErased takes the rows of people who asked to be forgotten out of a
// batch and returns how many these were. The caller holds the lock of
// sqlErasureShare.
func leaveOutErased(ctx context.Context, tx pgx.Tx, b *StagedBatch, hash func(key string) []byte) (int64, error) {
	hashes := make([][]byte, 0, 2*len(b.staged))
	for _, m := range b.staged {
		key, canonical := b.keys(m)
		hashes = append(hashes, hash(string(key)))
		if !bytes.Equal(key, canonical) {
			hashes = append(hashes, hash(string(canonical)))
		}
	}
	rows, err := tx.Query(ctx, sqlErasuresKnown, hashes)
	if err != nil {
		return 0, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil || len(found) == 0 {
		return 0, err
	}
	known := make(map[string]bool, len(found))
	for _, h := range found {
		known[string(h)] = true
	}
	return b.leaveOut(func(key, canonical string) bool {
		return known[string(hash(key))] || known[string(hash(canonical))]
	}), nil
}
