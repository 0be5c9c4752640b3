package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/internal/jobs"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene/intake"
	"github.com/headwaymail/headway/listhygiene/intake/unpack"
)

// ImportDraft is an upload with what was found in it, for a person to confirm.
type ImportDraft struct {
	Import postgres.Import
	Plan   jobs.ImportPlan
	Files  []DraftFile
}

// DraftFile is one file of an upload.
type DraftFile struct {
	jobs.FilePlan
	Rows [][]string // the first of the file, without its heading
}

// draftRows is how many rows of a file are shown.
const draftRows = 5

// ImportDraft returns what was found in an upload that is a draft, or that was
// only checked; [postgres.ErrNotFound] for another.
func (s *Service) ImportDraft(ctx context.Context, id int64) (ImportDraft, error) {
	var draft ImportDraft
	i, err := s.Store.Import(ctx, id)
	if err != nil {
		return draft, err
	}
	if i.State != postgres.ImportDraft && i.State != postgres.ImportChecked {
		return draft, fmt.Errorf("import %d is %s already: %w", id, i.State, postgres.ErrNotFound)
	}
	draft.Import = i
	if err := json.Unmarshal(i.Plan, &draft.Plan); err != nil {
		return draft, fmt.Errorf("plan of import %d: %w", id, err)
	}
	files, err := s.uploaded(ctx, i)
	if err != nil {
		return draft, err
	}
	for _, plan := range draft.Plan.Files {
		if plan.Index >= len(files) {
			continue
		}
		sample, err := files[plan.Index].SniffAs(plan.Format.Encoding)
		if err != nil {
			return draft, err
		}
		file := DraftFile{FilePlan: plan}
		for _, row := range sample.Rows[:min(len(sample.Rows), draftRows)] {
			file.Rows = append(file.Rows, row.Cells)
		}
		draft.Files = append(draft.Files, file)
	}
	return draft, nil
}

func (s *Service) uploaded(ctx context.Context, i postgres.Import) ([]unpack.File, error) {
	return unpack.Open(s.Store.ImportFile(ctx, i), i.Size, i.FileName, unpack.Limits{})
}

// ReadDraftAs reads a draft in another encoding, with the columns that are found
// in it then: headings may read differently, too. An encoding that is not known
// or that makes no text of the file is [ErrUpload].
func (s *Service) ReadDraftAs(ctx context.Context, id int64, encoding string) error {
	named, err := intake.ParseEncoding(encoding)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUpload, err)
	}
	draft, err := s.ImportDraft(ctx, id)
	if err != nil {
		return err
	}
	files, err := s.uploaded(ctx, draft.Import)
	if err != nil {
		return err
	}
	plan := draft.Plan
	for f := range plan.Files {
		at := &plan.Files[f]
		read, err := planFile(files[at.Index], ImportOptions{Encoding: string(named), Draft: true})
		if err != nil {
			return refused(err)
		}
		at.Format, at.Mapping = read.Format, read.Mapping
	}
	stored, err := json.Marshal(plan)
	if err != nil {
		return err
	}
	return s.Store.ReplanDraft(ctx, id, stored)
}

// Encodings say how the text of each file of an import is read, and whether that
// is certain, by the names of the files.
func (s *Service) Encodings(i postgres.Import) ([]FileEncoding, error) {
	var plan jobs.ImportPlan
	if err := json.Unmarshal(i.Plan, &plan); err != nil {
		return nil, fmt.Errorf("plan of import %d: %w", i.ID, err)
	}
	var list []FileEncoding
	for _, f := range plan.Files {
		list = append(list, FileEncoding{File: f.Name, Encoding: f.Format.Encoding, Guess: f.Format.EncodingProposed, Words: f.Format.EncodingWords(), Columns: f.Mapping.Columns})
	}
	return list, nil
}

// FileEncoding says how the text of a file is read, and what its columns are
// taken for.
type FileEncoding struct {
	File     string          `json:"file"`
	Encoding intake.Encoding `json:"encoding"`
	Guess    bool            `json:"guess"` // the bytes do not prove it
	Columns  []intake.Column `json:"columns"`
	Words    string          `json:"-"`
}

// ImportColumns are the columns of each file of a draft, as a person chose them,
// by the place of the file in the plan.
type ImportColumns [][]intake.Column

// PlanImport says how a draft is read, and has it checked: [Service.ImportChecked]
// carries it out. A choice that cannot be carried out is [ErrUpload].
func (s *Service) PlanImport(ctx context.Context, id int64, columns ImportColumns, o ImportOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	i, err := s.Store.Import(ctx, id)
	if err != nil {
		return err
	}
	var plan jobs.ImportPlan
	if err := json.Unmarshal(i.Plan, &plan); err != nil {
		return fmt.Errorf("plan of import %d: %w", id, err)
	}
	for f := range plan.Files {
		mapping := &plan.Files[f].Mapping
		if f < len(columns) {
			mapping.Columns = columns[f]
		}
		if err := checkColumns(*mapping); err != nil {
			return fmt.Errorf("%w: %w", ErrUpload, err)
		}
	}
	plan.Options.Status, plan.Rule = o.Status, o.Rule
	stored, err := json.Marshal(plan)
	if err != nil {
		return err
	}
	return s.Store.PlanImport(ctx, id, postgres.NewImport{List: o.List, Consent: strings.TrimSpace(o.Consent)}, stored,
		func(tx pgx.Tx) error { return s.Queue.ImportTx(ctx, tx, id) })
}

// checkColumns refuses columns of which two would fill the same field, or none
// or several hold the addresses.
func checkColumns(m intake.Mapping) error {
	if err := m.Check(); err != nil {
		return err
	}
	emails, fields := 0, map[string]string{}
	for _, c := range m.Columns {
		switch c.Role {
		case intake.RoleEmail:
			emails++
		case intake.RoleField, intake.RoleTags:
			if c.Field == "" {
				return fmt.Errorf("the column %q needs the name of a field", c.Heading)
			}
			if other, taken := fields[c.Field]; taken {
				return fmt.Errorf("the columns %q and %q would both fill the field %q", other, c.Heading, c.Field)
			}
			fields[c.Field] = c.Heading
		}
	}
	if emails > 1 {
		return errors.New("only one column can hold the address; others can be further addresses")
	}
	return nil
}
