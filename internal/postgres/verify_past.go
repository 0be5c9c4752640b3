package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/listhygiene/verification"
	"github.com/headwaymail/headway/pacing/reply"
)

const (
	sqlAnyDelivery = `select exists (select from deliveries)`

	// The campaigns that tell of silence: all that a reader does was counted.
	sqlTellingCampaigns = `
select coalesce(array_agg(id), '{}') from campaigns
 where launched_at is not null and not system and settings @> '{"tracking": {"clicks": true, "opens": true}}'`

	// Domains that accepted messages and reported later that there is no such
	// mailbox, since their mail hosts are whose they are now. Whether one has also
	// refused such a mailbox at once is only asked of those with enough reports.
	// Index: attempts_reported, contacts_domain, deliveries_contact, attempts_delivery.
	sqlReturned = `
with returned as (
    select c.domain_id, count(distinct a.contact_id) as addresses, max(a.at) as last
      from attempts a join contacts c on c.id = a.contact_id
     where a.phase = 'async' and a.bounce = 'bad_mailbox' and a.at > $1
       and not exists (select from domain_moves m where m.domain_id = c.domain_id and m.at > a.at)
     group by c.domain_id having count(distinct a.contact_id) >= $2
)
select r.domain_id, r.addresses, r.last,
       exists (select from contacts c
                 join deliveries d on d.contact_id = c.id and d.state = 'bounced' and d.class = 'bad_mailbox' and d.updated_at > $1
                 join attempts a on a.delivery_id = d.id and a.phase <> 'async' and a.bounce = 'bad_mailbox'
                where c.domain_id = r.domain_id)
  from returned r`

	// The last refusal for want of SMTPUTF8 at each domain, unless its mail moved
	// since, or its hosts took mail for such an address. The domain of an address
	// is stored in A-labels, so that what is beyond ASCII is the local part.
	// Index: attempts_utf8, contacts_domain, deliveries_contact.
	sqlUTF8Refusals = `
select distinct on (c.domain_id) c.domain_id, a.at, a.reply
  from attempts a join contacts c on c.id = a.contact_id
 where a.rule = 'any-smtputf8' and a.at > $1 and octet_length(c.address) > char_length(c.address)
   and not exists (select from domain_moves m where m.domain_id = c.domain_id and m.at > a.at)
   and not exists (select from contacts other
                     join deliveries d on d.contact_id = other.id and d.state = 'delivered' and d.updated_at > a.at
                    where other.domain_id = c.domain_id and octet_length(other.address) > char_length(other.address))
 order by c.domain_id, a.at desc`
)

// utf8For is how long a host is held to be without SMTPUTF8: then one message
// finds out whether it has learnt it.
const utf8For = 90 * 24 * time.Hour

// Past says what there is to look for in the history of contacts. The zero value
// stands for nothing.
type Past struct {
	Any      bool    // anything was ever sent
	telling  []int64 // campaigns of which clicks and opens were counted
	returned map[int64]verification.Returned
	utf8     map[int64]verification.Refusal
}

// Past returns what there is to look for in the history of contacts at a time,
// and what the messages to others at their domains met.
func (s *Store) Past(ctx context.Context, now time.Time) (p Past, err error) {
	if err = s.pool.QueryRow(ctx, sqlAnyDelivery).Scan(&p.Any); err == nil && p.Any {
		err = s.pool.QueryRow(ctx, sqlTellingCampaigns).Scan(&p.telling)
	}
	if err == nil && p.Any {
		p.returned, err = s.returned(ctx, now)
	}
	if err == nil && p.Any {
		p.utf8, err = s.utf8Refusals(ctx, now)
	}
	return p, wrap(err, "what was sent")
}

func (s *Store) returned(ctx context.Context, now time.Time) (map[int64]verification.Returned, error) {
	rows, err := s.pool.Query(ctx, sqlReturned, verification.ProvenSince(now), verification.ReturnedAddresses)
	if err != nil {
		return nil, err
	}
	var (
		found  = make(map[int64]verification.Returned)
		domain int64
		r      verification.Returned
	)
	_, err = pgx.ForEachRow(rows, []any{&domain, &r.Addresses, &r.Last, &r.Refuses}, func() error { found[domain] = r; return nil })
	return found, err
}

func (s *Store) utf8Refusals(ctx context.Context, now time.Time) (map[int64]verification.Refusal, error) {
	rows, err := s.pool.Query(ctx, sqlUTF8Refusals, now.Add(-utf8For))
	if err != nil {
		return nil, err
	}
	var (
		found  = make(map[int64]verification.Refusal)
		domain int64
		r      = verification.Refusal{Bounce: reply.BounceRecipientPolicy}
	)
	_, err = pgx.ForEachRow(rows, []any{&domain, &r.At, &r.Reply}, func() error { found[domain] = r; return nil })
	return found, err
}
