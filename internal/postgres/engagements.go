package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign/engagement"
)

const (
	// When the messages of these readers were accepted, and whether that is in
	// doubt. Index: deliveries_once.
	sqlHanded = `
select asked.campaign_id, asked.contact_id, case when d.state = 'delivered' then d.updated_at end, d.doubted and d.state <> 'delivered'
  from unnest($1::bigint[], $2::bigint[]) as asked (campaign_id, contact_id)
  join campaigns c on c.id = asked.campaign_id
  join deliveries d on d.ledger_id = c.ledger_id and d.campaign_id = asked.campaign_id and d.contact_id = asked.contact_id
 where d.state = 'delivered' or d.doubted`

	// Rows and their sums in one statement. Rows are locked in the order of their
	// keys, contacts first, as an erasure does: who is erased stays so.
	sqlEngage = `
with given as (
    select * from unnest($1::bigint[], $2::bigint[], $3::text[], $4::int[], $5::boolean[], $6::bigint[], $7::timestamptz[], $8::timestamptz[], $9::text[])
                  as g (campaign_id, contact_id, kind, link, machine, times, first_at, last_at, rule)
), alive as materialized (
    select id from contacts where id = any($2) order by id for key share
), noted as (
    insert into engagements as e (campaign_id, contact_id, kind, link, machine, times, first_at, last_at, rule)
    select g.* from given g join alive a on a.id = g.contact_id
     order by g.campaign_id, g.contact_id, g.kind, g.link, g.machine
    on conflict (campaign_id, contact_id, kind, link, machine) do update
       set times = e.times + excluded.times, first_at = least(e.first_at, excluded.first_at),
           last_at = greatest(e.last_at, excluded.last_at), rule = excluded.rule
    returning e.campaign_id, e.contact_id, e.kind, e.link, e.machine, e.xmax = 0 as fresh
)
insert into campaign_engagement as t (campaign_id, kind, link, machine, readers, times)
select n.campaign_id, n.kind, n.link, n.machine, count(*) filter (where n.fresh), sum(g.times)
  from noted n join given g using (campaign_id, contact_id, kind, link, machine)
 group by 1, 2, 3, 4 order by 1, 2, 3, 4
on conflict (campaign_id, kind, link, machine) do update
   set readers = t.readers + excluded.readers, times = t.times + excluded.times`

	sqlCampaignEngagement = `
select kind, link, machine, readers, times from campaign_engagement where campaign_id = $1 order by kind, link, machine`

	// What somebody did is forgotten with them, in the sums, too.
	sqlErasureEngagement = `
with gone as (
    delete from engagements where contact_id = $1 returning campaign_id, kind, link, machine, times
)
update campaign_engagement t set readers = t.readers - 1, times = t.times - gone.times
  from gone where (t.campaign_id, t.kind, t.link, t.machine) = (gone.campaign_id, gone.kind, gone.link, gone.machine)`

	sqlCheckEngagement = `
with counted as (
    select campaign_id, kind, link, machine, count(*) as readers, sum(times) as times from engagements group by 1, 2, 3, 4
), kept as (
    select * from campaign_engagement where readers <> 0 or times <> 0
)
select case when machine then 'programs' else 'people' end, campaign_id, link::bigint, kind, coalesce(kept.readers, 0), coalesce(counted.readers, 0)
  from kept full join counted using (campaign_id, kind, link, machine)
 where (kept.readers, kept.times) is distinct from (counted.readers, counted.times)
 order by 1, 2, 3, 4`
)

// Touch is a message of a campaign to a reader.
type Touch struct{ Campaign, Contact int64 }

// Handed is what is known of a message at its receiving server.
type Handed struct {
	Accepted time.Time // zero when that is not known
	Doubted  bool      // it may have been
}

