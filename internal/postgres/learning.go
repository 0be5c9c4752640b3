package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/listhygiene/bounce"
	"github.com/headwaymail/headway/pacing/reply"
)

const (
	// An accepted delivery proves that the mailbox and its domain are well.
	// Index: the primary key.
	sqlAbsolve = `
with forgotten as (
    delete from soft_bounces
     where kind = 'contact' and subject_id = any($1) or kind = 'domain' and subject_id = any($2)
)` + sqlDropPending

	sqlDropPending = `
delete from pending_suppressions where contact_id = any($1)`

	// Counted once a campaign.
	sqlCountSoft = `
insert into soft_bounces as b (kind, subject_id, class, sum, first_at, last_at, last_campaign)
select kind, subject_id, class, weight, at, at, campaign_id
  from unnest($1::text[], $2::bigint[], $3::text[], $4::real[], $5::timestamptz[], $6::bigint[])
       as o(kind, subject_id, class, weight, at, campaign_id)
 order by kind, subject_id, class
on conflict (kind, subject_id, class) do update
   set sum = b.sum + case when b.last_campaign = excluded.last_campaign then 0 else excluded.sum end,
       last_at = excluded.last_at, last_campaign = excluded.last_campaign
returning b.kind, b.subject_id, b.class, b.sum, b.first_at`

	// A suppression that ran out and is deserved again holds for good.
	sqlSuppressBounced = `
insert into suppressions (scope, kind, key, reason, evidence, created_at, expires_at)
select 'global', 'address', c.address_key, 'bounced', o.evidence::jsonb, o.at, o.expires_at
  from unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::timestamptz[]) as o(contact_id, evidence, at, expires_at)
  join contacts c on c.id = o.contact_id
 order by c.address_key
on conflict (key, kind, reason, coalesce(list_id, 0)) do update
   set expires_at = null, evidence = excluded.evidence, created_at = excluded.created_at
 where suppressions.expires_at <= excluded.created_at`

	sqlSuppressDomain = `
insert into suppressions (scope, kind, key, reason, evidence, created_at, expires_at)
select 'global', 'domain', d.name, 'bounced', o.evidence::jsonb, o.at, o.expires_at
  from unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::timestamptz[]) as o(domain_id, evidence, at, expires_at)
  join domains d on d.id = o.domain_id
 order by d.name
on conflict (key, kind, reason, coalesce(list_id, 0)) do update
   set expires_at = excluded.expires_at, evidence = excluded.evidence, created_at = excluded.created_at
 where suppressions.expires_at <= excluded.created_at`

	// Those that are suppressed for a time come back by themselves.
	sqlCleanBounced = `
update contacts c set status = 'cleaned', status_since = $2, updated_at = $2
 where c.id = any($1) and c.status in ('active', 'unconfirmed')
   and exists (select from suppressions s where s.key = c.address_key and s.kind = 'address' and s.reason = 'bounced'
                  and s.scope = 'global' and s.expires_at is null)`

	sqlPendingSince = `select contact_id, since from pending_suppressions where contact_id = any($1)`

	sqlAwait = `
insert into pending_suppressions (contact_id, provider_id, evidence, since)
select * from unnest($1::bigint[], $2::bigint[], $3::jsonb[], $4::timestamptz[]) order by 1
on conflict do nothing`
)

// lookAgainAfter is how long a domain that takes no mail stays suppressed before
// its DNS is asked again.
const lookAgainAfter = 30 * 24 * time.Hour

// evidence is what a suppression rests on, as people see it beside the address.
type evidence struct {
	Campaign int64     `json:"campaign"`
	Reply    string    `json:"reply"`
	Host     string    `json:"host"`
	At       time.Time `json:"at"`
	Rule     string    `json:"rule"`
	Class    string    `json:"class"`
	Phase    string    `json:"phase"`
	Provider int64     `json:"provider,omitempty"`
	Times    float64   `json:"times,omitempty"` // what soft refusals added up to
}

