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
// file, then line, problem and suggestion. Mended, it can be imported again. The
// rows of several files stand together, with the columns of all of them; where
// the name of a file, or the operator, gave rows a status, they have a column for it.
func (s *Service) WriteRejects(ctx context.Context, i postgres.Import, w io.Writer) error {
	var plan jobs.ImportPlan
	if err := json.Unmarshal(i.Plan, &plan); err != nil {
		return fmt.Errorf("plan of import %d: %w", i.ID, err)
	}
	sheet := joinColumns(plan)
	rejects, err := intake.NewRejectWriter(w, sheet.mapping)
	if err != nil {
		return fmt.Errorf("rejected rows of import %d: %w", i.ID, err)
	}
	err = s.Store.EachReject(ctx, i.ID, func(r postgres.RejectedRow) error {
		record := intake.Record{Cells: sheet.cells(r.Place.File(), r.Cells)}
		record.Line = r.Place.Line()
		return rejects.Write(record, &intake.Problem{Code: intake.Code(r.Code), Suggestion: r.Suggestion})
	})
	if err != nil {
		return err
	}
	return rejects.Flush()
}

// rejectSheet has the columns of all files of an upload.
type rejectSheet struct {
	mapping intake.Mapping
	places  map[int][]int         // by index of the file: where each of its columns stands
	status  map[int]intake.Status // by index of the file: what its name says
}

// joinColumns puts columns of one heading and role together.
func joinColumns(plan jobs.ImportPlan) rejectSheet {
	type column struct {
		heading string
		role    intake.Role
		nth     int
	}
	sheet := rejectSheet{places: map[int][]int{}, status: map[int]intake.Status{}}
	known := map[column]int{}
	for _, f := range plan.Files {
		seen := map[column]int{}
		for _, c := range f.Mapping.Columns {
			key := column{heading: c.Heading, role: c.Role}
			seen[key]++
			key.nth = seen[key]
			at, ok := known[key]
			if !ok {
				at = len(sheet.mapping.Columns)
				known[key] = at
				sheet.mapping.Columns = append(sheet.mapping.Columns, c)
			}
			sheet.places[f.Index] = append(sheet.places[f.Index], at)
		}
		if status := intake.Stricter(plan.Options.Status, f.Status); status != "" && status != intake.Subscribe {
			sheet.status[f.Index] = status
		}
	}
	if len(sheet.status) > 0 {
		sheet.mapping.Columns = append(sheet.mapping.Columns, intake.Column{Heading: intake.StatusHeading, Role: intake.RoleStatus})
	}
	return sheet
}

// cells puts the cells of a row of a file where they belong. Those of a row with
// too many, or of one that could not be read, stay together in front.
func (s rejectSheet) cells(file int, cells []string) []string {
	places := s.places[file]
	status, hasStatus := s.status[file]
	if len(s.places) == 1 && !hasStatus {
		return cells
	}
	row := make([]string, len(s.mapping.Columns))
	for n, cell := range cells {
		switch {
		case n < len(places):
			row[places[n]] = cell
		case len(places) > 0:
			row[places[len(places)-1]] += "," + cell
		}
	}
	if hasStatus {
		row[len(row)-1] = string(status)
	}
	return row
}