// Handed returns what became of messages, of those that were accepted or may have
// been.
func (s *Store) Handed(ctx context.Context, touches []Touch) (map[Touch]Handed, error) {
	campaigns, contacts := make([]int64, len(touches)), make([]int64, len(touches))
	for i, t := range touches {
		campaigns[i], contacts[i] = t.Campaign, t.Contact
	}
	rows, err := s.pool.Query(ctx, sqlHanded, campaigns, contacts)
	if err != nil {
		return nil, wrap(err, "what became of messages")
	}
	all := make(map[Touch]Handed, len(touches))
	var (
		t       Touch
		at      *time.Time
		doubted bool
	)
	_, err = pgx.ForEachRow(rows, []any{&t.Campaign, &t.Contact, &at, &doubted}, func() error {
		all[t] = Handed{nullAsZero(at), doubted}
		return nil
	})
	return all, wrap(err, "what became of messages")
}

// Engagement is what a reader, or a program in their name, did with a message.
type Engagement struct {
	Touch
	Kind        engagement.Kind
	Link        int // 0: any link, or an open
	Rule        engagement.Rule
	Times       int64
	First, Last time.Time
}

func (e Engagement) compare(o Engagement) int {
	machine := func(r engagement.Rule) int {
		if r.Machine() {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(e.Campaign, o.Campaign), cmp.Compare(e.Contact, o.Contact), cmp.Compare(e.Kind, o.Kind),
		cmp.Compare(e.Link, o.Link), cmp.Compare(machine(e.Rule), machine(o.Rule)))
}

// Engage records what was done, and the sums with it; all or nothing. Of people
// who were erased nothing is recorded.
func (s *Store) Engage(ctx context.Context, done []Engagement) error {
	rows := combine(done)
	var (
		campaigns, contacts, times []int64
		kinds, rules               []string
		links                      []int
		machines                   []bool
		first, last                []time.Time
	)
	for _, e := range rows {
		campaigns, contacts, times = append(campaigns, e.Campaign), append(contacts, e.Contact), append(times, e.Times)
		kinds, rules, links = append(kinds, string(e.Kind)), append(rules, string(e.Rule)), append(links, e.Link)
		machines, first, last = append(machines, e.Rule.Machine()), append(first, e.First), append(last, e.Last)
	}
	_, err := s.pool.Exec(ctx, sqlEngage, campaigns, contacts, kinds, links, machines, times, first, last, rules)
	return wrap(err, fmt.Sprintf("record %d visits", len(done)))
}

// combine adds, for each click, that some link was used, and makes one of what
// goes to the same row.
func combine(done []Engagement) []Engagement {
	all := slices.Clone(done)
	for _, e := range done {
		if e.Kind == engagement.Click {
			e.Link = 0
			all = append(all, e)
		}
	}
	slices.SortStableFunc(all, Engagement.compare)
	rows := all[:0]
	for _, e := range all {
		if n := len(rows); n > 0 && rows[n-1].compare(e) == 0 {
			last := &rows[n-1]
			last.Times += e.Times
			if e.First.Before(last.First) {
				last.First = e.First
			}
			if e.Last.After(last.Last) {
				last.Last, last.Rule = e.Last, e.Rule
			}
			continue
		}
		rows = append(rows, e)
	}
	return rows
}

// EngagementSum is how many readers did something with a campaign's messages, and
// how often.
type EngagementSum struct {
	Kind    engagement.Kind
	Link    int // 0: any link, or an open
	Machine bool
	Readers int64
	Times   int64
}

// CampaignEngagement returns what was done with a campaign's messages.
func (s *Store) CampaignEngagement(ctx context.Context, campaign int64) ([]EngagementSum, error) {
	rows, err := s.pool.Query(ctx, sqlCampaignEngagement, campaign)
	if err != nil {
		return nil, wrap(err, "what was done with a campaign")
	}
	sums, err := pgx.CollectRows(rows, pgx.RowToStructByPos[EngagementSum])
	return sums, wrap(err, "what was done with a campaign")
}

// CampaignLink is a counted link of a campaign.
type CampaignLink struct {
	Number int
	URL    string
}

// CampaignLinks returns the counted links of a campaign in the order of its text.
func (s *Store) CampaignLinks(ctx context.Context, campaign int64) ([]CampaignLink, error) {
	rows, err := s.pool.Query(ctx, sqlLinks, campaign)
	if err != nil {
		return nil, wrap(err, "links of a campaign")
	}
	links, err := pgx.CollectRows(rows, pgx.RowToStructByPos[CampaignLink])
	return links, wrap(err, "links of a campaign")
}
