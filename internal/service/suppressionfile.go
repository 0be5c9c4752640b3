package service

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene"
	"github.com/headwaymail/headway/listhygiene/intake"
)

// suppressionHeadings are the columns of the files that we write, in order.
var suppressionHeadings = []string{"address", "kind", "scope", "list", "reason", "since", "expires", "note"}

// exportPage is how many entries are in memory at once.
const exportPage = 5000

// ExportSuppressions writes suppressions as CSV, which [Service.ImportSuppressions]
// reads. After and Limit of the filter mean nothing.
func (s *Service) ExportSuppressions(ctx context.Context, f postgres.SuppressionFilter, w io.Writer) error {
	out := intake.NewWriter(w)
	if err := out.Write(suppressionHeadings); err != nil {
		return err
	}
	f.After, f.Limit = 0, exportPage
	for {
		entries, err := s.Store.Suppressions(ctx, f)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := out.Write(suppressionCells(e)); err != nil {
				return err
			}
			f.After = e.ID
		}
		if len(entries) < exportPage {
			return out.Flush()
		}
	}
}

func suppressionCells(e postgres.SuppressionEntry) []string {
	expires := ""
	if e.ExpiresAt != nil {
		expires = e.ExpiresAt.UTC().Format(time.RFC3339)
	}
	return []string{e.Key, e.Kind, e.Scope, e.List, e.Reason, e.CreatedAt.UTC().Format(time.RFC3339), expires, NoteOf(e)}
}

// NoteOf returns why an entry was made: a person's note, or what a server said.
func NoteOf(e postgres.SuppressionEntry) string {
	var evidence struct {
		Note  string `json:"note"`
		Reply string `json:"reply"`
	}
	if json.Unmarshal(e.Evidence, &evidence) != nil {
		return ""
	}
	if evidence.Note != "" {
		return evidence.Note
	}
	return evidence.Reply
}

// SuppressionReport counts what became of the rows of a file.
type SuppressionReport struct {
	Rows    int64               `json:"rows"`
	Added   int64               `json:"added"`
	Known   int64               `json:"known"` // suppressed already, or twice in the file
	Refused []SuppressionReject `json:"refused"`
}

// SuppressionReject is a row that names neither an address nor a domain.
type SuppressionReject struct {
	Line    int    `json:"line"`
	Problem string `json:"problem"`
}

// ImportSuppressions suppresses every address and domain of a file: one a line,
// or CSV with a heading; of our own exports the columns reason, list, expires
// and note count too. Where a row says nothing, what w says holds. Bad rows are
// reported and cost nothing but themselves.
func (s *Service) ImportSuppressions(ctx context.Context, file io.Reader, w Suppressing) (SuppressionReport, error) {
	var report SuppressionReport
	content := bufio.NewReaderSize(file, intake.SampleSize)
	head, err := content.Peek(intake.SampleSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return report, err
	}
	sample, err := intake.Sniff(head)
	if err != nil {
		return report, fmt.Errorf("%w: %w", ErrSuppression, err)
	}
	columns, err := suppressionColumns(&sample)
	if err != nil {
		return report, err
	}
	reader := intake.NewReader(content, sample.Format)
	batches := map[string][]postgres.NewSuppression{} // by list
	waiting := 0
	flush := func() error {
		for list, entries := range batches {
			added, err := s.Store.Suppress(ctx, list, entries, now())
			if err != nil {
				return err
			}
			report.Added += added
			report.Known += int64(len(entries)) - added
		}
		clear(batches)
		waiting = 0
		return nil
	}
	for {
		record, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return report, flush()
		}
		if err != nil {
			return report, err
		}
		report.Rows++
		row, err := columns.read(record, w)
		if err != nil {
			report.Refused = append(report.Refused, SuppressionReject{Line: record.Line, Problem: err.Error()})
			continue
		}
		entry, err := row.entry()
		if err != nil {
			report.Refused = append(report.Refused, SuppressionReject{Line: record.Line, Problem: err.Error()})
			continue
		}
		batches[row.List] = append(batches[row.List], entry)
		if waiting++; waiting >= exportPage {
			if err := flush(); err != nil {
				return report, err
			}
		}
	}
}

// columnsOf says where a file has what; -1 where it has not.
type columnsOf struct{ what, list, reason, expires, note int }

// suppressionColumns finds the columns by heading. A first row that is a domain
// looks like a heading and is none.
func suppressionColumns(sample *intake.Sample) (columnsOf, error) {
	c := columnsOf{what: -1, list: -1, reason: -1, expires: -1, note: -1}
	for i, heading := range sample.Headings {
		switch strings.ToLower(strings.TrimSpace(heading)) {
		case "address", "email", "e-mail", "email address", "domain", "value":
			if c.what < 0 {
				c.what = i
			}
		case "list":
			c.list = i
		case "reason":
			c.reason = i
		case "expires", "expires_at":
			c.expires = i
		case "note":
			c.note = i
		}
	}
	if c.what >= 0 {
		return c, nil
	}
	if len(sample.Headings) > 0 {
		if _, _, _, err := suppressible(sample.Headings[0]); err == nil {
			sample.Format.Header = false
			return columnsOf{what: 0, list: -1, reason: -1, expires: -1, note: -1}, nil
		}
	}
	if email := intake.AutoMap(*sample).Email(); email >= 0 {
		c.what = email
		return c, nil
	}
	if sample.Format.Header {
		return c, fmt.Errorf("%w: no column is called address, email or domain", ErrSuppression)
	}
	c.what = 0
	return c, nil
}

// read takes a row; w holds where it says nothing.
func (c columnsOf) read(record intake.Record, w Suppressing) (Suppressing, error) {
	if record.Problem != "" {
		return w, errors.New(record.Problem.Words())
	}
	cell := func(column int) string {
		if column < 0 || column >= len(record.Cells) {
			return ""
		}
		return strings.TrimSpace(intake.Unguard(record.Cells[column]))
	}
	w.What = cell(c.what)
	if list := cell(c.list); list != "" {
		w.List = list
	}
	if reason := cell(c.reason); reason != "" {
		w.Reason = listhygiene.SuppressionReason(reason)
	}
	if note := cell(c.note); note != "" {
		w.Note = note
	}
	if expires := cell(c.expires); expires != "" {
		at, err := parseExpiry(expires)
		if err != nil {
			return w, err
		}
		w.Expires = at
	}
	return w, nil
}

func parseExpiry(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateTime, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time such as 2026-12-31", text)
}
