package postgres

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib" // goose speaks database/sql
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/headwaymail/headway/migrations"
)

// RiverSchema is the Postgres schema in which River keeps its own tables.
const RiverSchema = "river"

const (
	sqlRiverSchema = `create schema if not exists river`

	// River's two GIN indexes serve searches in job arguments that Headway
	// never makes, and cost half of the queue's throughput.
	sqlDropRiverArgsIndex     = `drop index if exists river.river_job_args_index`
	sqlDropRiverMetadataIndex = `drop index if exists river.river_job_metadata_index`

	// The attempts of a month live in a partition of their own, so that old
	// months can be dropped without touching the others.
	sqlAttemptsPartition = `
create table if not exists attempts_%s partition of attempts for values from ('%s') to ('%s')`
)

// Migrate brings the database at url to the newest schema, ours and River's.
// Several processes may call it at once.
func Migrate(ctx context.Context, url string) error {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer db.Close()
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60), lock.WithUnlockTimeout(1, 60))
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations.Files,
		goose.WithSessionLocker(locker), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	there, known, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if there > known { // its statements may do there what a newer node does not expect
		return fmt.Errorf("the database belongs to a newer Headway: it has schema %d, and this program knows %d at most; start the newer version, or restore a backup of before", there, known)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return migrateRiver(ctx, url)
}

func migrateRiver(ctx context.Context, url string) error {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return fmt.Errorf("migrate river: %w", err)
	}
	defer pool.Close()

	// River's migrator takes no lock of its own.
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("migrate river: %w", err)
	}
	defer conn.Release()
	const riverLock = 0x68656164776179 // "headway"
	if _, err := conn.Exec(ctx, `select pg_advisory_lock($1)`, int64(riverLock)); err != nil {
		return fmt.Errorf("migrate river: %w", err)
	}
	defer func() {
		unlock, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_, _ = conn.Exec(unlock, `select pg_advisory_unlock($1)`, int64(riverLock)) // the session's end frees it anyway
	}()

	if _, err := conn.Exec(ctx, sqlRiverSchema); err != nil {
		return fmt.Errorf("migrate river: %w", err)
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{
		Schema: RiverSchema, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("migrate river: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate river: %w", err)
	}
	for _, statement := range []string{sqlDropRiverArgsIndex, sqlDropRiverMetadataIndex} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("migrate river: %w", err)
		}
	}
	return nil
}

// MigrationsFingerprint changes whenever the schema does. Tests keep one
// template database per fingerprint.
func MigrationsFingerprint() string {
	digest := sha256.New()
	err := fs.WalkDir(migrations.Files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := migrations.Files.ReadFile(path)
		digest.Write([]byte(path))
		digest.Write(content)
		return err
	})
	if err != nil {
		panic(errors.Join(errors.New("embedded migrations cannot be read"), err))
	}
	return hex.EncodeToString(digest.Sum(nil))[:12]
}

// EnsureAttemptsPartitions makes the partitions of attempts for now's month and
// the one after.
func (s *Store) EnsureAttemptsPartitions(ctx context.Context, now time.Time) error {
	first := time.Date(now.UTC().Year(), now.UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
	for range 2 {
		next := first.AddDate(0, 1, 0)
		statement := fmt.Sprintf(sqlAttemptsPartition,
			first.Format("2006_01"), first.Format(time.DateOnly), next.Format(time.DateOnly))
		if _, err := s.pool.Exec(ctx, statement); err != nil {
			return fmt.Errorf("make the partition of attempts for %s: %w", first.Format("2006-01"), err)
		}
		first = next
	}
	return nil
}

// EmptySchemas is the SQL that gives up everything a database holds.
const EmptySchemas = `drop schema if exists river cascade; drop schema public cascade; create schema public`

// DropSchemas gives up everything that the database holds.
func (s *Store) DropSchemas(ctx context.Context) error {
	if _, err := s.pool.Exec(ctx, EmptySchemas); err != nil {
		return fmt.Errorf("empty the database: %w", err)
	}
	return nil
}
