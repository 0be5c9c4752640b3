package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/listhygiene"
	"github.com/headwaymail/headway/listhygiene/intake"
)

// importView is one import: its figures add up to the rows of its file.
type importView struct {
	At       time.Time
	ID       int64
	FileName string
	Size     string
	List     string
	State    postgres.ImportState
	Words    string
	Problem  string
	Made     string
	Finished string
	Counts   postgres.ImportCounts
	Read     []service.FileEncoding // files that are not plainly UTF-8
	Outcomes []outcome
	Reasons  []reason
	Risks    []reason
	Settled  bool

	ListID   int64
	Verdicts *verdictsView // nil before its verification
	Quality  *qualityView  // nil unless its contacts were tried in slices
	DryRun   bool
	Consent  string
	Progress int // per cent

	Samples []sampleView // the first rows of each kind, after a check
	Sampled int          // rows that were looked at for them
}

// Undoable reports whether there is something to undo.
func (v importView) Undoable() bool { return v.State == postgres.ImportDone && v.Counts.Steps > 0 }

// Checked reports whether the import was only checked and may be carried out.
func (v importView) Checked() bool { return v.State == postgres.ImportChecked }

// Refused is the number of rows that were refused.
func (v importView) Refused() int64 { return v.Counts.Refused() }

// outcome is what became of some of the rows.
type outcome struct {
	Words string
	Count int64
	Share string
}

// reason is why some rows were refused.
type reason struct {
	Words string
	Hint  string
	Count int64
}

func newImportView(i postgres.Import, now time.Time) importView {
	v := importView{At: now, ID: i.ID, FileName: i.FileName, Size: size(i.Size), List: i.ListName, State: i.State,
		Words: importWords(i.State), Problem: ended(i.Problem), Made: stamp(i.CreatedAt), Finished: stamp(i.FinishedAt),
		Counts: i.Counts, Settled: service.Done(i), DryRun: i.DryRun, Consent: i.Consent, Progress: int(i.Progress() * 100)}
	c := i.Counts
	rest := "Not merged yet"
	if i.State == postgres.ImportFailed {
		rest = "Not merged"
	}
	forgotten := c.Erased + c.Forgotten
	worked := c.New + c.Updated + c.Unchanged + c.Duplicate + c.SuppressOnly + forgotten + c.Refused()
	for _, o := range []outcome{
		{Words: "New contacts", Count: c.New},
		{Words: "Updated contacts", Count: c.Updated},
		{Words: "Known already, unchanged", Count: c.Unchanged},
		{Words: "Again further down in the file", Count: c.Duplicate},
		{Words: "Marked in the file as not to be mailed", Count: c.SuppressOnly},
		{Words: "Asked to be forgotten, left out", Count: forgotten},
		{Words: "Refused", Count: c.Refused()},
		{Words: rest, Count: c.Rows - worked},
	} {
		if o.Count != 0 || o.Words == "New contacts" || o.Words == "Refused" {
			o.Share = share(o.Count, c.Rows)
			v.Outcomes = append(v.Outcomes, o)
		}
	}
	for code, n := range c.Invalid {
		v.Reasons = append(v.Reasons, reason{capital(intake.Code(code).Words()), capital(intake.Code(code).Hint()), n})
	}
	for code, n := range c.Risky {
		v.Risks = append(v.Risks, reason{Words: capital(listhygiene.Reason(code).Words()), Count: n})
	}
	slices.SortFunc(v.Reasons, mostFirst)
	slices.SortFunc(v.Risks, mostFirst)
	return v
}

func mostFirst(a, b reason) int {
	return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Words, b.Words))
}

func importWords(s postgres.ImportState) string {
	switch s {
	case postgres.ImportDraft:
		return "Uploaded, columns to be confirmed"
	case postgres.ImportWaiting:
		return "Waiting"
	case postgres.ImportStaging:
		return "Reading the file"
	case postgres.ImportMerging:
		return "Merging into contacts"
	case postgres.ImportDone:
		return "Done"
	case postgres.ImportFailed:
		return "Failed"
	case postgres.ImportChecked:
		return "Checked, nothing imported"
	case postgres.ImportUndoing:
		return "Being undone"
	case postgres.ImportUndone:
		return "Undone"
	}
	return string(s)
}

// importsView is the list of imports, newest first.
type importsView struct {
	At      time.Time
	Imports []importView
}

// importLines bounds the list.
const importLines = 100

func (s *Server) listImports(w http.ResponseWriter, r *http.Request) error {
	view, err := s.imports(r.Context())
	if err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "imports",
		frame{Title: "Imports", Section: "imports", Live: "/imports/live", Page: view})
}

func (s *Server) importsLive(w http.ResponseWriter, r *http.Request) error {
	return s.live(w, r, "imports", func(ctx context.Context) ([]byte, bool, error) {
		view, err := s.imports(ctx)
		if err != nil {
			return nil, false, err
		}
		fragment, err := s.draw("imports", "live", view)
		return fragment, false, err
	})
}

func (s *Server) imports(ctx context.Context) (importsView, error) {
	view := importsView{At: time.Now()}
	found, err := s.service.Store.Imports(ctx, importLines)
	if err != nil {
		return view, err
	}
	for _, i := range found {
		view.Imports = append(view.Imports, newImportView(i, view.At))
	}
	return view, nil
}

func (s *Server) showImport(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	found, err := s.service.Store.Import(r.Context(), id)
	if err != nil {
		return err
	}
	if found.State == postgres.ImportDraft {
		http.Redirect(w, r, fmt.Sprintf("/imports/%d/columns", id), http.StatusSeeOther)
		return nil
	}
	view := newImportView(found, time.Now())
	if view.Read, err = s.readAs(found); err != nil {
		return err
	}
	if err := s.addHygiene(r.Context(), &view, found); err != nil {
		return err
	}
	f := frame{Title: view.FileName, Section: "imports", Page: view}
	if !view.Settled {
		f.Live = fmt.Sprintf("/imports/%d/live", id)
	}
	return s.render(w, r, http.StatusOK, "import", f)
}

// readAs returns how the files of an import were read that are not plainly UTF-8.
func (s *Server) readAs(i postgres.Import) ([]service.FileEncoding, error) {
	list, err := s.service.Encodings(i)
	return slices.DeleteFunc(list, func(f service.FileEncoding) bool { return f.Encoding == intake.UTF8 && !f.Guess }), err
}

func (s *Server) importLive(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	if _, err := s.service.Store.Import(r.Context(), id); err != nil {
		return err
	}
	return s.live(w, r, fmt.Sprintf("import %d", id), func(ctx context.Context) ([]byte, bool, error) {
		found, err := s.service.Store.Import(ctx, id)
		if err != nil {
			return nil, false, err
		}
		view := newImportView(found, time.Now())
		if view.Read, err = s.readAs(found); err != nil {
			return nil, false, err
		}
		if err := s.addHygiene(ctx, &view, found); err != nil {
			return nil, false, err
		}
		fragment, err := s.draw("import", "live", view)
		return fragment, view.Settled, err
	})
}

// downloadRejects sends the refused rows as they stood in the file, to be
// mended and imported again.
func (s *Server) downloadRejects(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	found, err := s.service.Store.Import(r.Context(), id)
	if err != nil {
		return err
	}
	beginDownload(w, fmt.Sprintf("import-%d-rejected.csv", id))
	s.endDownload(r, s.service.WriteRejects(r.Context(), found, movingWriter{w}))
	return nil
}
