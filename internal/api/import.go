package api

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/listhygiene"
	"github.com/headwaymail/headway/listhygiene/intake"
)

// Import is one file of contacts on its way into a list.
type Import struct {
	ID         int64          `json:"id"`
	List       string         `json:"list" doc:"That its contacts join."`
	FileName   string         `json:"file_name"`
	Bytes      int64          `json:"bytes" doc:"Of the file, as it was sent."`
	State      string         `json:"state" enum:"draft,waiting,staging,merging,done,failed,checked,undoing,undone" doc:"The end is done, failed, checked (of a dry run) or undone; a draft waits for a person to confirm its columns."`
	Progress   float64        `json:"progress" doc:"From 0 to 1; 1 when it has come to an end."`
	DryRun     bool           `json:"dry_run" doc:"The counts say what would happen; nothing is changed."`
	Consent    string         `json:"consent,omitzero" doc:"How these people agreed to get mail."`
	Problem    string         `json:"problem,omitzero" doc:"Why it failed."`
	Counts     ImportCounts   `json:"counts"`
	Encodings  []FileEncoding `json:"encodings" doc:"How the text of each file is read; an archive may hold several."`
	CreatedAt  time.Time      `json:"created_at"`
	FinishedAt time.Time      `json:"finished_at,omitzero"`
}

// ImportCounts say what became of the rows of a file. Each row is in one of new,
// updated, unchanged, duplicate, suppress_only, forgotten and refused, once it
// is merged.
type ImportCounts struct {
	Rows         int64          `json:"rows" doc:"Read until now, without headings."`
	New          int64          `json:"new" doc:"Contacts who were not known."`
	Updated      int64          `json:"updated" doc:"Known contacts with new details."`
	Unchanged    int64          `json:"unchanged" doc:"Known contacts, as they were."`
	Duplicate    int64          `json:"duplicate" doc:"Rows whose address stands again further down."`
	SuppressOnly int64          `json:"suppress_only" doc:"Rows that are marked as not to be mailed."`
	Forgotten    int64          `json:"forgotten" doc:"Rows of people who asked to be forgotten, left out."`
	Refused      int64          `json:"refused" doc:"Rows that cannot be mailed; …/rejects has them."`
	Joined       int64          `json:"joined" doc:"Contacts who became members of the list."`
	Suppressed   int64          `json:"suppressed" doc:"Of new, updated and unchanged: must not be mailed."`
	SamePerson   int64          `json:"same_person" doc:"Of new: another spelling of a known address."`
	Refusals     []ImportReason `json:"refusals" doc:"Why rows were refused, most frequent first."`
	Risks        []ImportReason `json:"risks" doc:"What speaks against rows that were taken, most frequent first."`
	Typos        []ImportTypo   `json:"typos" doc:"The first addresses that look mistyped."`
	Mended       int64          `json:"mended" doc:"Rows with letters that are no UTF-8, read as Windows-1252."`
	Trailing     int64          `json:"trailing" doc:"Bytes behind the end of a compressed file, passed over."`
	Undone       *ImportUndone  `json:"undone,omitempty" doc:"What an undo took back until now."`
}

// ImportReason is why some rows were refused, or may be worth a look.
type ImportReason struct {
	Code  string `json:"code" doc:"For programs; it does not change."`
	Words string `json:"words" doc:"For people."`
	Hint  string `json:"hint,omitzero" doc:"What can be done about it."`
	Rows  int64  `json:"rows"`
}

// ImportTypo is an address that looks like another one mistyped.
type ImportTypo struct {
	Line       int    `json:"line"`
	Address    string `json:"address"`
	Suggestion string `json:"suggestion"`
}

// ImportUndone is what an undo took back.
type ImportUndone struct {
	Contacts    int64 `json:"contacts" doc:"Deleted: only this import brought them, and nothing was sent to them."`
	Memberships int64 `json:"memberships" doc:"Removed from the list."`
	Fields      int64 `json:"fields" doc:"Contacts who got back the fields that they had."`
}

// FileEncoding says how the text of a file is read.
type FileEncoding struct {
	File     string `json:"file"`
	Encoding string `json:"encoding"`
	Guess    bool   `json:"guess" doc:"The bytes do not prove it: look at some names, and pass encoding if they are wrong."`
}

func newImport(s *service.Service, i postgres.Import) (Import, error) {
	view := Import{ID: i.ID, List: i.ListName, FileName: i.FileName, Bytes: i.Size, State: string(i.State), Progress: min(i.Progress(), 1),
		DryRun: i.DryRun, Consent: i.Consent, Problem: i.Problem, Counts: newImportCounts(i.Counts),
		CreatedAt: utc(i.CreatedAt), FinishedAt: utc(i.FinishedAt)}
	encodings, err := s.Encodings(i)
	view.Encodings = views(encodings, func(e service.FileEncoding) FileEncoding {
		return FileEncoding{File: e.File, Encoding: string(e.Encoding), Guess: e.Guess}
	})
	return view, err
}

