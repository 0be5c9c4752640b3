package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
)

// MailHost says what DNS knows of a domain's mail.
type MailHost string

// What a look at a domain may find.
const (
	MailHostMX        MailHost = "mx"
	MailHostImplicit  MailHost = "implicit"     // no MX, but an address (RFC 5321 §5.1)
	MailHostNull      MailHost = "null_mx"      // it says that it takes no mail (RFC 7505)
	MailHostNoDomain  MailHost = "no_domain"    // NXDOMAIN
	MailHostNone      MailHost = "no_mail_host" // neither MX nor address
	MailHostTemporary MailHost = "temporary"    // DNS gave no answer
)

// Look is what one look at a domain found.
type Look struct {
	Domain      int64
	Found       MailHost
	MX          []string
	ProviderKey string // for MailHostMX and MailHostImplicit
	Provider    string // its name for people
	Expires     time.Time
}

// UnknownDomain is a domain that mail waits for and whose provider is unknown.
type UnknownDomain struct {
	ID    int64
	Name  string
	Looks int // at it that found no mail host, since one was found
}

const (
	// Among the mail that has waited longest; what is behind it, the next look finds.
	// Index: mail_queue_due, for a provider of 0.
	sqlUnknownDomains = `
select dom.id, dom.name, dom.looks
  from domains dom
 where dom.id in (
    select first.domain_id from campaigns camp
     cross join lateral (
        select q.domain_id from mail_queue q
         where q.campaign_id = camp.id and q.provider_id = 0 and not q.deferred and q.due_at <= $1
         order by q.due_at, q.delivery_id limit 10000) first
     where camp.state = 'sending'
    union
    select q.domain_id from campaigns camp
      join mail_queue q on q.campaign_id = camp.id and q.provider_id = 0 and q.deferred and q.due_at <= $1
     where camp.state = 'sending')
 order by dom.id
 limit $2`

	sqlAnyUnknownDomain = `
select exists (
    select from campaigns camp
      join campaign_providers cp on cp.campaign_id = camp.id and cp.provider_id = 0 and cp.queued + cp.deferred > 0
      join mail_queue q on q.campaign_id = camp.id and q.provider_id = 0 and q.due_at <= $1
     where camp.state = 'sending')`

	sqlEnsureProviders = `
insert into providers (key, name) select * from unnest($1::text[], $2::text[]) order by 1
on conflict (key) do nothing`

	sqlProviderIDs = `select key, id from providers where key = any($1)`

	sqlRecordMoves = `
insert into domain_moves (domain_id, at, from_provider, to_provider)
select d.id, $3, d.provider_id, l.provider_id
  from unnest($1::bigint[], $2::bigint[]) as l(domain_id, provider_id)
  join domains d on d.id = l.domain_id
 where d.provider_id <> l.provider_id
on conflict do nothing`

	sqlSetDomains = `
update domains d
   set provider_id = coalesce(l.provider_id, d.provider_id), mail_host = l.mail_host,
       mx = string_to_array(l.mx, ' '), resolved_at = $6, expires_at = l.expires_at,
       looks = case when l.mail_host in ('mx', 'implicit') then 0
                    when l.mail_host = 'temporary' then d.looks else d.looks + 1 end
  from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::timestamptz[])
       as l(domain_id, provider_id, mail_host, mx, expires_at)
 where d.id = l.domain_id`

	// Deliveries that waited for their provider. Nobody claims them before.
	sqlAssignProvider = `
with moved as (
    update mail_queue q
       set provider_id = l.provider_id
      from unnest($1::bigint[], $2::bigint[]) as l(domain_id, provider_id), campaigns camp
     where q.campaign_id = camp.id and camp.state in ('sending', 'paused') and q.provider_id = 0 and q.domain_id = l.domain_id
    returning q.ledger_id, q.delivery_id, q.provider_id
)
update deliveries d set provider_id = moved.provider_id
  from moved where d.ledger_id = moved.ledger_id and d.id = moved.delivery_id
returning d.campaign_id, d.provider_id, d.domain_id, d.state::text`
)

