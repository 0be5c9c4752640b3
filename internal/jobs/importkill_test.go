//go:build unix

package jobs

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/postgres/embedded"
	"github.com/headwaymail/headway/listhygiene/address"
	"github.com/headwaymail/headway/listhygiene/intake"
)

// victimVariable turns the test program into one that works the imports of the
// database in the variable until it is killed.
const victimVariable = "HEADWAY_JOBS_TEST_VICTIM"

// victimBatch is small, so that there are many moments to be killed at.
const victimBatch = 250

func beVictim(url string) {
	store, err := postgres.Open(context.Background(), url, 4)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("ready")
	workAll(context.Background(), store)
}

// workAll works all imports to their end, whatever goes wrong on the way.
func workAll(ctx context.Context, store *postgres.Store) {
	bulk := &Bulk{Store: store, Batch: victimBatch}
	for ctx.Err() == nil {
		imports, err := store.Imports(ctx, 100)
		settled := err == nil
		for _, i := range imports {
			if !i.State.Settled() {
				settled = bulk.Import(ctx, i.ID) == nil && settled
			}
		}
		if settled {
			return
		}
		time.Sleep(20 * time.Millisecond) // as River waits before it tries again
	}
}

// crash is a Postgres server of this test alone, and imports on it.
type crash struct {
	t     *testing.T
	dir   string
	store *postgres.Store
	url   string
}

func newCrash(t *testing.T) *crash {
	t.Helper()
	dir, err := os.MkdirTemp("", "headway-crash-")
	c := &crash{t: t, dir: dir}
	c.must(err)
	c.must(os.Chmod(dir, 0o755)) // the server's account comes through
	s := c.start()
	t.Cleanup(func() {
		if err := errors.Join(s.Stop(context.Background()), os.RemoveAll(dir)); err != nil {
			t.Error(err)
		}
	})
	c.must(s.Create(t.Context(), "crash"))
	c.url = s.URL("crash")
	c.must(postgres.Migrate(t.Context(), c.url))
	c.store, err = postgres.Open(t.Context(), c.url, 8)
	c.must(err)
	t.Cleanup(c.store.Close)
	return c
}

func (c *crash) start() *embedded.Server {
	c.t.Helper()
	// Without fsync, what was committed would be lost with the server.
	s, err := embedded.Start(c.t.Context(), embedded.Config{DataDir: c.dir, Durable: true})
	c.must(err)
	return s
}

func (c *crash) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// upload stores a file of rows, some of them twice, refused or not to be mailed,
// and returns its import.
func (c *crash) upload(name string, rows int) int64 {
	c.t.Helper()
	var file strings.Builder
	file.WriteString("email,name,status\n")
	for n := range rows {
		switch {
		case n%100 == 7:
			file.WriteString("no address,N,\n")
		case n%100 == 8:
			fmt.Fprintf(&file, "%s%d@a.test,Again,subscribed\n", name, n-8)
		case n%100 == 9:
			fmt.Fprintf(&file, "%s%d@a.test,Left,unsubscribed\n", name, n)
		default:
			fmt.Fprintf(&file, "%s%d@a.test,\"Reader\n%d\",subscribed\n", name, n, n)
		}
	}
	text := file.String()
	sample, err := intake.Sniff([]byte(text[:min(len(text), intake.SampleSize)]))
	c.must(err)
	plan := ImportPlan{Options: intake.Options{Addresses: address.Policy{AllowReserved: true}},
		Files: []FilePlan{{Name: name, Format: sample.Format, Mapping: intake.AutoMap(sample)}}}
	id, err := c.store.AddImport(c.t.Context(), postgres.NewImport{List: name, FileName: name, Content: strings.NewReader(text), At: time.Now()},
		func(*postgres.UploadFile) (json.RawMessage, error) { return json.Marshal(plan) }, func(pgx.Tx, int64) error { return nil })
	c.must(err)
	return id
}

