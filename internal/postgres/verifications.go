package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// VerificationState is where a pass of verification stands.
type VerificationState string

// The states of a verification, in order.
const (
	VerificationWaiting  VerificationState = "waiting"
	VerificationDomains  VerificationState = "domains"  // domains are looked up
	VerificationContacts VerificationState = "contacts" // contacts get their verdicts
	VerificationDone     VerificationState = "done"
)

// VerificationScope says whose contacts are verified. The zero value stands for
// the contacts of domains that were missing and are due for another look.
type VerificationScope struct {
	List   int64
	Import int64 // only who joined the list with this import; List is set, too
}

// VerificationCounts are the figures of a verification.
type VerificationCounts struct {
	Verdicts map[string]int64 `json:"verdicts"`
	Reasons  map[string]int64 `json:"reasons"`  // by the weightiest reason of each contact
	Mendable int64            `json:"mendable"` // contacts with a suggestion
	Changed  int64            `json:"changed"`  // contacts whose verdict or reasons are new
}

// Verification is one pass.
type Verification struct {
	ID            int64
	Scope         VerificationScope
	ListName      string // empty for a pass over domains
	State         VerificationState
	DomainsTotal  int64
	DomainsDone   int64
	ContactsTotal int64
	Cursor        int64
	Counts        VerificationCounts
	CreatedAt     time.Time
	FinishedAt    time.Time
}

// Judged returns the number of contacts that have their verdict.
func (v Verification) Judged() int64 {
	var n int64
	for _, count := range v.Counts.Verdicts {
		n += count
	}
	return n
}

const (
	sqlNewVerification = `
insert into verifications (list_id, import_id, created_at) values (nullif($1, 0), nullif($2, 0), $3)
on conflict do nothing returning id`

	sqlOpenVerification = `
select id from verifications
 where coalesce(list_id, 0) = $1 and coalesce(import_id, 0) = $2 and (state <> 'done' or $2 > 0)
 order by id desc limit 1`

	sqlVerification = `
select v.id, coalesce(v.list_id, 0), coalesce(v.import_id, 0), coalesce(l.name, ''), v.state, v.domains_total,
       v.domains_done, v.contacts_total, v.cursor, v.counts, v.created_at, v.finished_at
  from verifications v left join lists l on l.id = v.list_id
 where v.id = $1`

	sqlNewestVerification = `
select v.id, coalesce(v.list_id, 0), coalesce(v.import_id, 0), coalesce(l.name, ''), v.state, v.domains_total,
       v.domains_done, v.contacts_total, v.cursor, v.counts, v.created_at, v.finished_at
  from verifications v left join lists l on l.id = v.list_id
 where v.list_id = $1 and coalesce(v.import_id, 0) = $2
 order by v.id desc limit 1`

	// Of a list that was never looked at as a whole. Index: verifications_list, or few
	// rows.
	sqlNewestOfImports = `
select v.id, coalesce(v.list_id, 0), coalesce(v.import_id, 0), coalesce(l.name, ''), v.state, v.domains_total,
       v.domains_done, v.contacts_total, v.cursor, v.counts, v.created_at, v.finished_at
  from verifications v left join lists l on l.id = v.list_id
 where v.list_id = $1 and v.import_id is not null
 order by v.id desc limit 1`

	// Domains that are due for a look. A domain that was looked at lately is not
	// asked for again, whoever wants to know.
	sqlVerifyDomains = `
with due as (
    insert into verification_domains (verification_id, domain_id)
    select $1, d.id
      from (select distinct c.domain_id
              from list_members m join contacts c on c.id = m.contact_id
             where m.list_id = $2 and ($3 = 0 or m.import_id = $3)) used
      join domains d on d.id = used.domain_id
     where d.verify_at is null or d.verify_at <= $4
    on conflict do nothing
    returning 1
)
update verifications v
   set state = 'domains', domains_total = (select count(*) from due),
       contacts_total = (select count(*) from list_members m where m.list_id = $2 and ($3 = 0 or m.import_id = $3))
 where v.id = $1`

	// Index: domains_gone.
	sqlVerifyGone = `
with due as (
    insert into verification_domains (verification_id, domain_id)
    select $1, d.id from domains d where d.gone_since is not null and d.verify_at <= $2
    on conflict do nothing
    returning domain_id
)
update verifications v
   set state = 'domains', domains_total = (select count(*) from due),
       contacts_total = (select count(*) from contacts c join due on due.domain_id = c.domain_id)
 where v.id = $1`

	sqlVerificationContacts = `update verifications set state = 'contacts' where id = $1 and state = 'domains'`

	sqlVerificationProgress = `
update verifications set cursor = $2, counts = $3 where id = $1`

	sqlVerificationDone = `
update verifications set state = 'done', finished_at = $2 where id = $1`
	sqlForgetVerifyDomains = `delete from verification_domains where verification_id = $1`
	sqlListVerified        = `
update lists l set verified_at = $2 from verifications v where v.id = $1 and v.import_id is null and l.id = v.list_id`

	// A campaign that ended has proven many addresses, and refuted some.
	sqlListsToVerify = `
select l.id from lists l
 where l.verify_days > 0
   and (coalesce(l.verified_at, l.created_at) < $1::timestamptz - l.verify_days * interval '1 day'
        or exists (select from campaign_lists cl join campaigns c on c.id = cl.campaign_id
                    where cl.list_id = l.id and not cl.exclude and c.finished_at > coalesce(l.verified_at, l.created_at)))
   and exists (select from list_members m where m.list_id = l.id)
 order by l.id`

	sqlAnyGoneDue = `
select exists (select from domains where gone_since is not null and verify_at <= $1)`

	// Imports that ended and whose contacts nobody has begun to verify: the node
	// that was to ask for it died in between.
	sqlImportsToVerify = `
select i.id, i.list_id from imports i
 where i.state = 'done' and i.list_id is not null and i.finished_at > $1::timestamptz - interval '7 days'
   and not exists (select from verifications v where v.import_id = i.id)
 order by i.id`
)

