package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// sqlUndoable looks at one step of an import ($1, $2): the memberships and
	// contacts that only it brought, and the fields that nobody changed since.
	// A later import that found a contact, or a campaign that was sent to it,
	// keeps it. What is in a set is asked with "not in", which is looked up by hash:
	// Postgres cannot know how large these sets are, and would compare each with
	// each. Indexes: list_members_pkey, list_members_contact, deliveries_contact.
	sqlUndoable = `
with step as materialized (
    select s.*, i.list_id from import_steps s join imports i on i.id = s.import_id where s.import_id = $1 and s.seq = $2
), brought as materialized (
    select x as id from step, unnest(step.made) x union select x from step, unnest(step.joined) x
), others as materialized (
    select distinct x as id, i.list_id
      from (select min(id) as least, max(id) as greatest from brought) edges
      join import_steps s on s.import_id > $1 and s.greatest >= edges.least and s.least <= edges.greatest
      join imports i on i.id = s.import_id and i.state <> 'undone'
     cross join unnest(s.found) x
     where x between edges.least and edges.greatest
), leaving as materialized (
    select m.list_id, m.contact_id from step cross join unnest(step.joined) x
      join list_members m on m.contact_id = x and m.list_id = step.list_id
     where m.import_id = $1 and m.status <> 'unsubscribed'
       and x not in (select o.id from others o join step on step.list_id = o.list_id)
), orphaned as materialized (
    select c.id from step cross join unnest(step.made) x join contacts c on c.id = x
     where not exists (select from list_members m where m.contact_id = x
                          and (m.list_id, m.contact_id) not in (select l.list_id, l.contact_id from leaving l))
       and not exists (select from deliveries d where d.contact_id = x)
       and x not in (select o.id from others o)
), restored as materialized (
    select c.id, old.fields from step cross join unnest(step.changed, step.previous) old (id, fields)
      join contacts c on c.id = old.id and c.updated_at = step.at
)`

	sqlUndoPlan = sqlUndoable + `
select (select count(*) from orphaned), (select count(*) from leaving), (select count(*) from restored),
       (select cardinality(made) from step), (select cardinality(joined) from step), (select cardinality(changed) from step)`

	sqlUndoStep = sqlUndoable + `, left_lists as (
    delete from list_members m using leaving l where m.list_id = l.list_id and m.contact_id = l.contact_id
), gone as (
    delete from contacts c using orphaned o where c.id = o.id
), mended as (
    update contacts c set fields = r.fields, updated_at = $3 from restored r where c.id = r.id
), forgotten as (
    delete from import_steps where import_id = $1 and seq = $2
)
select (select count(*) from orphaned), (select count(*) from leaving), (select count(*) from restored)`

	sqlUndoSteps = `select seq from import_steps where import_id = $1 order by seq`
	sqlUndoNext  = `select min(seq) from import_steps where import_id = $1`

	// A launch waits until the step has ended, and the step for running
	// launches: no delivery is made for a contact who is being deleted.
	sqlLaunchesWait = `lock table campaigns in exclusive mode`
)

// ErrNotUndoable says that an import cannot be undone.
var ErrNotUndoable = errors.New("this import cannot be undone")

// UndoPlan says what undoing an import does, or did.
type UndoPlan struct {
	Contacts    int64 `json:"contacts"`    // will be deleted: only this import brought them, and nothing was sent to them
	Memberships int64 `json:"memberships"` // will be removed from the list
	Fields      int64 `json:"fields"`      // contacts who get back the fields that they had
	// What stays although this import made it: contacts who were mailed since,
	// left, joined another list or came with a later import.
	KeptContacts    int64 `json:"kept_contacts"`
	KeptMemberships int64 `json:"kept_memberships"`
	KeptFields      int64 `json:"kept_fields"` // changed again since
}

// UndoPlan returns what undoing an import would do, and changes nothing.
func (s *Store) UndoPlan(ctx context.Context, id int64) (UndoPlan, error) {
	var plan UndoPlan
	rows, err := s.pool.Query(ctx, sqlUndoSteps, id)
	if err != nil {
		return plan, fmt.Errorf("undo import %d: %w", id, err)
	}
	steps, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return plan, fmt.Errorf("undo import %d: %w", id, err)
	}
	for _, seq := range steps {
		var p UndoPlan
		var made, joined, changed int64
		err := s.pool.QueryRow(ctx, sqlUndoPlan, id, seq).
			Scan(&p.Contacts, &p.Memberships, &p.Fields, &made, &joined, &changed)
		if err != nil {
			return plan, fmt.Errorf("undo import %d: %w", id, err)
		}
		plan.Contacts += p.Contacts
		plan.Memberships += p.Memberships
		plan.Fields += p.Fields
		plan.KeptContacts += made - p.Contacts
		plan.KeptMemberships += joined - p.Memberships
		plan.KeptFields += changed - p.Fields
	}
	return plan, nil
}

const sqlBeginUndo = `
update imports i set state = 'undoing', finished_at = null
 where i.id = $1 and i.state = 'done' and exists (select from import_steps s where s.import_id = i.id)`

// BeginUndo lets an import that is done be taken back, and calls also in the
// same transaction. It returns [ErrNotUndoable] for another import, and for one
// of which too long ago nothing is known any more.
func (s *Store) BeginUndo(ctx context.Context, id int64, also func(tx pgx.Tx) error) error {
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sqlBeginUndo, id)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return ErrNotUndoable
		}
		return also(tx)
	})
	if err != nil {
		return fmt.Errorf("undo import %d: %w", id, err)
	}
	return nil
}

// UndoStep takes back one step of an import. Suppressions stay, and so does
// everybody who left. It returns true when nothing is left to take back.
func (s *Store) UndoStep(ctx context.Context, i *Import, now time.Time) (bool, error) {
	done := false
	err := s.step(ctx, i, now, func(tx pgx.Tx, next *Import) error {
		var seq *int
		if err := tx.QueryRow(ctx, sqlUndoNext, i.ID).Scan(&seq); err != nil {
			return err
		}
		if seq == nil {
			done = true
			next.State = ImportUndone
			return nil
		}
		for _, lock := range []string{sqlLaunchesWait, sqlMergeLock} {
			if _, err := tx.Exec(ctx, lock); err != nil {
				return err
			}
		}
		u := UndoPlan{}
		if next.Counts.Undone != nil {
			u = *next.Counts.Undone
		}
		var contacts, memberships, fields int64
		if err := tx.QueryRow(ctx, sqlUndoStep, i.ID, *seq, now).Scan(&contacts, &memberships, &fields); err != nil {
			return err
		}
		u.Contacts += contacts
		u.Memberships += memberships
		u.Fields += fields
		next.Counts.Undone = &u
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("undo import %d: %w", i.ID, err)
	}
	return done, nil
}
