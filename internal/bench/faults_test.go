package bench_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/headwaymail/headway/internal/bench"
	"github.com/headwaymail/headway/internal/config"
)

// A fault that this machine cannot stage is said to be not run, with the reason:
// neither passed nor failed.
func TestFaultThatCannotBeStaged(t *testing.T) {
	t.Parallel()
	rows, err := bench.Faults(t.Context(), bench.LedgerOptions{Contacts: 20, Only: []string{"clock"}, Config: config.Default(),
		FakeTime: filepath.Join(t.TempDir(), "libfaketime.so.1"), Out: t.Output()}, 1)
	if err != nil || len(rows) != 1 {
		t.Fatalf("%+v, %v", rows, err)
	}
	if rows[0].NotRun == "" || len(rows[0].Wrong) > 0 || rows[0].Delivered > 0 {
		t.Errorf("%+v", rows[0])
	}
}

// TestFullDisk is `headway bench faults --only disk` with few recipients.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	binary, err := exec.LookPath("headway")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := bench.Faults(t.Context(), bench.LedgerOptions{Binary: binary, Contacts: 200, Only: []string{"disk"}, Config: config.Default(),
		Out: t.Output()}, 1)
	if err != nil || len(rows) != 1 {
		t.Fatalf("%+v, %v", rows, err)
	}
	if rows[0].NotRun != "" {
		t.Skip(rows[0].NotRun)
	}
	if wrong := bench.LedgerWrong(rows); wrong != nil || rows[0].Delivered != 200 {
		t.Errorf("%d delivered: %v", rows[0].Delivered, wrong)
	}
}
