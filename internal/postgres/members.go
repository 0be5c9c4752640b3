package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/listhygiene"
)

// membersLooked bounds how many members one page looks at: a rare status among
// a million members must not make a page slow.
const membersLooked = 20_000

const (
	// Members by contact, of those that one page looks at. Index: list_members_pkey.
	sqlMembers = `
with looked as materialized (
    select contact_id, status, since from list_members where list_id = $1 and contact_id > $2 order by contact_id limit $5
)
select c.id, c.address, m.status, m.since, c.status, c.verdict, c.reasons, c.fields, (select max(contact_id) from looked), (select count(*) from looked)
  from looked m join contacts c on c.id = m.contact_id
 where ($3 = '' or m.status = $3) and ($4 = '' or c.verdict = $4)
 order by c.id limit $6`

	// Members whose address begins with some text. Indexes: contacts_address_key_key,
	// list_members_pkey.
	sqlMembersNamed = `
select c.id, c.address, m.status, m.since, c.status, c.verdict, c.reasons, c.fields, null::bigint, 0::bigint
  from (select * from contacts where address_key like $2 order by id limit $5) c
  join list_members m on m.list_id = $1 and m.contact_id = c.id
 where ($3 = '' or m.status = $3) and ($4 = '' or c.verdict = $4)
 order by c.id limit $6`

	// Index: contacts_address_key_key.
	sqlContactsNamed = `
select id, address, status, verdict from contacts where address_key like $1 limit $2`

	// Which of some contacts no campaign may mail. Who paused only waits.
	// Indexes: contacts_pkey, suppressions_once, suppressions_canonical,
	// suppressions_domain.
	sqlSuppressedAmong = `
select c.id from contacts c join suppressions s on s.key = c.address_key and s.kind = 'address'
 where c.id = any($1::bigint[]) and s.scope = 'global' and s.reason <> 'paused' and (s.expires_at is null or s.expires_at > $2)
union
select c.id from contacts c join suppressions s on s.canonical_key = c.canonical_key and s.kind = 'address'
 where c.id = any($1::bigint[]) and s.scope = 'global' and s.reason <> 'paused' and (s.expires_at is null or s.expires_at > $2)
union
select c.id from contacts c join domains d on d.id = c.domain_id join suppressions s on s.key = d.name and s.kind = 'domain'
 where c.id = any($1::bigint[]) and s.scope = 'global' and (s.expires_at is null or s.expires_at > $2)`

	sqlContactKey = `select address_key from contacts where id = $1`

	// Index: list_members_pkey.
	sqlListStatuses = `
select l.id, l.name, l.created_at, coalesce(sum(m.n), 0)::bigint, coalesce(sum(m.n) filter (where m.status = 'subscribed'), 0)::bigint,
       coalesce(sum(m.n) filter (where m.status = 'unconfirmed'), 0)::bigint, coalesce(sum(m.n) filter (where m.status = 'unsubscribed'), 0)::bigint
  from lists l left join (select list_id, status, count(*) as n from list_members group by list_id, status) m on m.list_id = l.id
 group by l.id order by l.name`
)

// Member is a contact as one list has it.
type Member struct {
	ID      int64
	Address string
	Status  string // in the list
	Since   time.Time
	Contact string // status everywhere
	Verdict string
	Reasons []string
	Fields  map[string]any
}

// MemberFilter says which members of a list are wanted; an empty field wants all.
type MemberFilter struct {
	List    int64
	Begins  string // of the address, in lower case
	Status  string
	Verdict string
	After   int64 // contact id
	Limit   int
}

