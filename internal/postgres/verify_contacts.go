package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign/engagement"
	"github.com/headwaymail/headway/listhygiene/verification"
	"github.com/headwaymail/headway/pacing/reply"
)

// ContactFacts are a contact with what its verdict follows from.
type ContactFacts struct {
	ID         int64
	Address    string
	Domain     verification.Domain
	History    verification.History
	Silence    verification.Silence
	Origin     verification.Origin
	Returned   verification.Returned
	UTF8       verification.Refusal
	Verdict    string // as it stands
	Reasons    []string
	Suggestion string
	Evidence   []byte // JSON; nil where the domain's row says it
}

// NewVerdict is what verification found of a contact.
type NewVerdict struct {
	Contact    int64
	Verdict    string
	Reasons    []string
	Suggestion string
	Evidence   []byte // JSON; nil where the domain's row says it
}

const (
	sqlVerifyListPage = `
select m.contact_id from list_members m
 where m.list_id = $1 and ($2 = 0 or m.import_id = $2) and m.contact_id > $3
 order by m.contact_id limit $4`

	// Domains come off the list of a pass when they are looked at; those that were
	// are known by the time.
	sqlVerifyGonePage = `
select c.id from contacts c join domains d on d.id = c.domain_id
 where c.id > $1 and d.verified_at >= $2
 order by c.id limit $3`

	// What our own messages met: one probe of deliveries_contact for each contact
	// and partition. A bounce on record without a delivery of ours (one that came
	// by mail, or with an import) counts as well. A person's last wish is what the
	// file says of their consent, and, where an operator vouched for the file or
	// the file says nothing, when they joined a list.
	sqlContactFacts = `
select c.id, c.address, c.verdict, c.reasons, coalesce(c.suggestion, ''), c.evidence,
       d.mail_host, d.mx, d.reach, coalesce(p.name, ''), d.verified_at, d.gone_since, d.gone_looks,
       sent.accepted, refused.at, refused.class, refused.reply, coalesce(sent.full_times, 0), origin.confirmed,
       sent.telling, coalesce(sent.told, 0), life.sign, life.veiled, c.domain_id, sent.kept, origin.since, origin.stated
  from unnest($1::bigint[]) as page(id)
  join contacts c on c.id = page.id
  join domains d on d.id = c.domain_id
  left join providers p on p.id = d.provider_id
  left join lateral (
    select max(x.updated_at) filter (where x.state = 'delivered') as accepted,
           min(x.updated_at) filter (where x.state = 'delivered' and x.updated_at > $6) as kept,
           min(x.updated_at) filter (where x.state = 'delivered' and x.campaign_id = any($3::bigint[])) as telling,
           count(*) filter (where x.state = 'delivered' and x.campaign_id = any($3::bigint[]) and x.updated_at > $4) as told,
           count(*) filter (where x.class = 'mailbox_full' and x.state in ('bounced', 'expired')
                              and not exists (select from deliveries y
                                               where y.contact_id = c.id and y.state = 'delivered'
                                                 and y.updated_at > x.updated_at)) as full_times
      from deliveries x where x.contact_id = c.id and $2) sent on true
  left join lateral (
    select * from (
        (select x.updated_at as at, coalesce(x.class, '') as class, coalesce(x.reply, '') as reply
           from deliveries x
          where x.contact_id = c.id and x.state in ('bounced', 'expired') and $2
          order by x.updated_at desc limit 1)
        union all
        (select s.created_at, case when s.evidence ->> 'bounce' = 'inactive_mailbox' then 'inactive_mailbox' else 'bad_mailbox' end,
                coalesce(s.evidence ->> 'reply', 'a bounce on record')
           from suppressions s
          where s.key = c.address_key and s.kind = 'address' and s.reason = 'bounced'
          order by s.created_at desc limit 1)) r
     order by at desc limit 1) refused on true
  left join lateral (
    select max(o.confirmed) as confirmed, greatest(max(o.asked), max(o.since)) as since,
           coalesce(max(o.asked) >= max(o.since), max(o.since) is null) as stated
      from (select greatest((m.consent ->> 'at')::timestamptz, (m.consent ->> 'confirmed_at')::timestamptz) as asked,
                   case when m.consent ->> 'at' is null and m.consent ->> 'confirmed_at' is null
                          or m.import_id is null or i.consent <> '' or l.trust_unproven then m.since end as since,
                   case when m.status = 'subscribed' and m.consent ->> 'confirmed_at' is not null and i.stopped_at is null
                        then least((m.consent ->> 'confirmed_at')::timestamptz, m.since) end as confirmed
              from list_members m
              left join imports i on i.id = m.import_id
              left join lists l on l.id = m.list_id
             where m.contact_id = c.id) o) origin on true
  left join lateral (
    select max(e.last_at) filter (where not e.machine) as sign,
           max(e.last_at) filter (where e.machine and e.kind = 'open' and e.rule = any($5::text[])) as veiled
      from engagements e where e.contact_id = c.id and $2) life on true
 order by c.id`

	sqlSaveVerdicts = `
update contacts c
   set verdict = n.verdict, reasons = string_to_array(n.reasons, ' '), suggestion = nullif(n.suggestion, ''), evidence = n.evidence
  from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::jsonb[]) as n(id, verdict, reasons, suggestion, evidence)
 where c.id = n.id`
)

