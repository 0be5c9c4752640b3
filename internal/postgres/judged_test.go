package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/listhygiene/segment"
)

// sqlJudgedOneByOne judges as a launch does, but asks [sqlBarred] for every
// contact, as a claim does.
const sqlJudgedOneByOne = `
with members as materialized (
    select m.contact_id, bool_or(m.status = 'subscribed') as subscribed, bool_or(m.status = 'unconfirmed') as unconfirmed,
           bool_or(l.send_risky) as send_risky,
           bool_or(m.import_id is null or l.trust_unproven
                   or (m.consent is not null or i.consent <> '') and i.stopped_at is null) as trusted,
           bool_or(i.stopped_at is not null) as stopped, min(src.number) as source
      from (
        select m.* from campaign_lists cl join list_members m on m.list_id = cl.list_id
         where cl.campaign_id = $2 and not cl.exclude and m.contact_id > $3 and m.contact_id <= $4 and m.since <= $5
        union all
        select m.* from list_members m where m.contact_id = any($6::bigint[]) and m.since <= $5
      ) m
      join lists l on l.id = m.list_id
      left join imports i on i.id = m.import_id
      left join probation_sources src on src.campaign_id = $2 and src.import_id = m.import_id
     group by m.contact_id
)
select c.id, coalesce(case when dom.mail_host in ('mx', 'implicit') and dom.expires_at > $1 then dom.provider_id end, 0),
       case
           when exists (select from campaign_lists cl join list_members m on m.list_id = cl.list_id
                         where cl.campaign_id = $2 and cl.exclude and m.contact_id = c.id)
                or c.id = any($7::bigint[]) then 'excluded'
           when not members.subscribed and members.unconfirmed then 'unconfirmed'
           when barred.reason is not null then case barred.reason
               when 'unsubscribed' then 'unsubscribed' when 'unconfirmed' then 'unconfirmed' else 'suppressed' end
           when c.verdict = 'undeliverable' then 'undeliverable'
           when c.verdict = 'risky' and not members.send_risky then 'held'
           when trial.needed and members.stopped then 'stopped'
           else 'will_receive'
       end,
       coalesce(c.reasons[1], ''), case when trial.needed and not members.stopped then coalesce(-members.source, 0) else 0 end
  from members
  join contacts c on c.id = members.contact_id
  join domains dom on dom.id = c.domain_id
  join campaigns camp on camp.id = $2
 cross join lateral (select c.verdict in ('unproven', 'unknown') and not members.trusted as needed) trial` + sqlBarred + `
 order by c.id`

const sqlJudgedTogether = sqlJudgedMembers + ` select id, coalesce(provider_id, 0), fate, why, slice from judged order by id`

// verdictOf is what became of one contact.
type verdictOf struct {
	Contact, Provider int64
	Fate, Why         string
	Slice             int16
}

// A range that is judged as a whole comes to what comes of each of its contacts
// alone, whatever speaks for and against them.
func TestJudgedTogetherAsOneByOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	met := make(map[string]int)
	for seed := range uint64(3) {
		w.empty()
		for _, id := range w.quarrel(rand.New(rand.NewPCG(seed, 1)), 600) {
			err := w.InTx(ctx, func(tx pgx.Tx) error {
				for after, size := int64(0), int64(1); after < 600; after, size = after+size, 3*size {
					c, err := chooseRange(ctx, tx, id, after, after+size, w.now, w.now)
					if err != nil {
						return err
					}
					together := []verdictOf{}
					var v verdictOf
					collect := func() error { together = append(together, v); return nil }
					if err := eachJudged(ctx, tx, sqlJudgedTogether, c.args(), []any{&v.Contact, &v.Provider, &v.Fate, &v.Why, &v.Slice}, collect); err != nil {
						return err
					}
					include, exclude, err := chosenBySegment(ctx, tx, id, after, after+size, w.now)
					if err != nil {
						return err
					}
					rows, err := tx.Query(ctx, sqlJudgedOneByOne, w.now, id, after, after+size, w.now, include, exclude)
					if err != nil {
						return err
					}
					alone, err := pgx.CollectRows(rows, pgx.RowToStructByPos[verdictOf])
					if err != nil {
						return err
					}
					if diff := cmp.Diff(alone, together); diff != "" {
						t.Errorf("seed %d, campaign %d, contacts %d to %d (- alone, + together):\n%s", seed, id, after, after+size, diff)
					}
					for _, v := range alone {
						met[v.Fate]++
					}
				}
				return nil
			})
			w.must(err)
		}
	}
	for _, fate := range []string{"excluded", "unconfirmed", "unsubscribed", "suppressed", "undeliverable", "held", "stopped", "will_receive"} {
		if met[fate] < 30 {
			t.Errorf("only %d contacts were %s", met[fate], fate)
		}
	}
}

