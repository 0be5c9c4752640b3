package bench_test

import (
	"os/exec"
	"testing"

	"github.com/headwaymail/headway/internal/bench"
	"github.com/headwaymail/headway/internal/config"
)

// TestLedger is `headway bench ledger` with few recipients: whatever happens,
// everybody who can have the message has it.
func TestLedger(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	binary, err := exec.LookPath("headway")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := bench.Ledger(t.Context(), bench.LedgerOptions{Binary: binary, Contacts: 60, Config: config.Default(), Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 5 {
		t.Errorf("%d scenarios, want 5", len(rows))
	}
	if wrong := bench.LedgerWrong(rows); wrong != nil {
		t.Error(wrong)
	}
}
