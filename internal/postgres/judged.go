package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// Those in a range of contacts against whom anything can speak: their status, a
	// membership that is no subscription, or a suppression that has a key of theirs,
	// whatever its scope and expiry. Beside them, those on lists that the campaign
	// excludes. $5 are those whom segments include. Most contacts are not among
	// these, and then cost no look-up of their own. Who leaves between this and the
	// batch is stopped by the claim, as who leaves after it.
	// Indexes: contacts_pkey, list_members_pkey, suppressions_once,
	// suppressions_canonical, suppressions_domain.
	sqlDoubtful = `
with reached as materialized (
    select id, address_key, canonical_key, domain_id, status from contacts where id > $2 and id <= $3
), doubtful as (
    select id from reached where status <> 'active'
    union all
    select m.contact_id from campaign_lists cl join list_members m on m.list_id = cl.list_id and m.status <> 'subscribed'
     where cl.campaign_id = $1 and not cl.exclude and m.contact_id > $2 and m.contact_id <= $3 and m.since <= $4
    union all
    select contact_id from list_members where contact_id = any($5::bigint[]) and status <> 'subscribed' and since <= $4
    union all
    select r.id from reached r join suppressions s on s.key = r.address_key
    union all
    select r.id from reached r join suppressions s on s.canonical_key = r.canonical_key
    union all
    select r.id from suppressions s join domains d on d.name = s.key join reached r on r.domain_id = d.id where s.kind = 'domain'
)
select (select coalesce(array_agg(distinct id), '{}') from doubtful),
       (select coalesce(array_agg(distinct m.contact_id), '{}')
          from campaign_lists cl join list_members m on m.list_id = cl.list_id and m.contact_id > $2 and m.contact_id <= $3
         where cl.campaign_id = $1 and cl.exclude)`

	// Which of the doubtful ones, $5, a campaign must not go to, as [sqlBarred] finds.
	sqlSetApart = `
with judged as materialized (
    select c.id, barred.reason
      from contacts c
      join domains dom on dom.id = c.domain_id
      join campaigns camp on camp.id = $2` + sqlBarred + `
     where c.id > $3 and c.id <= $4 and c.id = any($5::bigint[])
)
select case reason when 'unsubscribed' then 'unsubscribed' when 'unconfirmed' then 'unconfirmed' else 'suppressed' end, array_agg(id)
  from judged where reason is not null group by 1`

	// The members among a range of contacts, each judged once, by the verdict as
	// listhygiene.Policy decides; $6 and $7 are those whom segments include and
	// who is excluded, $8, $9 and $10 those whom [sqlSetApart] found. Who came by a
	// segment needs some list that they did not leave, and brings the terms of their
	// lists. What a file says of consent counts as long as the file was not stopped.
	sqlJudgedMembers = `
with members as (
    select m.contact_id, bool_or(m.status = 'subscribed') as subscribed, bool_or(m.status = 'unconfirmed') as unconfirmed,
           bool_or(l.send_risky) as send_risky,
           bool_or(m.import_id is null or l.trust_unproven
                   or (m.consent is not null or i.consent <> '') and i.stopped_at is null) as trusted,
           bool_or(i.stopped_at is not null) as stopped, min(src.number) as source
      from (
        select contact_id, list_id, status, import_id, consent from list_members
         where list_id = any(array(select list_id from campaign_lists where campaign_id = $2 and not exclude))
           and contact_id > $3 and contact_id <= $4 and since <= $5
        union all
        select contact_id, list_id, status, import_id, consent from list_members
         where contact_id = any($6::bigint[]) and since <= $5
      ) m
      join lists l on l.id = m.list_id
      left join imports i on i.id = m.import_id
      left join probation_sources src on src.campaign_id = $2 and src.import_id = m.import_id
     group by m.contact_id
), judged as materialized (
    select c.id, c.domain_id,
           case when dom.mail_host in ('mx', 'implicit') and dom.expires_at > $1 then dom.provider_id end as provider_id,
           case
               when c.id = any($7::bigint[]) then 'excluded'
               when not members.subscribed and members.unconfirmed then 'unconfirmed'
               when c.id = any($8::bigint[]) then 'unsubscribed'
               when c.id = any($9::bigint[]) then 'unconfirmed'
               when c.id = any($10::bigint[]) then 'suppressed'
               when c.verdict = 'undeliverable' then 'undeliverable'
               when c.verdict = 'risky' and not members.send_risky then 'held'
               when trial.needed and members.stopped then 'stopped'
               else 'will_receive'
           end as fate,
           coalesce(c.reasons[1], '') as why,
           case when trial.needed and not members.stopped then coalesce(-members.source, 0) else 0 end as slice
      from members
      join contacts c on c.id = members.contact_id and c.id > $3 and c.id <= $4
      join domains dom on dom.id = c.domain_id
     cross join lateral (select c.verdict in ('unproven', 'unknown') and not members.trusted as needed) trial
)`

	// A range is joined as a whole, whatever is known of the tables: where a list
	// has just been imported, the planner takes a range of it for a few rows, and a
	// loop inside a loop over what are really thousands would take minutes. Looking
	// up contact and domain for each row takes twice as long as merging both.
	sqlJoinWhole = `select set_config('enable_nestloop', 'off', true)`
	sqlJoinFree  = `select set_config('enable_nestloop', 'on', true)`

	// A range, and a hundred thousand suppressions beside it, fit into memory.
	sqlRangeMemory = `select set_config('work_mem', '32MB', true)`
)

