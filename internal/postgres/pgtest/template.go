//go:build unix

package pgtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const (
	templatePrefix = "headway_template_"
	draftPrefix    = "headway_draft_"
	clonePrefix    = "headway_test_"

	// keptTemplates is how many templates stay: one for each state of the
	// migrations that somebody works on. A template takes some 10 MB.
	keptTemplates = 8
)

// templateName returns the name of a fingerprint's template.
func templateName(fingerprint string) string {
	sum := sha256.Sum256([]byte(fingerprint))
	return templatePrefix + hex.EncodeToString(sum[:8])
}

// serverRun identifies the time since the server's start, in microseconds.
// Clones carry it in their names: those of an earlier run are left over.
func serverRun(ctx context.Context, conn *pgx.Conn) (int64, error) {
	var run int64
	err := conn.QueryRow(ctx, `select (extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint`).Scan(&run)
	return run, err
}

// makeTemplate migrates a new database and gives it the template's name when
// it is whole, unless another test process has just done so.
func (p place) makeTemplate(ctx context.Context, conn *pgx.Conn, template string, run int64, migrate func(context.Context, string) error) error {
	unlock, err := lockTemplates(ctx, conn)
	if err != nil {
		return err
	}
	defer unlock()
	var there bool
	err = conn.QueryRow(ctx, `select exists (select from pg_database where datname = $1)`, template).Scan(&there)
	if err != nil || there {
		return err
	}
	if err := dropLeftovers(ctx, conn, run); err != nil {
		return err
	}
	draft := draftPrefix + template[len(templatePrefix):]
	if _, err := conn.Exec(ctx, "create database "+draft); err != nil {
		return err
	}
	if err := migrate(ctx, p.url(draft)); err != nil {
		return fmt.Errorf("migrate the template: %w", err)
	}
	for _, statement := range []string{
		// Nobody may be connected when it is renamed, nor later when it is cloned.
		"alter database " + draft + " allow_connections false",
		"select pg_terminate_backend(pid, 60000) from pg_stat_activity where backend_type = 'client backend' and datname = '" + draft + "'",
		"alter database " + draft + " rename to " + template,
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("finish the template: %w", err)
		}
	}
	return nil
}

// lockTemplates makes the other test processes wait that want a new template.
func lockTemplates(ctx context.Context, conn *pgx.Conn) (unlock func(), err error) {
	const key = `hashtext('headway: test templates')`
	if _, err := conn.Exec(ctx, `select pg_advisory_lock(`+key+`)`); err != nil {
		return nil, err
	}
	return func() {
		// Should this fail, so did the connection, and the lock went with it.
		_, _ = conn.Exec(ctx, `select pg_advisory_unlock(`+key+`)`)
	}, nil
}

// leftovers are the databases that nobody can need any more: unfinished
// templates (they are made under the templates' lock), clones of
// killed tests from an earlier run of the server, and templates beyond the
// newest few.
const leftovers = `
select datname from pg_database
where starts_with(datname, '` + draftPrefix + `')
   or starts_with(datname, '` + clonePrefix + `') and not starts_with(datname, '` + clonePrefix + `' || $1::text || '_')
union all
(select datname from pg_database
 where starts_with(datname, '` + templatePrefix + `')
 order by oid desc
 offset $2)`

// tidy drops what killed tests left behind.
func (p place) tidy(ctx context.Context) error {
	return p.do(ctx, func(conn *pgx.Conn) error {
		unlock, err := lockTemplates(ctx, conn)
		if err != nil {
			return err
		}
		defer unlock()
		run, err := serverRun(ctx, conn)
		if err != nil {
			return err
		}
		return dropLeftovers(ctx, conn, run)
	})
}

// dropLeftovers drops them. The caller holds the templates' lock.
func dropLeftovers(ctx context.Context, conn *pgx.Conn, run int64) error {
	rows, err := conn.Query(ctx, leftovers, fmt.Sprint(run), keptTemplates-1)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		_, err := conn.Exec(ctx, "drop database if exists "+pgx.Identifier{name}.Sanitize()+" with (force)")
		// A template that another test clones right now is dropped next time.
		if err != nil && !hasCode(err, objectInUse) {
			return fmt.Errorf("drop %s: %w", name, err)
		}
	}
	return nil
}
