// Package backup writes the database to a file and reads it back, through
// Postgres' own pg_dump and pg_restore, in the custom format: compressed, and
// restored through psql in one transaction, wholly or not at all. The schemas
// that are there are dropped first: pg_restore's own --clean cannot drop the
// partitions of the ledger.
//
// The key that seals the signing keys is not part of a backup.
package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
)

// Tools says where the programs are and which database they serve.
type Tools struct {
	BinDir string // of the embedded server; empty: found in PATH
	URL    string
}

// Write dumps the database to a file, which appears only when it is complete,
// and returns its size in bytes.
func Write(ctx context.Context, t Tools, name string) (size int64, err error) {
	program, err := t.find("pg_dump")
	if err != nil {
		return 0, err
	}
	draft, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(draft.Name())
	dump := exec.CommandContext(ctx, program, "--format=custom", "--no-owner", "--no-privileges", "--dbname", t.URL)
	var complaint bytes.Buffer
	dump.Stdout, dump.Stderr = draft, &complaint
	if err := dump.Run(); err != nil {
		return 0, errors.Join(fmt.Errorf("pg_dump: %w: %s", err, strings.TrimSpace(complaint.String())), draft.Close())
	}
	if size, err = draft.Seek(0, 2); err != nil {
		return 0, errors.Join(err, draft.Close())
	}
	if err := errors.Join(draft.Sync(), draft.Close()); err != nil {
		return 0, err
	}
	return size, os.Rename(draft.Name(), name)
}

// nodeAlive is how young a node's beat is while it runs.
const nodeAlive = 20 * time.Second

// Restore fills the database from a file, in place of the empty schema that is
// there. It refuses a database in use, and one with content unless replace is set.
func Restore(ctx context.Context, t Tools, store *postgres.Store, name string, replace bool) error {
	program, err := t.find("pg_restore")
	if err != nil {
		return err
	}
	if _, err := os.Stat(name); err != nil {
		return err
	}
	// A file that is no backup must be found out before anything is dropped.
	if out, err := exec.CommandContext(ctx, program, "--list", name).CombinedOutput(); err != nil {
		return fmt.Errorf("%s is not a backup: %s", name, strings.TrimSpace(string(out)))
	}
	nodes, err := store.Nodes(ctx)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if time.Since(n.BeatAt) < nodeAlive {
			return fmt.Errorf("node %d on %s is running; stop it before restoring", n.ID, n.Host)
		}
	}
	filled, err := store.Filled(ctx)
	if err != nil {
		return err
	}
	if filled && !replace {
		return errors.New("the database holds contacts or campaigns; with --replace they are given up")
	}
	client, err := t.find("psql")
	if err != nil {
		return err
	}
	store.Close() // its connections must not stand in the way
	return play(ctx, exec.CommandContext(ctx, program, "--no-owner", "--no-privileges", "--file=-", name),
		exec.CommandContext(ctx, client, "--no-psqlrc", "--quiet", "--output="+os.DevNull, "--single-transaction", "--set=ON_ERROR_STOP=1",
			"--dbname="+t.URL, "--command="+postgres.EmptySchemas, "--file=-"))
}

// play pipes what one program writes into another, which commits at the end of
// its input. A script that breaks off must not be committed: then the second
// program is killed, and the server takes everything back.
func play(ctx context.Context, script, client *exec.Cmd) error {
	var scriptComplaint, clientComplaint bytes.Buffer
	script.Stderr, client.Stderr = &scriptComplaint, &clientComplaint
	input, err := client.StdinPipe()
	if err != nil {
		return err
	}
	script.Stdout = input
	if err := client.Start(); err != nil {
		return fmt.Errorf("psql: %w", err)
	}
	scriptErr := script.Run()
	if scriptErr != nil || ctx.Err() != nil {
		_ = client.Process.Kill() // it may have ended because of its own error
	}
	clientErr := errors.Join(ignoreClosed(input.Close()), client.Wait())
	if said := strings.TrimSpace(clientComplaint.String()); said != "" && clientErr != nil {
		return fmt.Errorf("psql: %w: %s", clientErr, said)
	}
	if scriptErr != nil {
		return fmt.Errorf("pg_restore: %w: %s", scriptErr, strings.TrimSpace(scriptComplaint.String()))
	}
	if clientErr != nil {
		return fmt.Errorf("psql: %w", clientErr)
	}
	return nil
}

// ignoreClosed drops the error of closing what the other end has left already.
func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

func (t Tools) find(program string) (string, error) {
	if t.BinDir != "" {
		path := filepath.Join(t.BinDir, program)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return "", fmt.Errorf("%s is needed and was not found; install Postgres' client programs (Debian: apt-get install postgresql-client)", program)
	}
	return path, nil
}
