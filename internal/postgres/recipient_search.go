package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// sqlRecipientsNamed is [sqlRecipients] of some contacts. Index: deliveries_once.
const sqlRecipientsNamed = sqlRecipientsFrom + ` and contact_id = any($5::bigint[])` + sqlRecipientsTo

// recipientsLooked bounds the contacts whose deliveries one search looks for.
const recipientsLooked = 1000

// RecipientsNamed returns those recipients of a campaign, limit at most, whose
// address begins with text, in lower case. It reports whether so many contacts are
// called like that that not all of them were looked for.
func (s *Store) RecipientsNamed(ctx context.Context, id int64, text string, limit int) (page []Recipient, more bool, err error) {
	contacts, err := s.ContactsNamed(ctx, text, recipientsLooked+1)
	if err != nil || len(contacts) == 0 {
		return nil, false, err
	}
	if more = len(contacts) > recipientsLooked; more {
		contacts = contacts[:recipientsLooked]
	}
	ids := make([]int64, len(contacts))
	for i, c := range contacts {
		ids[i] = c.ID
	}
	ledger, err := s.ledgerOf(ctx, id)
	if err != nil {
		return nil, more, fmt.Errorf("recipients of campaign %d: %w", id, err)
	}
	rows, err := s.pool.Query(ctx, sqlRecipientsNamed, id, int64(0), limit, ledger, ids)
	if err != nil {
		return nil, more, fmt.Errorf("recipients of campaign %d: %w", id, err)
	}
	page, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Recipient])
	return page, more, wrap(err, fmt.Sprintf("recipients of campaign %d", id))
}
