package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/listhygiene/segment"
)

// quarrel fills a world with contacts of whom much speaks for and against being
// mailed.
type quarrel struct {
	*world
	random *rand.Rand
}

func (q *quarrel) pick(from ...string) string { return from[q.random.IntN(len(from))] }
func (q *quarrel) chance(percent int) bool    { return q.random.IntN(100) < percent }

// campaigns makes n contacts with ids from 1, and returns a campaign of every
// kind.
func (q *quarrel) campaigns(n int) []int64 {
	q.t.Helper()
	q.ground()
	for id := 1; id <= n; id++ {
		q.contact(id)
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
		id, err := q.CreateCampaign(context.Background(), c, q.now)
		q.must(err)
		q.exec(sqlProbationSources, id)
		ids = append(ids, id)
	}
	return ids
}

// ground makes domains, some of them suppressed, lists, files and segments.
func (q *quarrel) ground() {
	q.t.Helper()
	q.exec(`insert into providers (id, key, name) values (1, 'north.test', 'Northmail') on conflict do nothing`)
	for d := 1; d <= 12; d++ {
		q.exec(`insert into domains (id, name, provider_id, mail_host, expires_at) overriding system value values ($1, $2, 1, $3, $4)`,
			d, fmt.Sprintf("d%d.test", d), q.pick("mx", "mx", "implicit", "temporary"), q.now.Add(time.Duration(q.random.IntN(5)-1)*time.Hour))
	}
	for l := 1; l <= 5; l++ {
		q.exec(`insert into lists (id, name, created_at, send_risky, trust_unproven) overriding system value values ($1, $2, $3, $4, $5)`,
			l, fmt.Sprintf("L%d", l), q.now, q.chance(40), q.chance(30))
	}
	for i := 1; i <= 4; i++ {
		q.exec(`insert into imports (id, list_id, file_name, size, sha256, state, plan, created_at, consent, stopped_at) overriding system value
		        values ($1, 1, 'f.csv', 1, '', 'done', '{}', $2, $3, case when $1::bigint = 2 then $2::timestamptz end)`, i, q.now, q.pick("", "", "They asked"))
	}
	q.suppress(0, "domain", "d3.test", nil)
	for l, domain := range []string{"d4.test", "d5.test", "d6.test"} {
		q.suppress(l+1, "domain", domain, nil)
	}
	for _, city := range []string{"Oslo", "Bergen"} {
		rule := asks(segment.Condition{Subject: segment.Field, Name: "city", Op: segment.Is, Value: city})
		if _, err := q.SaveSegment(context.Background(), 0, city, rule, q.now); !errors.Is(err, ErrExists) {
			q.must(err)
		}
	}
}

// contact makes one, who shares a canonical key with another one.
func (q *quarrel) contact(id int) {
	q.t.Helper()
	domain := 1 + q.random.IntN(12)
	address := fmt.Sprintf("r%d+%d@d%d.test", id/2, id, domain)
	canonical := fmt.Sprintf("r%d@shared.test", id/2)
	q.exec(`insert into contacts (id, address, address_key, canonical_key, domain_id, status, verdict, reasons, fields, status_since, created_at, updated_at)
	        overriding system value values ($1, $2, $2, $3, $4, $5, $6, '{why}', jsonb_build_object('city', $7::text), $8, $8, $8)`,
		id, address, canonical, domain,
		q.pick("active", "active", "active", "active", "active", "active", "unconfirmed", "unsubscribed", "cleaned", "complained"),
		q.pick("deliverable", "unproven", "unproven", "risky", "undeliverable", "unknown"), q.pick("Oslo", "Bergen", "Hamar"), q.now)
	for l := 1; l <= 5; l++ {
		if !q.chance(35) {
			continue
		}
		q.exec(`insert into list_members (list_id, contact_id, status, since, import_id, consent)
		        values ($1, $2, $3, $4, nullif($5::bigint, 0), case when $6::boolean then '{"how": "at the door"}'::jsonb end)`,
			l, id, q.pick("subscribed", "subscribed", "subscribed", "unsubscribed", "unconfirmed"),
			q.now.Add(time.Duration(q.random.IntN(6)-4)*time.Hour), q.random.IntN(5), q.chance(20))
	}
	if q.chance(25) {
		key := &canonical
		if q.chance(50) {
			key = nil
		}
		q.suppress(max(0, q.random.IntN(8)-2), "address", address, key)
	}
}

// suppress bars a key from a list, or with list 0 from all: for ever, for an hour,
// or until an hour ago.
func (q *quarrel) suppress(list int, kind, key string, canonical *string) {
	q.t.Helper()
	var expires *time.Time
	if n := q.random.IntN(4); n < 2 {
		at := q.now.Add(time.Duration(2*n-1) * time.Hour)
		expires = &at
	}
	q.exec(`insert into suppressions (scope, list_id, kind, key, canonical_key, reason, created_at, expires_at)
	        values (case when $1::bigint = 0 then 'global' else 'list' end, nullif($1::bigint, 0), $2, $3, $4, $5, $6, $7)`,
		list, kind, key, canonical, q.pick("unsubscribed", "complained", "bounced", "manual"), q.now, expires)
}
