package service

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/internal/jobs"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene/intake"
)

// Upload is a file of contacts and what is to be done with it.
type Upload struct {
	FileName string
	Content  io.Reader
	List     string            // name; made when it does not exist
	Map      map[string]string // field → column heading, where the guess is not wanted: "email" → "Mail 2"
	Status   intake.Status     // of all rows; empty means subscribe
}

// Plan looks at the beginning of a file and says how it will be read.
func (s *Service) Plan(head []byte, u Upload) (jobs.ImportPlan, error) {
	sample, err := intake.Sniff(head)
	if err != nil {
		return jobs.ImportPlan{}, fmt.Errorf("%s: %w", u.FileName, err)
	}
	mapping := intake.AutoMap(sample)
	for field, heading := range u.Map {
		if err := remap(&mapping, field, heading); err != nil {
			return jobs.ImportPlan{}, fmt.Errorf("%s: %w", u.FileName, err)
		}
	}
	if err := mapping.Check(); err != nil {
		return jobs.ImportPlan{}, fmt.Errorf("%s: %w", u.FileName, err)
	}
	return jobs.ImportPlan{Format: sample.Format, Mapping: mapping,
		Options: intake.Options{Addresses: s.policy(), Status: u.Status}}, nil
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
		return fmt.Errorf("no column is called %q; there are: %s", heading, strings.Join(headings, ", "))
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

// Import stores a file and inserts the job that works it. It returns the id of
// the import; [postgres.Store.Import] tells how far it is.
func (s *Service) Import(ctx context.Context, u Upload) (int64, error) {
	if strings.TrimSpace(u.List) == "" {
		return 0, errors.New("an import needs the name of a list")
	}
	digest := sha256.New()
	content := bufio.NewReaderSize(io.TeeReader(u.Content, digest), intake.SampleSize)
	head, err := content.Peek(intake.SampleSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("read %s: %w", u.FileName, err)
	}
	plan, err := s.Plan(head, u)
	if err != nil {
		return 0, err
	}
	stored, err := json.Marshal(plan)
	if err != nil {
		return 0, fmt.Errorf("plan of %s: %w", u.FileName, err)
	}
	sum := func() []byte { return digest.Sum(nil) }
	return s.Store.NewImport(ctx, u.List, u.FileName, stored, content, sum, now(), func(tx pgx.Tx, id int64) error {
		return s.Queue.ImportTx(ctx, tx, id)
	})
}

// Done reports whether an import has come to its end.
func Done(i postgres.Import) bool {
	return i.State == postgres.ImportDone || i.State == postgres.ImportFailed
}
