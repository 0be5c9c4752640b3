package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene/intake"
)

// ImportOptions say what is to be done with an uploaded file of contacts.
type ImportOptions struct {
	List    string             // name; made when it does not exist
	Map     map[string]string  // field → column heading, where the guess is not wanted: "email" → "Mail 2"
	Status  intake.Status      // of all rows; a row may say something stricter. Defaults to subscribe
	Consent string             // how these people agreed, in the operator's words; kept as evidence
	Rule    postgres.MergeRule // for the fields of contacts who are known. Defaults to overwrite
	DryRun  bool               // only say what would happen; [Service.ImportChecked] does it afterwards
	Limit   int64              // bytes; defaults to UploadLimit
	Draft   bool               // only keep it: [Service.PlanImport] says what is done with it
	// Encoding of the text, as a person named it; see [intake.ParseEncoding].
	// Defaults to what the bytes tell.
	Encoding string
}

// UploadLimit is how large an upload may be, in bytes: some 20 million rows as
// plain text, many more compressed.
const UploadLimit = 2 << 30

// ErrUpload is the cause of errors that the person who uploads can mend.
var ErrUpload = errors.New("it cannot be imported")

// Upload stores a file of contacts, looks at its beginning, and inserts the job
// that works it: CSV, TSV, text, gzip, zip or .xlsx, by content and not by name.
// It returns the id of the import; [postgres.Store.Import] tells how far it is.
// A file that cannot be imported is refused with the reason, and not kept; the
// error is then [ErrUpload].
func (s *Service) Upload(ctx context.Context, name string, content io.Reader, o ImportOptions) (int64, error) {
	if err := o.check(); err != nil {
		return 0, err
	}
	if o.Encoding != "" {
		named, err := intake.ParseEncoding(o.Encoding)
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrUpload, err)
		}
		o.Encoding = string(named)
	}
	if o.Limit == 0 {
		o.Limit = UploadLimit
	}
	if len(o.Map) == 0 {
		earlier, err := s.earlierMap(ctx, o.List)
		if err != nil {
			return 0, err
		}
		o.Map = earlier
	}
	n := postgres.NewImport{List: o.List, FileName: name, DryRun: o.DryRun, Consent: strings.TrimSpace(o.Consent),
		Content: content, Limit: o.Limit, At: now()}
	plan := func(f *postgres.UploadFile) (json.RawMessage, error) {
		plan, err := s.planImport(f, name, o)
		if err != nil {
			return nil, err
		}
		return json.Marshal(plan)
	}
	id, err := s.Store.AddImport(ctx, n, plan, func(tx pgx.Tx, id int64) error {
		if o.Draft {
			return postgres.DraftTx(ctx, tx, id)
		}
		return s.Queue.ImportTx(ctx, tx, id)
	})
	if errors.Is(err, postgres.ErrTooLarge) {
		err = fmt.Errorf("%w: %w", ErrUpload, err)
	}
	return id, err
}

func (o *ImportOptions) check() error {
	o.List = strings.TrimSpace(o.List)
	switch {
	case o.List == "" && !o.Draft:
		return fmt.Errorf("%w: an import needs the name of a list", ErrUpload)
	case len(o.List) > maxListName:
		return fmt.Errorf("%w: the name of a list has at most %d characters", ErrUpload, maxListName)
	}
	switch o.Status {
	case "", intake.Subscribe, intake.Unconfirmed, intake.SuppressOnly:
	default:
		return fmt.Errorf("%w: the status %q is not subscribe, unconfirmed or suppress", ErrUpload, o.Status)
	}
	switch o.Rule {
	case "", postgres.MergeOverwrite, postgres.MergeFill, postgres.MergeSkip:
	default:
		return fmt.Errorf("%w: the rule %q for known contacts is not overwrite, fill or skip", ErrUpload, o.Rule)
	}
	return nil
}

// ImportChecked imports an upload of which a dry run was made, without another
// upload. Consent replaces what was stated before, unless it is empty.
func (s *Service) ImportChecked(ctx context.Context, id int64, consent string) error {
	err := s.Store.ImportForReal(ctx, id, strings.TrimSpace(consent), now(), func(tx pgx.Tx) error {
		return s.Queue.ImportTx(ctx, tx, id)
	})
	if errors.Is(err, postgres.ErrNotFound) {
		return fmt.Errorf("import %d is no dry run that can be carried out; upload the file again: %w", id, err)
	}
	return err
}

// UndoPlan says what [Service.UndoImport] would do.
func (s *Service) UndoPlan(ctx context.Context, id int64) (postgres.UndoPlan, error) {
	i, err := s.Store.Import(ctx, id)
	if err != nil {
		return postgres.UndoPlan{}, err
	}
	if i.State != postgres.ImportDone || i.Counts.Steps == 0 {
		return postgres.UndoPlan{}, fmt.Errorf("import %d is %s, and only one that is done and did something: %w", id, i.State, postgres.ErrNotUndoable)
	}
	return s.Store.UndoPlan(ctx, id)
}

// UndoImport inserts the job that takes an import back: contacts that only it
// brought and that were never mailed are deleted, memberships that it made are
// removed, fields that it changed are restored. Unsubscribes and suppressions
// stay, whatever brought them.
func (s *Service) UndoImport(ctx context.Context, id int64) error {
	defer s.figures.undos.forget(id)
	return s.Store.BeginUndo(ctx, id, func(tx pgx.Tx) error { return s.Queue.ImportTx(ctx, tx, id) })
}

// Done reports whether an import has come to its end.
func Done(i postgres.Import) bool { return i.State.Settled() }
