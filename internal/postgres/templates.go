package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	sqlTemplates      = `select id, name, html, updated_at from templates where $1 = 0 or id = $1 order by name`
	sqlInsertTemplate = `
insert into templates (name, html, created_at, updated_at) values ($1, $2, $3, $3) on conflict (name) do nothing returning id`
	sqlUpdateTemplate = `
update templates set name = $2, html = $3, updated_at = $4
 where id = $1 and not exists (select from templates other where other.name = $2 and other.id <> $1)`
	sqlDeleteTemplate = `delete from templates where id = $1`
)

// Template is a layout of people's own.
type Template struct {
	ID        int64
	Name      string
	HTML      string // with {{ content }}; see campaign/message
	UpdatedAt time.Time
}

// Templates returns all templates by name.
func (s *Store) Templates(ctx context.Context) ([]Template, error) { return s.templates(ctx, 0) }

// Template returns one template, or [ErrNotFound].
func (s *Store) Template(ctx context.Context, id int64) (Template, error) {
	found, err := s.templates(ctx, id)
	if err == nil && (id == 0 || len(found) == 0) {
		err = missing{fmt.Sprintf("template %d", id)}
	}
	if err != nil {
		return Template{}, err
	}
	return found[0], nil
}

func (s *Store) templates(ctx context.Context, id int64) ([]Template, error) {
	rows, err := s.pool.Query(ctx, sqlTemplates, id)
	if err != nil {
		return nil, wrap(err, "templates")
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Template])
	return found, wrap(err, "templates")
}

// SaveTemplate makes a template (id 0) or changes one, and returns its id. The
// error is [ErrExists] when another has the name.
func (s *Store) SaveTemplate(ctx context.Context, id int64, name, html string, now time.Time) (int64, error) {
	if id == 0 {
		err := s.pool.QueryRow(ctx, sqlInsertTemplate, name, html, now).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			err = ErrExists
		}
		return id, wrap(err, fmt.Sprintf("template %q", name))
	}
	tag, err := s.pool.Exec(ctx, sqlUpdateTemplate, id, name, html, now)
	if err == nil && tag.RowsAffected() == 0 {
		if _, err = s.Template(ctx, id); err == nil {
			err = ErrExists
		}
	}
	return id, wrap(err, fmt.Sprintf("template %q", name))
}

// DeleteTemplate deletes a template. Drafts that were made with it keep their copy.
func (s *Store) DeleteTemplate(ctx context.Context, id int64) error {
	tag, err := s.pool.Exec(ctx, sqlDeleteTemplate, id)
	if err == nil && tag.RowsAffected() == 0 {
		err = missing{fmt.Sprintf("template %d", id)}
	}
	return wrap(err, "delete the template")
}
