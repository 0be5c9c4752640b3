package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/headwaymail/headway/internal/jobs"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene/intake"
	"github.com/headwaymail/headway/listhygiene/intake/unpack"
)

// maxListName bounds the name of a list, in bytes.
const maxListName = 200

// planImport looks at the beginning of each file of an upload and says how it
// will be read.
func (s *Service) planImport(f *postgres.UploadFile, name string, o ImportOptions) (jobs.ImportPlan, error) {
	plan := jobs.ImportPlan{Options: intake.Options{Addresses: s.policy(), Status: o.Status}, Rule: o.Rule, Map: o.Map}
	files, err := unpack.Open(f, f.Size(), name, unpack.Limits{})
	if err != nil {
		return plan, refused(err)
	}
	var first error
	for index, file := range files {
		planned, err := planFile(file, o)
		var refusal *intake.Refusal
		switch {
		case err == nil:
			planned.Index = index
			if planned.Mapping.Exporter == "Mailchimp" {
				planned.Status, _ = intake.StatusOfFile(file.Name)
			}
			plan.Files = append(plan.Files, planned)
		case len(files) > 1 && errors.As(err, &refusal):
			plan.Skipped = append(plan.Skipped, jobs.SkippedFile{Name: file.Name, Problem: err.Error()})
			first = joinFirst(first, fmt.Errorf("%s: %w", file.Name, err))
		default:
			return plan, refused(err)
		}
	}
	if len(plan.Files) == 0 {
		return plan, refused(first)
	}
	return plan, nil
}

// refused marks what is wrong with an upload, apart from what is wrong with us.
func refused(err error) error {
	var refusal *intake.Refusal
	var column *unknownColumn
	if errors.As(err, &refusal) || errors.As(err, &column) {
		return fmt.Errorf("%w: %w", ErrUpload, err)
	}
	return err
}

func joinFirst(first, err error) error {
	if first == nil {
		return err
	}
	return first
}

func planFile(file unpack.File, o ImportOptions) (jobs.FilePlan, error) {
	sample, err := file.SniffAs(intake.Encoding(o.Encoding))
	if err != nil {
		return jobs.FilePlan{}, err
	}
	mapping := intake.AutoMap(sample)
	for field, heading := range o.Map {
		if err := remap(&mapping, field, heading); err != nil {
			return jobs.FilePlan{}, err
		}
	}
	planned := jobs.FilePlan{Name: file.Name, Format: sample.Format, Mapping: mapping}
	if o.Draft {
		return planned, nil // a person will say which column holds the addresses
	}
	return planned, mapping.Check()
}

// unknownColumn is a choice of columns that the file does not have.
type unknownColumn struct {
	heading string
	have    []string
}

func (e *unknownColumn) Error() string {
	return fmt.Sprintf("no column is called %q; there are: %s", e.heading, strings.Join(e.have, ", "))
}

// remap gives a column to a field, as a person chose it.
func remap(m *intake.Mapping, field, heading string) error {
	found := -1
	var headings []string
	for i, c := range m.Columns {
		headings = append(headings, c.Heading)
		if strings.EqualFold(strings.TrimSpace(c.Heading), strings.TrimSpace(heading)) {
			found = i
		}
	}
	if found < 0 {
		return &unknownColumn{heading: heading, have: headings}
	}
	if field == "email" {
		for i := range m.Columns {
			if m.Columns[i].Role == intake.RoleEmail {
				m.Columns[i].Role, m.Columns[i].Field = intake.RoleField, m.Columns[i].Heading
			}
		}
		m.Columns[found].Role, m.Columns[found].Field = intake.RoleEmail, ""
		return nil
	}
	m.Columns[found].Role, m.Columns[found].Field = intake.RoleField, field
	return nil
}

// earlierMap returns what a person chose at the last import into the same list
// where columns were chosen at all.
func (s *Service) earlierMap(ctx context.Context, list string) (map[string]string, error) {
	stored, err := s.Store.LastPlan(ctx, list)
	if err != nil || stored == nil {
		return nil, err
	}
	var plan jobs.ImportPlan
	if err := json.Unmarshal(stored, &plan); err != nil {
		return nil, fmt.Errorf("earlier plan for %q: %w", list, err)
	}
	return plan.Map, nil
}
