package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	sqlPerson = `
select c.id, c.address, c.address_key, c.canonical_key, d.name, c.fields, c.status, c.status_since, c.verdict, c.reasons,
       coalesce(p.name, ''), c.created_at
  from contacts c join domains d on d.id = c.domain_id left join providers p on p.id = d.provider_id
 where c.address_key = $1`

	sqlPersonLists = `
select l.name, m.status, m.since, coalesce(m.import_id, 0), coalesce(i.file_name, ''), coalesce(i.consent, ''), m.consent
  from list_members m join lists l on l.id = m.list_id left join imports i on i.id = m.import_id
 where m.contact_id = $1 order by l.name`

	// A look at DNS that came to the same as the one before is no attempt with a row
	// of its own; that there were more says the number of the last.
	//
	// Of what programs did in their name one line a message is enough.
	// Index: deliveries_contact, attempts_delivery, engagements_contact.
	sqlPersonDeliveries = `
with mine as materialized (
    select id, campaign_id, state, updated_at, code, reply, attempts from deliveries where contact_id = $1
)
select at, campaign, what, reply from (
    select d.updated_at as at, camp.name as campaign, d.state::text as what,
           concat_ws(' ', d.reply, case when d.code = 0 and d.attempts > 1 then '(attempt ' || d.attempts || ')' end) as reply
      from mine d join campaigns camp on camp.id = d.campaign_id
    union all
    select a.at, camp.name, a.outcome, concat_ws(' ', a.reply, case when a.host <> '' then 'from ' || a.host end)
      from mine d join attempts a on a.delivery_id = d.id join campaigns camp on camp.id = d.campaign_id
     where a.at <> d.updated_at -- the last one is told above
    union all
    select e.last_at, camp.name, case when e.machine then 'program_' else '' end || e.kind || 'ed',
           case when e.machine then e.rule else coalesce(l.url, '') end
      from engagements e join campaigns camp on camp.id = e.campaign_id
      left join campaign_links l on l.campaign_id = e.campaign_id and l.number = e.link
     where e.contact_id = $1 and (e.kind = 'open' or e.machine = (e.link = 0))
) timeline order by at desc limit $2`
)

// Person is a contact with everything that is known.
type Person struct {
	ID           int64              `json:"id"`
	Address      string             `json:"address"`
	Key          string             `json:"-"`
	CanonicalKey string             `json:"canonical"`
	Domain       string             `json:"domain"`
	Fields       map[string]string  `json:"fields"`
	Status       string             `json:"status"`
	StatusSince  time.Time          `json:"status_since"`
	Verdict      string             `json:"verdict"`
	Reasons      []string           `json:"reasons"`
	Provider     string             `json:"provider,omitempty"`
	CreatedAt    time.Time          `json:"created_at"`
	Lists        []Membership       `json:"lists"`
	Suppressions []SuppressionEntry `json:"suppressions"`
	Timeline     []PersonEvent      `json:"timeline"` // the newest first
}

// Membership is how a contact belongs to a list, and on what grounds.
type Membership struct {
	List     string          `json:"list"`
	Status   string          `json:"status"`
	Since    time.Time       `json:"since"`
	Import   int64           `json:"import,omitempty"`
	FileName string          `json:"file,omitempty"`
	Stated   string          `json:"consent_stated,omitempty"` // by the operator, for the whole import
	Consent  json.RawMessage `json:"consent,omitempty"`        // what the file says of this person
}

// PersonEvent is one thing that happened to a message to the contact, or that was
// done with it.
type PersonEvent struct {
	At       time.Time `json:"at"`
	Campaign string    `json:"campaign"`
	What     string    `json:"what"`            // a state; clicked or opened; program_clicked or program_opened, in their name
	Reply    string    `json:"reply,omitempty"` // of the server; the link that was clicked; what gave a program away
}

// Person returns the contact with an exact key, or [ErrNotFound]; the timeline
// has at most events entries.
func (s *Store) Person(ctx context.Context, key string, events int) (Person, error) {
	p, err := s.person(ctx, key, events)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return p, fmt.Errorf("contact %s: %w", key, err)
	}
	return p, nil
}

func (s *Store) person(ctx context.Context, key string, events int) (p Person, err error) {
	var fields map[string]any
	err = s.pool.QueryRow(ctx, sqlPerson, key).Scan(&p.ID, &p.Address, &p.Key, &p.CanonicalKey, &p.Domain, &fields, &p.Status,
		&p.StatusSince, &p.Verdict, &p.Reasons, &p.Provider, &p.CreatedAt)
	if err != nil {
		return p, err
	}
	p.Fields = make(map[string]string, len(fields))
	for name, value := range fields {
		p.Fields[name] = fmt.Sprint(value)
	}
	rows, err := s.pool.Query(ctx, sqlPersonLists, p.ID)
	if err != nil {
		return p, err
	}
	if p.Lists, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Membership]); err != nil {
		return p, err
	}
	if p.Suppressions, err = s.SuppressionsOf(ctx, p.Key, p.CanonicalKey, p.Domain); err != nil {
		return p, err
	}
	if rows, err = s.pool.Query(ctx, sqlPersonDeliveries, p.ID, events); err != nil {
		return p, err
	}
	p.Timeline, err = pgx.CollectRows(rows, pgx.RowToStructByPos[PersonEvent])
	return p, err
}