// rangeChoice is what must be known of a range of contacts before they are
// judged for a campaign.
type rangeChoice struct {
	campaign    int64
	after, upto int64 // contacts after the one, up to the other
	launched    time.Time
	now         time.Time

	include, exclude                      []int64 // by segments; exclude has those on excluded lists, too
	unsubscribed, unconfirmed, suppressed []int64 // who must not get it
}

// args returns the first arguments of statements that begin with sqlJudgedMembers.
func (c *rangeChoice) args() []any {
	return []any{c.now, c.campaign, c.after, c.upto, c.launched, c.include, c.exclude, c.unsubscribed, c.unconfirmed, c.suppressed}
}

// chooseRange finds whom the segments of a campaign choose among the contacts
// after after, up to upto, and whom it must not go to.
func chooseRange(ctx context.Context, tx pgx.Tx, id, after, upto int64, launched, now time.Time) (*rangeChoice, error) {
	c := &rangeChoice{campaign: id, after: after, upto: upto, launched: launched, now: now,
		unsubscribed: []int64{}, unconfirmed: []int64{}, suppressed: []int64{}}
	var err error
	if c.include, c.exclude, err = chosenBySegment(ctx, tx, id, after, upto, launched); err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, sqlRangeMemory); err != nil {
		return nil, err
	}
	var doubtful, excluded []int64
	if err := tx.QueryRow(ctx, sqlDoubtful, id, after, upto, launched, c.include).Scan(&doubtful, &excluded); err != nil {
		return nil, err
	}
	c.exclude = append(c.exclude, excluded...)
	if len(doubtful) == 0 {
		return c, nil
	}
	rows, err := tx.Query(ctx, sqlSetApart, now, id, after, upto, doubtful)
	if err != nil {
		return nil, err
	}
	var (
		fate string
		ids  []int64
	)
	_, err = pgx.ForEachRow(rows, []any{&fate, &ids}, func() error {
		switch fate {
		case "unsubscribed":
			c.unsubscribed = ids
		case "unconfirmed":
			c.unconfirmed = ids
		default:
			c.suppressed = ids
		}
		ids = nil
		return nil
	})
	return c, err
}

// eachJudged runs a statement that begins with sqlJudgedMembers, and calls f for
// each row with its columns in into.
func eachJudged(ctx context.Context, tx pgx.Tx, statement string, args, into []any, f func() error) error {
	if _, err := tx.Exec(ctx, sqlJoinWhole); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, statement, args...)
	if err != nil {
		return err
	}
	if _, err := pgx.ForEachRow(rows, into, f); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, sqlJoinFree)
	return err
}
