//go:build unix

package embedded_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/headwaymail/headway/internal/postgres/embedded"
	"github.com/jackc/pgx/v5"
)

// comeAndGoEnv turns the test program into one that uses the server of the
// folder in the variable again and again, for as long as comeAndGo lasts.
const (
	comeAndGoEnv = "HEADWAY_EMBEDDED_TEST_COME_AND_GO"
	comeAndGo    = 1500 * time.Millisecond
)

// comeAndGoLoop starts, uses and stops the server until time is up, and fails
// when the server is not there although it is in use.
func comeAndGoLoop(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	started, rounds := 0, 0
	for end := time.Now().Add(comeAndGo); time.Now().Before(end); rounds++ {
		s, err := embedded.Start(ctx, embedded.Config{DataDir: dir})
		if err != nil {
			return err
		}
		if !s.Adopted() {
			started++
		}
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, "select pg_sleep(random() / 50)"); err != nil {
			return err
		}
		if err := conn.Close(ctx); err != nil {
			return err
		}
		if err := s.Stop(ctx); err != nil {
			return err
		}
		time.Sleep(time.Duration(os.Getpid()%7) * 20 * time.Millisecond) // each process its own rhythm
	}
	fmt.Printf("%d rounds, %d of them started the server\n", rounds, started)
	return nil
}

func TestProcessesHandServerOver(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), comeAndGoEnv+"="+dir)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s", err, out)
			}
			t.Logf("%s", out)
		})
	}
	all.Wait()
	if _, err := os.Stat(pidFile(dir)); !os.IsNotExist(err) {
		t.Errorf("pid file after the last one left: %v", err)
	}
}