func newImportCounts(c postgres.ImportCounts) ImportCounts {
	view := ImportCounts{Rows: c.Rows, New: c.New, Updated: c.Updated, Unchanged: c.Unchanged, Duplicate: c.Duplicate,
		SuppressOnly: c.SuppressOnly, Forgotten: c.Erased + c.Forgotten, Refused: c.Refused(), Joined: c.Joined,
		Suppressed: c.Suppressed, SamePerson: c.SamePerson, Mended: c.Mended, Trailing: c.Trailing,
		Refusals: newReasons(c.Invalid, func(code string) (string, string) { return intake.Code(code).Words(), intake.Code(code).Hint() }),
		Risks:    newReasons(c.Risky, func(code string) (string, string) { return listhygiene.Reason(code).Words(), "" }),
		Typos:    views(c.Typos, func(t postgres.ImportTypo) ImportTypo { return ImportTypo(t) })}
	if u := c.Undone; u != nil {
		view.Undone = &ImportUndone{Contacts: u.Contacts, Memberships: u.Memberships, Fields: u.Fields}
	}
	return view
}

// newReasons puts counted codes in order, the most frequent first.
func newReasons(counts map[string]int64, words func(code string) (words, hint string)) []ImportReason {
	list := make([]ImportReason, 0, len(counts))
	for code, n := range counts {
		r := ImportReason{Code: code, Rows: n}
		r.Words, r.Hint = words(code)
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b ImportReason) int { return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Code, b.Code)) })
	return list
}

// importsCounted is how many imports cursors can lead through.
const importsCounted = 100_000

func listImports(c *call) (any, error) {
	upto := min(c.page.after, importsCounted) + int64(c.page.limit) + 1
	all, err := c.service.Store.Imports(c.Context(), int(upto))
	if err != nil {
		return nil, err
	}
	part, next := cut(c.page, all)
	answer := Page[Import]{Items: make([]Import, len(part)), Next: next}
	for n, i := range part {
		if answer.Items[n], err = newImport(c.service, i); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

// imported finds the import of a call's address.
func (c *call) imported() (postgres.Import, error) {
	id, err := strconv.ParseInt(c.PathValue("import"), 10, 64)
	if err != nil || id < 1 {
		return postgres.Import{}, &Problem{Status: http.StatusNotFound, Code: "not_found",
			Detail: "an import is named by its number; " + Prefix + "/imports lists all"}
	}
	return c.service.Store.Import(c.Context(), id)
}

func getImport(c *call) (any, error) {
	found, err := c.imported()
	if err != nil {
		return nil, err
	}
	return newImport(c.service, found)
}

// importRejects gives the refused rows, to be mended and imported again.
func importRejects(c *call) (any, error) {
	found, err := c.imported()
	if err != nil {
		return nil, err
	}
	return CSV{name: fmt.Sprintf("import-%d-rejected.csv", found.ID),
		write: func(w io.Writer) error { return c.service.WriteRejects(c.Context(), found, w) }}, nil
}

// ConsentBody says how the people of an import agreed.
type ConsentBody struct {
	Consent string `json:"consent" doc:"How these people agreed to get mail, kept as evidence; what was said at the upload stays when it is missing."`
}

// carryOutImport imports what was only checked.
func carryOutImport(c *call) (any, error) {
	found, err := c.imported()
	if err != nil {
		return nil, err
	}
	if err := c.service.ImportChecked(c.Context(), found.ID, c.body.(*ConsentBody).Consent); errors.Is(err, postgres.ErrNotFound) {
		return nil, &Problem{Status: http.StatusConflict, Code: "wrong_state",
			Detail: fmt.Sprintf("import %d is %s; only a dry run that was checked within the last week can be carried out, or upload the file again", found.ID, found.State)}
	} else if err != nil {
		return nil, err
	}
	return getImport(c)
}

// undoImport has an import taken back.
func undoImport(c *call) (any, error) {
	found, err := c.imported()
	if err != nil {
		return nil, err
	}
	if err := c.service.UndoImport(c.Context(), found.ID); errors.Is(err, postgres.ErrNotUndoable) {
		return nil, &Problem{Status: http.StatusConflict, Code: "not_undoable",
			Detail: fmt.Sprintf("import %d is %s; only one that is done, changed something and is less than 30 days old can be undone", found.ID, found.State)}
	} else if err != nil {
		return nil, err
	}
	return getImport(c)
}

// importProblem finds what a caller is told about an error of these calls; nil
// for any other.
func importProblem(err error) *Problem {
	switch {
	case errors.Is(err, postgres.ErrTooLarge):
		return &Problem{Status: http.StatusRequestEntityTooLarge, Code: "body_too_large", Detail: err.Error()}
	case errors.Is(err, service.ErrUpload):
		return &Problem{Status: http.StatusUnprocessableEntity, Code: "import_refused", Detail: err.Error()}
	case errors.Is(err, postgres.ErrBrokenOff):
		return &Problem{Status: http.StatusBadRequest, Code: "invalid_body", Detail: "the body broke off; nothing of it was kept: send it again"}
	}
	return nil
}
