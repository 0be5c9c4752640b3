package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene"
	"github.com/headwaymail/headway/listhygiene/intake"
	"github.com/headwaymail/headway/listhygiene/verification"
)

// Verify begins a verification of a list and inserts its job. It returns the id
// of the pass; one that is on its way already is not begun again.
func (s *Service) Verify(ctx context.Context, list int64) (int64, error) {
	return s.Store.NewVerification(ctx, postgres.VerificationScope{List: list}, now(), func(tx pgx.Tx, id int64) error {
		return s.Queue.VerifyTx(ctx, tx, id)
	})
}

// ListNamed finds a list by its name.
func (s *Service) ListNamed(ctx context.Context, name string) (int64, error) {
	id, err := s.Store.ListNamed(ctx, name)
	if errors.Is(err, postgres.ErrNotFound) {
		return 0, fmt.Errorf("there is no list %q", name)
	}
	return id, err
}

// ListVerification is how the contacts of a list stand.
type ListVerification struct {
	List   postgres.ListPolicy
	Newest *postgres.Verification // nil before the first; of its last import until the whole list was looked at
}

// ListVerification returns the terms of a list and its newest verification.
func (s *Service) ListVerification(ctx context.Context, list int64) (ListVerification, error) {
	var v ListVerification
	var err error
	if v.List, err = s.Store.ListPolicy(ctx, list); err != nil {
		return v, err
	}
	newest, err := s.Store.NewestListVerification(ctx, list)
	if errors.Is(err, postgres.ErrNotFound) {
		return v, nil
	}
	v.Newest = &newest
	return v, err
}

// verdictPage is how many contacts are read at a time.
const verdictPage = 5000

// VerdictRow is a contact's verdict with all that belongs to it.
type VerdictRow struct {
	Address    string                           `json:"address"`
	Verdict    string                           `json:"verdict"`
	Reasons    []string                         `json:"reasons"`
	Suggestion string                           `json:"suggestion,omitempty"`
	Evidence   verification.Evidence            `json:"evidence"`
	Attributes map[listhygiene.Attribute]string `json:"attributes,omitempty"`
}

// EachVerdict hands the contacts of a list, with their verdicts as stored, to
// use one by one. With an import, only who joined with it.
func (s *Service) EachVerdict(ctx context.Context, list, imported int64, use func(VerdictRow) error) error {
	lists, err := s.Store.RiskLists(ctx)
	if err != nil {
		return err
	}
	judge := verification.NewJudge(lists, s.policy())
	page := postgres.Verification{Scope: postgres.VerificationScope{List: list, Import: imported}}
	for {
		ids, err := s.Store.VerifyPage(ctx, page, verdictPage)
		if err != nil || len(ids) == 0 {
			return err
		}
		page.Cursor = ids[len(ids)-1]
		err = s.Store.EachContactFacts(ctx, ids, postgres.Past{}, now(), func(c postgres.ContactFacts) error {
			row := VerdictRow{Address: c.Address, Verdict: c.Verdict, Reasons: c.Reasons, Suggestion: c.Suggestion,
				Evidence: verification.Evidence{Source: verification.FromDNS, At: c.Domain.At, Words: c.Domain.Words()}}
			if c.Evidence != nil {
				row.Evidence = verification.Evidence{}
				if err := json.Unmarshal(c.Evidence, &row.Evidence); err != nil {
					return fmt.Errorf("evidence of %s: %w", c.Address, err)
				}
			}
			if a, err := s.policy().Parse(c.Address); err == nil {
				row.Attributes = judge.Judge(verification.Facts{Address: a, Domain: c.Domain}, now()).Attributes
			}
			return use(row)
		})
		if err != nil {
			return err
		}
	}
}

// WriteVerdicts writes the verdicts of a list as CSV.
func (s *Service) WriteVerdicts(ctx context.Context, list, imported int64, w io.Writer) error {
	rows := intake.NewWriter(w)
	err := rows.Write([]string{"address", "verdict", "reasons", "suggestion", "evidence", "evidence_source", "evidence_at", "attributes"})
	if err != nil {
		return err
	}
	err = s.EachVerdict(ctx, list, imported, func(r VerdictRow) error {
		at := ""
		if !r.Evidence.At.IsZero() {
			at = r.Evidence.At.UTC().Format(time.RFC3339)
		}
		attributes := make([]string, 0, len(r.Attributes))
		for _, name := range slices.Sorted(maps.Keys(r.Attributes)) {
			attributes = append(attributes, string(name)+"="+r.Attributes[name])
		}
		return rows.Write([]string{r.Address, r.Verdict, strings.Join(r.Reasons, " "), r.Suggestion, r.Evidence.Words,
			string(r.Evidence.Source), at, strings.Join(attributes, " ")})
	})
	if err != nil {
		return err
	}
	return rows.Flush()
}
