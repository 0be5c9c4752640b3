package postgres

import (
	"context"
	"fmt"
	"time"
)

// Who a message went to, and when it was first tried; nothing of a contact that
// was erased. Index: deliveries_once.
const sqlAddressee = `
select coalesce(c.address, ''), coalesce(c.fields, '{}'), d.first_attempt_at
  from (values ($1::bigint, $2::bigint)) asked (campaign_id, contact_id)
  left join contacts c on c.id = asked.contact_id
  left join campaigns k on k.id = asked.campaign_id
  left join deliveries d on d.ledger_id = k.ledger_id and d.campaign_id = k.id and d.contact_id = asked.contact_id`

// Addressee is who a campaign's message went to, as they are known now.
type Addressee struct {
	Reader           // without an address when the contact was erased
	Sent   time.Time // the first attempt; zero when there was none
}

// Addressee returns who a campaign's message to a contact went to.
func (s *Store) Addressee(ctx context.Context, campaign, contact int64) (Addressee, error) {
	a := Addressee{Reader: Reader{ID: contact}}
	var sent *time.Time
	if err := s.pool.QueryRow(ctx, sqlAddressee, campaign, contact).Scan(&a.Address, &a.Fields, &sent); err != nil {
		return a, fmt.Errorf("addressee of campaign %d: %w", campaign, err)
	}
	a.Sent = nullAsZero(sent)
	return a, nil
}
