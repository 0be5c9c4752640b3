package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene"
)

// verificationBegins bounds the time from the end of an import to the begin of
// its verification; a node that died in between leaves it to the schedule.
const verificationBegins = 5 * time.Second

// followImportVerification waits until those who joined with an import have
// their verdicts.
func followImportVerification(ctx context.Context, cmd *cobra.Command, d *desk, i postgres.Import) (postgres.Verification, error) {
	if i.State != postgres.ImportDone {
		return postgres.Verification{}, nil
	}
	scope := postgres.VerificationScope{List: i.List, Import: i.ID}
	for deadline := time.Now().Add(verificationBegins); ; {
		v, err := d.database.Store.NewestVerification(ctx, scope)
		if err == nil {
			return followVerification(ctx, cmd, d, v.ID)
		}
		if !errors.Is(err, postgres.ErrNotFound) || time.Now().After(deadline) {
			return v, nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return v, ctx.Err()
		}
	}
}

// printImportVerdicts says in one line how those who joined stand.
func printImportVerdicts(w io.Writer, v postgres.Verification) {
	if v.Judged() == 0 {
		return
	}
	fmt.Fprint(w, "Verified who joined:")
	sign := " "
	for _, verdict := range listhygiene.Verdicts() {
		if n := v.Counts.Verdicts[string(verdict)]; n > 0 {
			fmt.Fprintf(w, "%s%s %s", sign, count(n), verdict)
			sign = ", "
		}
	}
	fmt.Fprintf(w, "\nWhy, and what can be done: headway verify --list %q\n", v.ListName)
}