// NewVerification enters a pass and calls also in the same transaction (to
// insert the job). Where one of this scope is open already, or an import was
// verified, its id is returned and also is not called.
func (s *Store) NewVerification(ctx context.Context, scope VerificationScope, now time.Time, also func(tx pgx.Tx, id int64) error) (int64, error) {
	var id int64
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, sqlNewVerification, scope.List, scope.Import, now).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			return tx.QueryRow(ctx, sqlOpenVerification, scope.List, scope.Import).Scan(&id)
		}
		if err != nil {
			return err
		}
		return also(tx, id)
	})
	if err != nil {
		return 0, fmt.Errorf("begin a verification: %w", err)
	}
	return id, nil
}

// Verification returns one pass.
func (s *Store) Verification(ctx context.Context, id int64) (Verification, error) {
	return s.verification(ctx, sqlVerification, id)
}

// NewestVerification returns the newest pass of a scope, or ErrNotFound.
func (s *Store) NewestVerification(ctx context.Context, scope VerificationScope) (Verification, error) {
	return s.verification(ctx, sqlNewestVerification, scope.List, scope.Import)
}

// NewestListVerification returns the newest pass over a list, and where there was
// none the newest over an import into it, or ErrNotFound.
func (s *Store) NewestListVerification(ctx context.Context, list int64) (Verification, error) {
	v, err := s.NewestVerification(ctx, VerificationScope{List: list})
	if errors.Is(err, ErrNotFound) {
		v, err = s.verification(ctx, sqlNewestOfImports, list)
	}
	return v, err
}

func (s *Store) verification(ctx context.Context, sql string, args ...any) (Verification, error) {
	var (
		v        Verification
		counts   []byte
		finished *time.Time
	)
	err := s.pool.QueryRow(ctx, sql, args...).Scan(&v.ID, &v.Scope.List, &v.Scope.Import, &v.ListName, &v.State,
		&v.DomainsTotal, &v.DomainsDone, &v.ContactsTotal, &v.Cursor, &counts, &v.CreatedAt, &finished)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNotFound
	}
	if err == nil {
		v.FinishedAt = nullAsZero(finished)
		err = json.Unmarshal(counts, &v.Counts)
	}
	if err != nil {
		return v, fmt.Errorf("verification %v: %w", args, err)
	}
	return v, nil
}

// BeginVerification notes which domains are to be looked up.
func (s *Store) BeginVerification(ctx context.Context, v Verification, now time.Time) error {
	var err error
	if v.Scope.List == 0 {
		_, err = s.pool.Exec(ctx, sqlVerifyGone, v.ID, now)
	} else {
		_, err = s.pool.Exec(ctx, sqlVerifyDomains, v.ID, v.Scope.List, v.Scope.Import, now)
	}
	if err != nil {
		return fmt.Errorf("verification %d: domains: %w", v.ID, err)
	}
	return nil
}

// BeginJudging turns from domains to contacts.
func (s *Store) BeginJudging(ctx context.Context, id int64) error {
	if _, err := s.pool.Exec(ctx, sqlVerificationContacts, id); err != nil {
		return fmt.Errorf("verification %d: %w", id, err)
	}
	return nil
}

// FinishVerification ends a pass.
func (s *Store) FinishVerification(ctx context.Context, id int64, now time.Time) error {
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sqlVerificationDone, id, now); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlForgetVerifyDomains, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, sqlListVerified, id, now)
		return err
	})
	if err != nil {
		return fmt.Errorf("verification %d: finish: %w", id, err)
	}
	return nil
}

// DueVerifications returns what is to be verified by itself now: lists whose
// time has come, imports that were left out, and domains that were missing.
func (s *Store) DueVerifications(ctx context.Context, now time.Time) ([]VerificationScope, error) {
	lists, err := s.pool.Query(ctx, sqlListsToVerify, now)
	if err != nil {
		return nil, fmt.Errorf("due verifications: %w", err)
	}
	var due []VerificationScope
	var scope VerificationScope
	if _, err := pgx.ForEachRow(lists, []any{&scope.List}, func() error { due = append(due, scope); return nil }); err != nil {
		return nil, fmt.Errorf("due verifications: %w", err)
	}
	imports, err := s.pool.Query(ctx, sqlImportsToVerify, now)
	if err != nil {
		return nil, fmt.Errorf("due verifications: %w", err)
	}
	if _, err := pgx.ForEachRow(imports, []any{&scope.Import, &scope.List}, func() error { due = append(due, scope); return nil }); err != nil {
		return nil, fmt.Errorf("due verifications: %w", err)
	}
	var gone bool
	if err := s.pool.QueryRow(ctx, sqlAnyGoneDue, now).Scan(&gone); err != nil {
		return nil, fmt.Errorf("due verifications: %w", err)
	}
	if gone {
		due = append(due, VerificationScope{})
	}
	return due, nil
}
