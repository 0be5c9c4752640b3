package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
)

const (
	sqlAnyMember = `select exists (select from list_members)`

	// The newest message of our own, and whether one of the last twenty was
	// delivered. Indexes: campaigns_pkey backwards, deliveries_once.
	sqlNewestTest = `
select c.id, c.name, c.sender, ct.address, d.state::text, coalesce(d.reply, ''), coalesce(pr.name, ''), d.tls, d.updated_at,
       bool_or(d.state = 'delivered') over ()
  from (select id, name, ledger_id, coalesce(content ->> 'from_address', '') as sender from campaigns where system and ledger_id is not null order by id desc limit 20) c
  join deliveries d on d.ledger_id = c.ledger_id and d.campaign_id = c.id
  join contacts ct on ct.id = d.contact_id
  left join providers pr on pr.id = d.provider_id
 order by c.id desc limit 1`

	// Index: provider_minutes_pkey, for each provider.
	sqlAcceptedSince = `
select exists (
    select from providers p
     where exists (select from provider_minutes m where m.provider_id = p.id and m.minute >= $1 and m.accepted > 0))`
)

// AnyMember reports whether there is a contact on any list.
func (s *Store) AnyMember(ctx context.Context) (bool, error) {
	var any bool
	if err := s.pool.QueryRow(ctx, sqlAnyMember).Scan(&any); err != nil {
		return false, fmt.Errorf("members of lists: %w", err)
	}
	return any, nil
}

// SystemMessage is a message of a system campaign and what became of it.
type SystemMessage struct {
	Campaign int64
	Name     string
	Sender   string // the address in From
	Address  string
	State    campaign.DeliveryState
	Reply    string
	Provider string
	TLS      *bool // nil while it is not known
	At       time.Time
	Passed   bool // this one was delivered, or one of the last before it
}

// NewestTest returns the newest test or other message of a system campaign. The
// error is [ErrNotFound] when there is none.
func (s *Store) NewestTest(ctx context.Context) (SystemMessage, error) {
	rows, err := s.pool.Query(ctx, sqlNewestTest)
	if err != nil {
		return SystemMessage{}, fmt.Errorf("newest test: %w", err)
	}
	m, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[SystemMessage])
	if errors.Is(err, pgx.ErrNoRows) {
		return m, ErrNotFound
	}
	if err != nil {
		return m, fmt.Errorf("newest test: %w", err)
	}
	return m, nil
}

// AcceptedSince reports whether any message was accepted anywhere since a time.
func (s *Store) AcceptedSince(ctx context.Context, since time.Time) (any bool, err error) {
	if err := s.pool.QueryRow(ctx, sqlAcceptedSince, since).Scan(&any); err != nil {
		return false, fmt.Errorf("accepted messages: %w", err)
	}
	return any, nil
}