// veils are the rules of engagement by which a message was opened, and nobody can
// say by whom.
var veils = []string{string(engagement.AppleMPP), string(engagement.Proxy), string(engagement.Prefetch)}

// VerifyPage returns the ids of the next contacts of a verification after its
// cursor.
func (s *Store) VerifyPage(ctx context.Context, v Verification, limit int) ([]int64, error) {
	var (
		rows pgx.Rows
		err  error
	)
	if v.Scope.List == 0 {
		rows, err = s.pool.Query(ctx, sqlVerifyGonePage, v.Cursor, v.CreatedAt, limit)
	} else {
		rows, err = s.pool.Query(ctx, sqlVerifyListPage, v.Scope.List, v.Scope.Import, v.Cursor, limit)
	}
	if err != nil {
		return nil, fmt.Errorf("verification %d: contacts: %w", v.ID, err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("verification %d: contacts: %w", v.ID, err)
	}
	return ids, nil
}

// EachContactFacts hands what is known of contacts at a time to use, in the order
// of their ids.
func (s *Store) EachContactFacts(ctx context.Context, ids []int64, past Past, now time.Time, use func(ContactFacts) error) error {
	telling := past.telling
	if telling == nil {
		telling = []int64{}
	}
	rows, err := s.pool.Query(ctx, sqlContactFacts, ids, past.Any, telling, verification.QuietSince(now), veils, verification.ProvenSince(now))
	if err != nil {
		return fmt.Errorf("facts of %d contacts: %w", len(ids), err)
	}
	defer rows.Close()
	for rows.Next() {
		var (
			f                                            ContactFacts
			verified, gone, accepted, refused, confirmed *time.Time
			telling, sign, veiled, kept, origin          *time.Time
			class, words                                 *string
			full, domain                                 int64
		)
		err := rows.Scan(&f.ID, &f.Address, &f.Verdict, &f.Reasons, &f.Suggestion, &f.Evidence, &f.Domain.Found, &f.Domain.Hosts,
			&f.Domain.Reach, &f.Domain.Provider, &verified, &gone, &f.Domain.GoneLooks, &accepted, &refused, &class, &words, &full, &confirmed,
			&telling, &f.Silence.Messages, &sign, &veiled, &domain, &kept, &origin, &f.Origin.Stated)
		if err != nil {
			return fmt.Errorf("facts of %d contacts: %w", len(ids), err)
		}
		f.Domain.At, f.Domain.GoneSince = nullAsZero(verified), nullAsZero(gone)
		if f.Domain.Found == "unknown" {
			f.Domain.Found = ""
		}
		f.History = verification.History{Accepted: nullAsZero(accepted), Kept: nullAsZero(kept),
			Confirmed: nullAsZero(confirmed), FullTimes: int(full)}
		f.Origin.At, f.Returned, f.UTF8 = nullAsZero(origin), past.returned[domain], past.utf8[domain]
		f.Silence.Since, f.Silence.Sign, f.Silence.Veiled = nullAsZero(telling), nullAsZero(sign), nullAsZero(veiled)
		if refused != nil {
			f.History.Refusal = verification.Refusal{At: *refused, Bounce: reply.Bounce(*class), Reply: *words}
		}
		if err := use(f); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("facts of %d contacts: %w", len(ids), err)
	}
	return nil
}

// SaveVerdicts stores new verdicts together with the cursor and the counts of
// their verification, which the caller has moved past them.
func (s *Store) SaveVerdicts(ctx context.Context, v Verification, verdicts []NewVerdict) error {
	n := len(verdicts)
	ids, words := make([]int64, n), make([]string, n)
	reasons, suggestions, evidence := make([]string, n), make([]string, n), make([]*string, n)
	for i, d := range verdicts {
		ids[i], words[i], suggestions[i] = d.Contact, d.Verdict, d.Suggestion
		for j, r := range d.Reasons {
			if j > 0 {
				reasons[i] += " "
			}
			reasons[i] += r
		}
		if d.Evidence != nil {
			text := string(d.Evidence)
			evidence[i] = &text
		}
	}
	counts, err := json.Marshal(v.Counts)
	if err != nil {
		return fmt.Errorf("verification %d: counts: %w", v.ID, err)
	}
	err = s.InTx(ctx, func(tx pgx.Tx) error {
		if n > 0 {
			if _, err := tx.Exec(ctx, sqlSaveVerdicts, ids, words, reasons, suggestions, evidence); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, sqlVerificationProgress, v.ID, v.Cursor, counts)
		return err
	})
	if err != nil {
		return fmt.Errorf("verification %d: save verdicts: %w", v.ID, err)
	}
	return nil
}
