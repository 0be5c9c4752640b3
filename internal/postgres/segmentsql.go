package postgres

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/headwaymail/headway/listhygiene/segment"
)

// The contacts that a segment is asked about: c is the contact, d its domain, p
// its provider. %s is the filter, of the parts below; $1 is when it is asked,
// $2 and $3 bound the contacts by id.
const (
	sqlSegmentCount = `
select count(*) from contacts c join domains d on d.id = c.domain_id left join providers p on p.id = d.provider_id
 where c.created_at <= $1 and c.id > $2 and c.id <= $3 and (%s)`
	sqlSegmentRange = `
select coalesce(array_agg(c.id), '{}') from contacts c join domains d on d.id = c.domain_id left join providers p on p.id = d.provider_id
 where c.created_at <= $1 and c.id > $2 and c.id <= $3 and (%s)`
	sqlSegmentFirst = `
select c.id, c.address, c.status, c.verdict from contacts c join domains d on d.id = c.domain_id left join providers p on p.id = d.provider_id
 where c.created_at <= $1 and c.id > $2 and c.id <= $3 and (%s) order by c.id limit 20`
)

// segmentParts are the only texts of which a filter is made. %[1]d and %[2]d are
// the numbers of bound values: first the condition's value, then the name of the
// field. No value is ever part of the text.
var segmentParts = map[segment.Subject]map[segment.Operator]string{
	segment.Field: {
		segment.Is:       `coalesce(c.fields ->> $%[2]d::text, '') = $%[1]d::text`,
		segment.IsNot:    `coalesce(c.fields ->> $%[2]d::text, '') <> $%[1]d::text`,
		segment.Contains: `strpos(lower(coalesce(c.fields ->> $%[2]d::text, '')), lower($%[1]d::text)) > 0`,
		segment.Begins:   `starts_with(lower(coalesce(c.fields ->> $%[2]d::text, '')), lower($%[1]d::text))`,
		segment.Filled:   `coalesce(c.fields ->> $%[2]d::text, '') <> '' and $%[1]d::text is not null`,
		segment.Empty:    `coalesce(c.fields ->> $%[2]d::text, '') = '' and $%[1]d::text is not null`,
	},
	segment.Status:  {segment.Is: `c.status = $%[1]d::text`, segment.IsNot: `c.status <> $%[1]d::text`},
	segment.Verdict: {segment.Is: `c.verdict = $%[1]d::text`, segment.IsNot: `c.verdict <> $%[1]d::text`},
	segment.List: {
		segment.Is: `exists (select from list_members m join lists l on l.id = m.list_id
                      where m.contact_id = c.id and m.status = 'subscribed' and l.name = $%[1]d::text)`,
		segment.IsNot: `not exists (select from list_members m join lists l on l.id = m.list_id
                      where m.contact_id = c.id and m.status = 'subscribed' and l.name = $%[1]d::text)`,
	},
	segment.Domain: {segment.Is: `d.name = lower($%[1]d::text)`, segment.IsNot: `d.name <> lower($%[1]d::text)`},
	segment.Provider: {
		segment.Is:    `coalesce(lower($%[1]d::text) in (lower(p.name), lower(p.key)), false)`,
		segment.IsNot: `not coalesce(lower($%[1]d::text) in (lower(p.name), lower(p.key)), false)`,
	},
	segment.Received: {
		segment.Is: `exists (select from campaigns k join deliveries v on v.ledger_id = k.ledger_id and v.campaign_id = k.id
                      where k.id = $%[1]d::bigint and v.contact_id = c.id and v.state = 'delivered')`,
		segment.IsNot: `not exists (select from campaigns k join deliveries v on v.ledger_id = k.ledger_id and v.campaign_id = k.id
                      where k.id = $%[1]d::bigint and v.contact_id = c.id and v.state = 'delivered')`,
	},
	segment.Delivered: {
		segment.Within: `exists (select from deliveries v where v.contact_id = c.id and v.state = 'delivered'
                      and v.updated_at > $1::timestamptz - make_interval(days => $%[1]d::int))`,
		segment.NotWithin: `not exists (select from deliveries v where v.contact_id = c.id and v.state = 'delivered'
                      and v.updated_at > $1::timestamptz - make_interval(days => $%[1]d::int))`,
	},
	segment.Clicked: {
		segment.Within: `exists (select from engagements e where e.contact_id = c.id and e.kind = 'click' and e.link = 0 and not e.machine
                      and e.last_at > $1::timestamptz - make_interval(days => $%[1]d::int))`,
		segment.NotWithin: `not exists (select from engagements e where e.contact_id = c.id and e.kind = 'click' and e.link = 0 and not e.machine
                      and e.last_at > $1::timestamptz - make_interval(days => $%[1]d::int))`,
	},
	segment.Opened: {
		segment.Within: `exists (select from engagements e where e.contact_id = c.id and e.kind = 'open' and e.link = 0 and not e.machine
                      and e.last_at > $1::timestamptz - make_interval(days => $%[1]d::int))`,
		segment.NotWithin: `not exists (select from engagements e where e.contact_id = c.id and e.kind = 'open' and e.link = 0 and not e.machine
                      and e.last_at > $1::timestamptz - make_interval(days => $%[1]d::int))`,
	},
	segment.Known: {
		segment.Within:    `c.created_at > $1::timestamptz - make_interval(days => $%[1]d::int)`,
		segment.NotWithin: `c.created_at <= $1::timestamptz - make_interval(days => $%[1]d::int)`,
	},
}

// segmentQuery is a filter with the values that it binds.
type segmentQuery struct{ args []any }

// compileSegment makes a statement of a segment that was checked. The first
// arguments are when it is asked and the range of contacts.
func compileSegment(statement string, s segment.Segment, at time.Time, after, upto int64) (string, []any, error) {
	if err := s.Check(); err != nil {
		return "", nil, err
	}
	q := segmentQuery{args: []any{at, after, upto}}
	filter, err := q.group(s.Group)
	return fmt.Sprintf(statement, filter), q.args, err
}

func (q *segmentQuery) group(g segment.Group) (string, error) {
	var parts []string
	for _, c := range g.Conditions {
		part, err := q.condition(c)
		if err != nil {
			return "", err
		}
		parts = append(parts, "("+part+")")
	}
	for _, inner := range g.Groups {
		part, err := q.group(inner)
		if err != nil {
			return "", err
		}
		parts = append(parts, "("+part+")")
	}
	if g.Match == segment.Any {
		return strings.Join(parts, " or "), nil
	}
	return strings.Join(parts, " and "), nil
}

func (q *segmentQuery) condition(c segment.Condition) (string, error) {
	part, ok := segmentParts[c.Subject][c.Op]
	if !ok {
		return "", fmt.Errorf("no statement for %s %s", c.Subject, c.Op)
	}
	value := any(c.Value)
	switch c.Subject {
	case segment.Status, segment.Verdict:
		value = strings.ToLower(c.Value)
	case segment.Received, segment.Delivered, segment.Clicked, segment.Opened, segment.Known:
		n, err := strconv.ParseInt(c.Value, 10, 64)
		if err != nil {
			return "", err
		}
		value = n
	}
	q.args = append(q.args, value)
	number := len(q.args)
	if !strings.Contains(part, "%[2]d") {
		return fmt.Sprintf(part, number), nil
	}
	q.args = append(q.args, c.Name)
	return fmt.Sprintf(part, number, number+1), nil
}
