package service

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/headwaymail/headway/internal/jobs"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene/intake"
)

// WriteRejects writes the refused rows of an import as CSV: the columns of its
// file, then line, problem and suggestion. Mended, it can be imported again.
func (s *Service) WriteRejects(ctx context.Context, i postgres.Import, w io.Writer) error {
	var plan jobs.ImportPlan
	if err := json.Unmarshal(i.Plan, &plan); err != nil {
		return fmt.Errorf("plan of import %d: %w", i.ID, err)
	}
	rejects, err := intake.NewRejectWriter(w, plan.Mapping)
	if err != nil {
		return fmt.Errorf("rejected rows of import %d: %w", i.ID, err)
	}
	err = s.Store.EachReject(ctx, i.ID, func(r postgres.RejectedRow) error {
		record := intake.Record{Cells: r.Cells}
		record.Line = int(r.Line)
		return rejects.Write(record, &intake.Problem{Code: intake.Code(r.Code), Suggestion: r.Suggestion})
	})
	if err != nil {
		return err
	}
	return rejects.Flush()
}