// Members returns members by contact id, and the id after which the next page
// begins: 0 when nothing follows. A page may have fewer members than asked for,
// even none, although more follow: it looks at 20,000 at most.
func (s *Store) Members(ctx context.Context, f MemberFilter) (found []Member, next int64, err error) {
	sql, second := sqlMembers, any(f.After)
	if f.Begins != "" {
		sql, second = sqlMembersNamed, any(prefix(f.Begins))
	}
	most := membersLooked
	if f.Begins == "" && f.Status == "" && f.Verdict == "" {
		most = f.Limit + 1 // each that is looked at is shown
	}
	rows, err := s.pool.Query(ctx, sql, f.List, second, f.Status, f.Verdict, most, f.Limit+1)
	if err != nil {
		return nil, 0, fmt.Errorf("members of list %d: %w", f.List, err)
	}
	var (
		m      Member
		last   *int64
		looked int64
	)
	_, err = pgx.ForEachRow(rows, []any{&m.ID, &m.Address, &m.Status, &m.Since, &m.Contact, &m.Verdict, &m.Reasons, &m.Fields, &last, &looked},
		func() error {
			found = append(found, m)
			m.Fields, m.Reasons = nil, nil
			return nil
		})
	if err != nil {
		return nil, 0, fmt.Errorf("members of list %d: %w", f.List, err)
	}
	if len(found) > f.Limit {
		found = found[:f.Limit]
		return found, found[f.Limit-1].ID, nil
	}
	if f.Begins != "" {
		return found, 0, nil
	}
	if len(found) == 0 {
		return nil, s.lookedUpTo(ctx, f), nil
	}
	if looked >= membersLooked && last != nil {
		next = *last
	}
	return found, next, nil
}

// sqlLookedUpTo finds where a page that found nothing stopped looking.
const sqlLookedUpTo = `
select contact_id from list_members where list_id = $1 and contact_id > $2 order by contact_id limit 1 offset $3`

func (s *Store) lookedUpTo(ctx context.Context, f MemberFilter) int64 {
	var last int64
	if err := s.pool.QueryRow(ctx, sqlLookedUpTo, f.List, f.After, membersLooked-1).Scan(&last); err != nil {
		return 0 // fewer follow: all were looked at
	}
	return last
}

// prefix makes the pattern of texts that begin with text.
func prefix(text string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
}

// Found is a contact in the answer to a search.
type Found struct {
	ID      int64
	Address string
	Status  string // as it is kept; see [Store.MarkSuppressed]
	Verdict string
}

// suppressedStatus is shown for an active contact that no campaign may mail.
const suppressedStatus = "suppressed"

// MarkSuppressed shows those active contacts as suppressed that no campaign may
// mail as of now, as their own pages do.
func (s *Store) MarkSuppressed(ctx context.Context, found []Found, now time.Time) error {
	var ids []int64
	for _, f := range found {
		if f.Status == string(listhygiene.StatusActive) {
			ids = append(ids, f.ID)
		}
	}
	rows, err := s.pool.Query(ctx, sqlSuppressedAmong, ids, now)
	if err != nil {
		return wrap(err, "suppressed contacts")
	}
	if ids, err = pgx.CollectRows(rows, pgx.RowTo[int64]); err != nil {
		return wrap(err, "suppressed contacts")
	}
	for i, f := range found {
		if slices.Contains(ids, f.ID) {
			found[i].Status = suppressedStatus
		}
	}
	return nil
}

// ContactsNamed returns contacts whose address begins with text, in lower case.
func (s *Store) ContactsNamed(ctx context.Context, text string, limit int) ([]Found, error) {
	rows, err := s.pool.Query(ctx, sqlContactsNamed, prefix(text), limit)
	if err != nil {
		return nil, fmt.Errorf("contacts called %s…: %w", text, err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Found])
	return found, wrap(err, "contacts by address")
}

// PersonByID returns a contact with everything that is known; see [Store.Person].
func (s *Store) PersonByID(ctx context.Context, id int64, events int) (Person, error) {
	var key string
	err := s.pool.QueryRow(ctx, sqlContactKey, id).Scan(&key)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return Person{}, fmt.Errorf("contact %d: %w", id, err)
	}
	return s.Person(ctx, key, events)
}

// ListCounts is a list with its members by status.
type ListCounts struct {
	ID           int64
	Name         string
	CreatedAt    time.Time
	Members      int64
	Subscribed   int64
	Unconfirmed  int64
	Unsubscribed int64
}

// ListCounts returns all lists by name. It counts every membership, which takes
// a while with millions.
func (s *Store) ListCounts(ctx context.Context) ([]ListCounts, error) {
	rows, err := s.pool.Query(ctx, sqlListStatuses)
	if err != nil {
		return nil, fmt.Errorf("lists: %w", err)
	}
	lists, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ListCounts])
	return lists, wrap(err, "lists")
}
