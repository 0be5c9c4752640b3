package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene"
	"github.com/headwaymail/headway/listhygiene/address"
	"github.com/headwaymail/headway/listhygiene/intake"
	"github.com/headwaymail/headway/listhygiene/intake/unpack"
	"github.com/headwaymail/headway/listhygiene/risk"
)

// importReader makes batches of the rows of an upload.
type importReader struct {
	file  *postgres.UploadFile
	name  string
	plan  ImportPlan
	size  int // rows of a batch
	full  chan *postgres.StagedBatch
	empty chan *postgres.StagedBatch // used again

	batch   *postgres.StagedBatch
	risks   assessor
	scratch []byte
}

// readFrom reads all files of the upload from a place on and sends batches of
// their rows.
func (r *importReader) readFrom(ctx context.Context, from postgres.Place, offset int64) error {
	r.risks = assessor{lists: risk.SeedLists(), domains: map[string]risk.Assessment{}}
	files, err := unpack.Open(r.file, r.file.Size(), r.name, unpack.Limits{})
	if err != nil {
		return err
	}
	r.batch = <-r.empty
	for _, f := range r.plan.Files {
		if f.Index < from.File() {
			continue
		}
		if f.Index >= len(files) {
			return fmt.Errorf("%s: the upload has %d files only", f.Name, len(files))
		}
		at := intake.Position{}
		if f.Index == from.File() {
			at = intake.Position{Line: from.Line(), Offset: offset}
		}
		if err := r.readFile(ctx, files[f.Index], f, at); err != nil {
			if len(r.plan.Files) > 1 {
				err = fmt.Errorf("%s: %w", f.Name, err)
			}
			return err
		}
	}
	return r.send(ctx)
}

func (r *importReader) readFile(ctx context.Context, file unpack.File, plan FilePlan, at intake.Position) (err error) {
	mapper, err := intake.NewMapper(plan.Mapping, r.plan.options(plan))
	if err != nil {
		return err
	}
	content, err := file.Open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	var reader *intake.Reader
	if at.Line == 0 {
		reader = intake.NewReader(content, plan.Format)
	} else if reader, err = intake.Resume(content, plan.Format, at); err != nil {
		return err
	}
	for {
		record, err := reader.Next()
		if errors.Is(err, io.EOF) {
			if packed, ok := content.(interface{ Trailing() int64 }); ok {
				r.batch.Trailing += packed.Trailing()
			}
			r.moveTo(postgres.PlaceOf(plan.Index+1, 0), 0)
			return nil
		}
		if err != nil {
			return err
		}
		r.add(plan.Index, record, mapper.Row(record))
		if r.batch.Size() >= r.size {
			next := reader.Position()
			r.moveTo(postgres.PlaceOf(plan.Index, next.Line), next.Offset)
			if err := r.send(ctx); err != nil {
				return err
			}
		}
	}
}

// moveTo says where the row after the batch begins.
func (r *importReader) moveTo(place postgres.Place, offset int64) {
	r.batch.Next, r.batch.NextOffset, r.batch.ReadBytes = place, offset, r.file.Furthest()
}

// send hands the batch over, sorted, and takes an empty one.
func (r *importReader) send(ctx context.Context) error {
	if r.batch.Rows == 0 && r.batch.Next == 0 {
		return nil
	}
	r.batch.Sort()
	select {
	case r.full <- r.batch:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case r.batch = <-r.empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *importReader) add(file int, record intake.Record, row intake.Row) {
	b := r.batch
	b.Rows++
	if record.Mended {
		b.Mended++
	}
	place := postgres.PlaceOf(file, record.Line)
	if row.Problem != nil {
		count(&b.Invalid, string(row.Problem.Code))
		b.Rejects = append(b.Rejects, postgres.RejectedRow{Place: place, Code: string(row.Problem.Code),
			Words: row.Problem.Words(), Suggestion: row.Problem.Suggestion, Cells: storable(record.Cells)})
		return
	}
	r.scratch = appendFields(r.scratch[:0], row.Fields)
	key := row.Address.Key()
	b.Add(postgres.StagedRow{Place: place, Address: row.Address.String(), AddressKey: key,
		CanonicalKey: address.CanonicalKey(key), Domain: row.Address.Domain, Fields: r.scratch,
		Status: string(row.Status), Consent: consentJSON(row.Consent)})
	if row.Status == intake.Subscribe || row.Status == intake.Unconfirmed {
		r.assess(record.Line, row.Address)
	}
}

// storable returns a copy of cells that a database can hold: without NUL.
func storable(cells []string) []string {
	kept := make([]string, len(cells))
	for i, cell := range cells {
		kept[i] = strings.ReplaceAll(cell, "\x00", "")
	}
	return kept
}

// assess counts what speaks against a valid address, and notes its domain.
func (r *importReader) assess(line int, a address.Address) {
	domain, role, first := r.risks.of(a)
	if first {
		r.batch.Domains = append(r.batch.Domains, a.Domain)
	}
	for _, reason := range domain.Reasons {
		count(&r.batch.Risky, string(reason))
	}
	if role != "" {
		count(&r.batch.Risky, string(role))
	}
	if domain.Suggestion != "" && len(r.batch.Typos) < shownTypos {
		r.batch.Typos = append(r.batch.Typos, postgres.ImportTypo{Line: line, Address: a.String(), Suggestion: a.Local + domain.Suggestion})
	}
}

// shownTypos is how many suggestions of a batch are kept for the report.
const shownTypos = 20

func count(counts *map[string]int64, reason string) {
	if *counts == nil {
		*counts = map[string]int64{}
	}
	(*counts)[reason]++
}

// assessor remembers what it found out about domains: a file has few.
type assessor struct {
	lists   risk.Lists
	domains map[string]risk.Assessment
}

// rememberedDomains bounds the memory: 50,000 are some megabytes.
const rememberedDomains = 50_000

// of returns what the domain of an address gives away, its suggestion being
// "@" and the domain that was meant, the reason that lies in its local part, and
// whether it meets the domain for the first time.
func (a *assessor) of(mailbox address.Address) (domain risk.Assessment, role listhygiene.Reason, first bool) {
	domain, known := a.domains[mailbox.Domain]
	if !known {
		if len(a.domains) >= rememberedDomains {
			clear(a.domains)
		}
		domain = a.lists.Assess(address.Address{Domain: mailbox.Domain})
		a.domains[strings.Clone(mailbox.Domain)] = domain
	}
	role, is := risk.RoleOf(mailbox.Local)
	if !is || domain.RelayAlias {
		role = ""
	}
	return domain, role, !known
}