// quarrel makes n contacts with all that can speak for and against them, and
// returns campaigns of every kind.
func (w *world) quarrel(random *rand.Rand, n int) []int64 {
	w.t.Helper()
	ctx := context.Background()
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	chance := func(percent int) bool { return random.IntN(100) < percent }
	w.exec(`insert into providers (id, key, name) values (1, 'north.test', 'Northmail') on conflict do nothing`)
	for d := range 12 {
		w.exec(`insert into domains (id, name, provider_id, mail_host, expires_at) overriding system value values ($1, $2, 1, $3, $4)`,
			d+1, fmt.Sprintf("d%d.test", d+1), pick("mx", "mx", "implicit", "temporary"), w.now.Add(time.Duration(random.IntN(5)-1)*time.Hour))
	}
	for l := range 5 {
		w.exec(`insert into lists (id, name, created_at, send_risky, trust_unproven) overriding system value values ($1, $2, $3, $4, $5)`,
			l+1, fmt.Sprintf("L%d", l+1), w.now, chance(40), chance(30))
	}
	for i := range 4 {
		var stopped *time.Time
		if i == 1 {
			stopped = &w.now
		}
		w.exec(`insert into imports (id, list_id, file_name, size, sha256, state, plan, created_at, consent, stopped_at) overriding system value
		        values ($1, 1, 'f.csv', 1, '', 'done', '{}', $2, $3, $4)`, i+1, w.now, pick("", "", "They asked"), stopped)
	}
	for c := range n {
		local := fmt.Sprintf("r%d", c/2) // two addresses share a canonical key
		domain := 1 + random.IntN(12)
		address := fmt.Sprintf("%s+%d@d%d.test", local, c, domain)
		w.exec(`insert into contacts (id, address, address_key, canonical_key, domain_id, status, verdict, reasons, fields, status_since, created_at, updated_at)
		        overriding system value values ($1, $2, $2, $3, $4, $5, $6, '{why}', jsonb_build_object('city', $7::text), $8, $8, $8)`,
			c+1, address, local+"@shared.test", domain,
			pick("active", "active", "active", "active", "active", "active", "unconfirmed", "unsubscribed", "cleaned", "complained"),
			pick("deliverable", "unproven", "unproven", "risky", "undeliverable", "unknown"), pick("Oslo", "Bergen", "Hamar"), w.now)
		for l := range 5 {
			if !chance(35) {
				continue
			}
			var file *int
			if chance(70) {
				i := 1 + random.IntN(4)
				file = &i
			}
			var consent *string
			if chance(20) {
				words := `{"how": "at the door"}`
				consent = &words
			}
			w.exec(`insert into list_members (list_id, contact_id, status, since, import_id, consent) values ($1, $2, $3, $4, $5, $6)`,
				l+1, c+1, pick("subscribed", "subscribed", "subscribed", "unsubscribed", "unconfirmed"),
				w.now.Add(time.Duration(random.IntN(6)-4)*time.Hour), file, consent)
		}
		if chance(75) {
			continue
		}
		scope, list := "global", (*int)(nil)
		if chance(60) {
			l := 1 + random.IntN(5)
			scope, list = "list", &l
		}
		var canonical *string
		if chance(50) {
			key := local + "@shared.test"
			canonical = &key
		}
		w.exec(`insert into suppressions (scope, list_id, kind, key, canonical_key, reason, created_at, expires_at) values ($1, $2, 'address', $3, $4, $5, $6, $7)`,
			scope, list, address, canonical, pick("unsubscribed", "complained", "bounced", "manual"), w.now, w.expiry(random))
	}
	for l, domain := range []string{"d3.test", "d4.test", "d5.test", "d6.test"} {
		scope, list := "list", &l
		if l == 0 {
			scope, list = "global", nil
		}
		w.exec(`insert into suppressions (scope, list_id, kind, key, reason, created_at, expires_at) values ($1, $2, 'domain', $3, 'manual', $4, $5)`,
			scope, list, domain, w.now, w.expiry(random))
	}
	for _, city := range []string{"Oslo", "Bergen"} {
		_, err := w.SaveSegment(ctx, 0, city, asks(segment.Condition{Subject: segment.Field, Name: "city", Op: segment.Is, Value: city}), w.now)
		if err != nil && !errors.Is(err, ErrExists) {
			w.must(err)
		}
	}
	var ids []int64
	for _, c := range []NewCampaign{
		{Lists: []string{"L1"}},
		{Lists: []string{"L1", "L2", "L3"}},
		{Lists: []string{"L1", "L2"}, Exclude: []string{"L4", "L5"}},
		{Segments: []string{"Oslo"}},
		{Lists: []string{"L2"}, Segments: []string{"Oslo"}, ExcludeSegments: []string{"Bergen"}, Exclude: []string{"L5"}},
		{Lists: []string{"L1", "L2"}, Exclude: []string{"L3"}, System: true},
	} {
		c.Name, c.Weight, c.Settings, c.TimeZone = "Notes", 4, campaign.DefaultSettings(), "UTC"
		id, err := w.CreateCampaign(ctx, c, w.now)
		w.must(err)
		w.exec(sqlProbationSources, id)
		ids = append(ids, id)
	}
	return ids
}

// expiry is when a suppression ends: for most never, for some it has.
func (w *world) expiry(random *rand.Rand) *time.Time {
	at := w.now.Add(time.Hour)
	switch random.IntN(4) {
	case 0:
		at = w.now.Add(-time.Hour)
		return &at
	case 1:
		return &at
	}
	return nil
}