func (o Outcome) evidence(times float64) string {
	text, err := json.Marshal(evidence{Campaign: o.Campaign, Reply: o.Reply.String(), Host: o.Host, At: o.At, Rule: o.Meaning.Rule,
		Class: string(o.Meaning.Bounce), Phase: string(o.Reply.Phase), Provider: o.Provider, Times: times})
	if err != nil {
		return "{}" // strings, numbers and a time of ours always have a form in JSON
	}
	return string(text)
}

// condemnation is a suppression that an outcome calls for.
type condemnation struct {
	outcome Outcome
	effect  bounce.Effect
	times   float64
}

// learn draws the conclusions for addresses: what was accepted clears them, what
// was refused is counted or suppresses them.
func learn(ctx context.Context, tx pgx.Tx, outcomes []Outcome) error {
	if err := absolve(ctx, tx, outcomes); err != nil {
		return fmt.Errorf("clear addresses: %w", err)
	}
	guilty, err := countSoft(ctx, tx, outcomes)
	if err != nil {
		return fmt.Errorf("count soft refusals: %w", err)
	}
	for _, o := range outcomes {
		if o.Address.Kind == bounce.Suppress {
			guilty = append(guilty, condemnation{outcome: o, effect: o.Address})
		}
	}
	if len(guilty) == 0 {
		return nil
	}
	if guilty, err = holdBack(ctx, tx, guilty); err != nil {
		return fmt.Errorf("look at breakers: %w", err)
	}
	return suppress(ctx, tx, guilty)
}

// absolve forgets soft refusals of whoever took a message.
func absolve(ctx context.Context, tx pgx.Tx, outcomes []Outcome) error {
	batch := &pgx.Batch{}
	if queueAbsolution(batch, outcomes); batch.Len() == 0 {
		return nil
	}
	return tx.SendBatch(ctx, batch).Close()
}

func queueAbsolution(batch *pgx.Batch, outcomes []Outcome) {
	var contacts, domains []int64
	for _, o := range outcomes {
		if o.To == campaign.Delivered {
			contacts, domains = append(contacts, o.Contact), append(domains, o.Domain)
		}
	}
	if len(contacts) == 0 {
		return
	}
	slices.Sort(domains)
	batch.Queue(sqlAbsolve, contacts, slices.Compact(domains))
}

// softKey names one counter.
type softKey struct {
	kind    string
	subject int64
	class   string
}

// countSoft adds up soft refusals and returns those that have become too many.
func countSoft(ctx context.Context, tx pgx.Tx, outcomes []Outcome) ([]condemnation, error) {
	seen := make(map[softKey]Outcome)
	for _, o := range outcomes {
		if o.Address.Kind != bounce.Soft {
			continue
		}
		key := softKey{"contact", o.Contact, string(o.Meaning.Bounce)}
		if o.Address.Domain {
			key.kind, key.subject = "domain", o.Domain
		}
		seen[key] = o
	}
	if len(seen) == 0 {
		return nil, nil
	}
	var (
		kinds, classes      []string
		subjects, campaigns []int64
		weights             []float32
		ats                 []time.Time
	)
	for key, o := range seen {
		kinds, subjects, classes = append(kinds, key.kind), append(subjects, key.subject), append(classes, key.class)
		weights, ats, campaigns = append(weights, float32(o.Address.Weight)), append(ats, o.At), append(campaigns, o.Campaign)
	}
	rows, err := tx.Query(ctx, sqlCountSoft, kinds, subjects, classes, weights, ats, campaigns)
	if err != nil {
		return nil, err
	}
	var (
		guilty []condemnation
		key    softKey
		sum    float32
		first  time.Time
	)
	_, err = pgx.ForEachRow(rows, []any{&key.kind, &key.subject, &key.class, &sum, &first}, func() error {
		o := seen[key]
		if o.Address.Soft.Reached(bounce.Counter{Sum: float64(sum), First: first}, o.At) {
			guilty = append(guilty, condemnation{outcome: o, effect: bounce.Effect{Kind: bounce.Suppress, Domain: o.Address.Domain}, times: float64(sum)})
		}
		return nil
	})
	return guilty, err
}

