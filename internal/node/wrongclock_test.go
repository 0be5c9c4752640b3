package node

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

func TestWrongClock(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "clock")
	synctest.Test(t, func(t *testing.T) {
		c := &wrongClock{file: file}
		for _, step := range []struct {
			says  string
			wrong time.Duration
		}{{"", 0}, {"+3600\n", time.Hour}, {"-60", -time.Minute}, {"soon", 0}} {
			if err := os.WriteFile(file, []byte(step.says), 0o600); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * wrongClockEvery)
			if got := c.now().Sub(time.Now().Round(0)); got != step.wrong {
				t.Errorf("a file with %q: wrong by %s, want %s", step.says, got, step.wrong)
			}
		}
	})
}