// check looks for rows that were lost or came twice.
func (c *crash) check(id int64, rows int) {
	c.t.Helper()
	i, err := c.store.Import(c.t.Context(), id)
	c.must(err)
	each := int64(rows / 100)
	got := i.Counts
	want := postgres.ImportCounts{Rows: int64(rows), New: 97 * each, Joined: 97 * each, Duplicate: each, SuppressOnly: each}
	if i.State != postgres.ImportDone || got.Rows != want.Rows || got.New != want.New || got.Joined != want.Joined ||
		got.Duplicate != want.Duplicate || got.SuppressOnly != want.SuppressOnly || got.Refused() != each || got.Unchanged+got.Updated != 0 {
		c.t.Errorf("the import is %s with %+v; want %+v and %d refused", i.State, got, want, each)
	}
	for what, sql := range map[string]string{
		"contacts":    `select count(*) from contacts where address_key like $1 || '%'`,
		"memberships": `select count(*) from list_members m join lists l on l.id = m.list_id where l.name = $1`,
		"undoable":    `select sum(cardinality(made)) from import_steps s join imports i on i.id = s.import_id where i.file_name = $1`,
	} {
		var n int64
		c.must(c.store.Pool().QueryRow(c.t.Context(), sql, i.FileName).Scan(&n))
		if n != want.New {
			c.t.Errorf("%d %s, want %d", n, what, want.New)
		}
	}
	var rejects int64
	c.must(c.store.Pool().QueryRow(c.t.Context(), `select count(*) from import_rejects where import_id = $1`, id).Scan(&rejects))
	if rejects != each {
		c.t.Errorf("%d rejected rows, want %d", rejects, each)
	}
}

func (c *crash) settled(id int64) bool {
	i, err := c.store.Import(c.t.Context(), id)
	return err == nil && i.State.Settled()
}

// The process that works an import is killed with SIGKILL at many moments: no
// row is lost, none comes twice, and the report is the same.
func TestImportSurvivesItsProcess(t *testing.T) {
	t.Parallel()
	c := newCrash(t)
	const rows = 6000
	id := c.upload("killed", rows)
	kills := 0
	for ; !c.settled(id); kills++ {
		victim := exec.Command(os.Args[0])
		victim.Env = append(os.Environ(), victimVariable+"="+c.url)
		victim.Stderr = os.Stderr
		out, err := victim.StdoutPipe()
		c.must(err)
		c.must(victim.Start())
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		if kills < 12 {
			time.AfterFunc(time.Duration(rand.IntN(120))*time.Millisecond, func() { _ = victim.Process.Kill() })
		}
		_ = victim.Wait() // "signal: killed" is what we want
	}
	t.Logf("done after %d starts", kills)
	c.check(id, rows)
}

// Postgres is stopped at once, without a word, at many moments: what was staged
// is lost each time, and nothing else.
func TestImportSurvivesPostgres(t *testing.T) {
	t.Parallel()
	c := newCrash(t)
	const rows, stops = 6000, 5
	id := c.upload("stopped", rows)
	done := make(chan struct{})
	go func() {
		defer close(done)
		workAll(t.Context(), c.store)
	}()
	for stop := 1; stop <= stops && !c.settled(id); stop++ {
		// Later and later, so that some stops fall into the merge.
		at := time.NewTimer(time.Duration(rand.IntN(200*stop)) * time.Millisecond)
		select {
		case <-at.C:
		case <-done:
		}
		before, err := c.store.Import(t.Context(), id)
		c.must(err)
		t.Logf("stopped when it was %s: %d rows staged, %d merged", before.State, before.Counts.Rows, before.Counts.Merged())
		c.must(syscall.Kill(c.serverPID(), syscall.SIGQUIT)) // pg_ctl stop -m immediate
		c.awaitGone()
		c.start()
		c.awaitBack()
	}
	select {
	case <-done:
	case <-time.After(2 * time.Minute):
		t.Fatal("the import does not end")
	}
	c.check(id, rows)
}

// awaitBack asks until the connections that the stop has broken are dropped.
func (c *crash) awaitBack() {
	c.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		err := c.store.Ping(c.t.Context())
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatal(err)
		}
	}
}

func (c *crash) pidFile() string { return filepath.Join(c.dir, "postgres", "postmaster.pid") }

func (c *crash) serverPID() int {
	c.t.Helper()
	text, err := os.ReadFile(c.pidFile())
	c.must(err)
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(line)
	c.must(err)
	return pid
}

func (c *crash) awaitGone() {
	c.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(c.pidFile()); errors.Is(err, os.ErrNotExist) {
			return
		}
	}
	c.t.Fatal("the server does not stop")
}