// UnknownDomains returns domains whose provider must be found before their due
// mail can go out.
func (s *Store) UnknownDomains(ctx context.Context, limit int, now time.Time) ([]UnknownDomain, error) {
	rows, err := s.pool.Query(ctx, sqlUnknownDomains, now, limit)
	if err != nil {
		return nil, fmt.Errorf("unknown domains: %w", err)
	}
	domains, err := pgx.CollectRows(rows, pgx.RowToStructByPos[UnknownDomain])
	if err != nil {
		return nil, fmt.Errorf("unknown domains: %w", err)
	}
	return domains, nil
}

// AnyUnknownDomain reports whether due mail waits for its provider to be found.
func (s *Store) AnyUnknownDomain(ctx context.Context, now time.Time) (bool, error) {
	var any bool
	if err := s.hot.QueryRow(ctx, sqlAnyUnknownDomain, now).Scan(&any); err != nil {
		return false, fmt.Errorf("unknown domains: %w", err)
	}
	return any, nil
}

// SaveLooks stores what was found of domains and hands their waiting
// deliveries to the providers.
func (s *Store) SaveLooks(ctx context.Context, looks []Look, now time.Time) error {
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		ids, err := ensureProviders(ctx, tx, looks)
		if err != nil {
			return err
		}
		n := len(looks)
		domains, providers := make([]int64, n), make([]*int64, n)
		found, mx, expires := make([]string, n), make([]string, n), make([]time.Time, n)
		var known, knownProvider []int64
		for i, look := range looks {
			domains[i], found[i], expires[i] = look.Domain, string(look.Found), look.Expires
			for j, host := range look.MX {
				if j > 0 {
					mx[i] += " "
				}
				mx[i] += host
			}
			if id, ok := ids[look.ProviderKey]; ok && look.ProviderKey != "" {
				providers[i] = &id
				known, knownProvider = append(known, look.Domain), append(knownProvider, id)
			}
		}
		if _, err := tx.Exec(ctx, sqlRecordMoves, known, knownProvider, now); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlSetDomains, domains, providers, found, mx, expires, now); err != nil {
			return err
		}
		return assignProviders(ctx, tx, known, knownProvider)
	})
	if err != nil {
		return fmt.Errorf("save looks at %d domains: %w", len(looks), err)
	}
	return nil
}

func ensureProviders(ctx context.Context, tx pgx.Tx, looks []Look) (map[string]int64, error) {
	names := make(map[string]string)
	for _, look := range looks {
		if look.ProviderKey != "" {
			names[look.ProviderKey] = look.Provider
		}
	}
	keys, words := make([]string, 0, len(names)), make([]string, 0, len(names))
	for key, name := range names {
		keys, words = append(keys, key), append(words, name)
	}
	if _, err := tx.Exec(ctx, sqlEnsureProviders, keys, words); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, sqlProviderIDs, keys)
	if err != nil {
		return nil, err
	}
	ids := make(map[string]int64, len(keys))
	var (
		key string
		id  int64
	)
	_, err = pgx.ForEachRow(rows, []any{&key, &id}, func() error {
		ids[key] = id
		return nil
	})
	return ids, err
}

func assignProviders(ctx context.Context, tx pgx.Tx, domains, providers []int64) error {
	rows, err := tx.Query(ctx, sqlAssignProvider, domains, providers)
	if err != nil {
		return err
	}
	sums := newChanges()
	var (
		campaignID, provider, domain int64
		state                        campaign.DeliveryState
	)
	_, err = pgx.ForEachRow(rows, []any{&campaignID, &provider, &domain, &state}, func() error {
		moved := campaign.Counters{Targeted: 1}
		moved.Count(state, 1)
		left := campaign.Counters{Targeted: -1}
		left.Count(state, -1)
		to, from := counterKey{campaignID, provider}, counterKey{campaignID, 0}
		sums.providers[to] = sums.providers[to].Add(moved)
		sums.providers[from] = sums.providers[from].Add(left)
		return nil
	})
	if err != nil {
		return err
	}
	return sums.apply(ctx, tx, true)
}
