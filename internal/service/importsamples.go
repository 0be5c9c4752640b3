package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/internal/jobs"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene"
	"github.com/headwaymail/headway/listhygiene/address"
	"github.com/headwaymail/headway/listhygiene/intake"
	"github.com/headwaymail/headway/listhygiene/intake/unpack"
	"github.com/headwaymail/headway/listhygiene/risk"
)

// ImportKind is what an import makes of a row.
type ImportKind string

// The kinds, in the order in which they are shown.
const (
	KindRefused    ImportKind = "Refused"
	KindTypo       ImportKind = "Probably mistyped"
	KindBarred     ImportKind = "Not to be mailed: they left, complained or bounced before"
	KindDuplicate  ImportKind = "Again further down in the file"
	KindDisposable ImportKind = "Disposable addresses"
	KindRole       ImportKind = "Shared addresses"
	KindNew        ImportKind = "New contacts"
	KindKnown      ImportKind = "Known already"
)

// ImportKinds returns every kind in order.
func ImportKinds() []ImportKind {
	return []ImportKind{KindRefused, KindTypo, KindBarred, KindDuplicate, KindDisposable, KindRole, KindNew, KindKnown}
}

// SampleRow is one row as an example of its kind.
type SampleRow struct {
	Line    int
	Address string
	Words   string
}

// ImportSamples are the first rows of each kind among the first of an upload.
type ImportSamples struct {
	Rows  int // that were looked at
	Kinds map[ImportKind][]SampleRow
}

const (
	sampledRows = 5000 // of the first file: some tens of milliseconds
	shownOfKind = 20
)

// sampledRow is a row that could be imported.
type sampledRow struct {
	SampleRow
	address address.Address
}

// ImportSamples looks at the first rows of an upload that was only checked, and
// says what becomes of them.
func (s *Service) ImportSamples(ctx context.Context, i postgres.Import) (ImportSamples, error) {
	result := ImportSamples{Kinds: map[ImportKind][]SampleRow{}}
	var plan jobs.ImportPlan
	if err := json.Unmarshal(i.Plan, &plan); err != nil {
		return result, fmt.Errorf("plan of import %d: %w", i.ID, err)
	}
	if len(plan.Files) == 0 {
		return result, nil
	}
	good, err := s.sampleRows(ctx, i, plan, &result)
	if errors.Is(err, pgx.ErrNoRows) {
		return result, nil // the upload is kept for a week only
	}
	if err != nil || len(good) == 0 {
		return result, err
	}
	keys, canonical, domains := make([]string, len(good)), make([]string, len(good)), make([]string, len(good))
	for n, row := range good {
		keys[n], canonical[n], domains[n] = row.address.Key(), row.address.Canonical(), row.address.Domain
	}
	known, err := s.Store.KnownAddresses(ctx, keys, canonical, domains)
	if err != nil {
		return result, err
	}
	lists, seen := risk.SeedLists(), map[string]int{}
	for n, row := range good {
		if first, twice := seen[keys[n]]; twice {
			row.Words = fmt.Sprintf("also in line %d", first)
			result.add(KindDuplicate, row.SampleRow)
			continue
		}
		seen[keys[n]] = row.Line
		assessed := lists.Assess(row.address)
		if assessed.Suggestion != "" {
			typo := row.SampleRow
			typo.Words = "did they mean " + assessed.Suggestion + "?"
			result.add(KindTypo, typo)
		}
		for _, reason := range assessed.Reasons {
			switch reason {
			case listhygiene.Disposable:
				result.add(KindDisposable, row.SampleRow)
			case listhygiene.RoleShared, listhygiene.RoleTechnical:
				result.add(KindRole, row.SampleRow)
			}
		}
		switch {
		case known[n].Barred != "":
			row.Words = listhygiene.SuppressionReason(known[n].Barred).Words()
			result.add(KindBarred, row.SampleRow)
		case known[n].Known:
			result.add(KindKnown, row.SampleRow)
		default:
			result.add(KindNew, row.SampleRow)
		}
	}
	return result, nil
}

func (r *ImportSamples) add(kind ImportKind, row SampleRow) {
	if len(r.Kinds[kind]) < shownOfKind {
		r.Kinds[kind] = append(r.Kinds[kind], row)
	}
}

// sampleRows reads the first rows, counts them, and returns those that are not
// refused.
func (s *Service) sampleRows(ctx context.Context, i postgres.Import, plan jobs.ImportPlan, result *ImportSamples) (good []sampledRow, err error) {
	files, err := unpack.Open(s.Store.ImportFile(ctx, i), i.Size, i.FileName, unpack.Limits{})
	if err != nil {
		return nil, err
	}
	first := plan.Files[0]
	if first.Index >= len(files) {
		return nil, nil
	}
	mapper, err := intake.NewMapper(first.Mapping, plan.Options)
	if err != nil {
		return nil, err
	}
	content, err := files[first.Index].Open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	for reader := intake.NewReader(content, first.Format); result.Rows < sampledRows; {
		record, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return good, nil
		}
		if err != nil {
			return nil, err
		}
		result.Rows++
		row := mapper.Row(record)
		if row.Problem != nil {
			refused := SampleRow{Line: record.Line, Address: row.Email, Words: row.Problem.Words()}
			if row.Problem.Suggestion != "" {
				refused.Words += "; perhaps " + row.Problem.Suggestion
			}
			result.add(KindRefused, refused)
			continue
		}
		good = append(good, sampledRow{SampleRow{Line: record.Line, Address: row.Address.String()}, row.Address})
	}
	return good, nil
}