// suppress writes suppressions of addresses and of domains, one for each.
func suppress(ctx context.Context, tx pgx.Tx, guilty []condemnation) error {
	type columns struct {
		ids      []int64
		evidence []string
		ats      []time.Time
		expires  []*time.Time
	}
	var addresses, domains columns
	seen := make(map[softKey]bool)
	for _, g := range slices.Backward(guilty) { // the last word counts
		to, id, until := &addresses, g.outcome.Contact, g.effect.Expiry(g.outcome.At, false)
		if g.effect.Domain {
			to, id, until = &domains, g.outcome.Domain, g.outcome.At.Add(lookAgainAfter)
		}
		key := softKey{subject: id, kind: fmt.Sprint(g.effect.Domain)}
		if id == 0 || seen[key] {
			continue
		}
		seen[key] = true
		to.ids, to.evidence = append(to.ids, id), append(to.evidence, g.outcome.evidence(g.times))
		to.ats, to.expires = append(to.ats, g.outcome.At), append(to.expires, zeroAsNull(until))
	}
	batch := &pgx.Batch{}
	if len(addresses.ids) > 0 {
		batch.Queue(sqlSuppressBounced, addresses.ids, addresses.evidence, addresses.ats, addresses.expires)
		batch.Queue(sqlCleanBounced, addresses.ids, addresses.ats[0])
		batch.Queue(sqlDropPending, addresses.ids)
	}
	if len(domains.ids) > 0 {
		batch.Queue(sqlSuppressDomain, domains.ids, domains.evidence, domains.ats, domains.expires)
	}
	if batch.Len() == 0 {
		return nil
	}
	return tx.SendBatch(ctx, batch).Close()
}

const (
	sqlReportedRow = `
select d.ledger_id, d.id, d.domain_id, coalesce(d.provider_id, 0), d.state::text, d.attempts
  from campaigns c
  join deliveries d on d.ledger_id = c.ledger_id and d.campaign_id = c.id
 where c.id = $1 and d.contact_id = $2`
)

// Reported is a failure that a report brought, after the server had taken the
// message.
type Reported struct {
	Campaign int64
	Contact  int64
	Host     string
	Reply    reply.Reply
	Meaning  reply.Meaning
	Address  bounce.Effect
	At       time.Time
}

// RecordReport corrects a delivery by a report: delivered becomes bounced, with
// counters and all. It returns the state that the delivery was in, empty when
// there is no such delivery, and whether the report changed anything.
func RecordReport(ctx context.Context, tx pgx.Tx, r Reported) (was campaign.DeliveryState, changed bool, err error) {
	o := Outcome{Campaign: r.Campaign, Contact: r.Contact, To: campaign.Bounced, At: r.At, First: r.At,
		Host: r.Host, Reply: r.Reply, Meaning: r.Meaning, Address: r.Address}
	err = tx.QueryRow(ctx, sqlReportedRow, r.Campaign, r.Contact).Scan(&o.Ledger, &o.Delivery, &o.Domain, &o.Provider, &o.From, &o.Number)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	if !o.From.May(campaign.Bounced) {
		return o.From, false, nil
	}
	sums := newChanges()
	if _, err := correct(ctx, tx, o, sums); err != nil {
		return o.From, false, err
	}
	if err := sums.apply(ctx, tx, false); err != nil {
		return o.From, false, err
	}
	batch := &pgx.Batch{}
	queueAttempts(batch, []Outcome{o})
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return o.From, false, err
	}
	return o.From, true, learn(ctx, tx, []Outcome{o})
}
