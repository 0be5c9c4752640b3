package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/listhygiene/intake"
)

const (
	// uploadBody bounds the form with a file: the file and some fields.
	uploadBody = service.UploadLimit + 1<<20
	// fieldLimit bounds each of the fields before the file.
	fieldLimit = 16 << 10
	// readWithin is how long the next piece of an upload may take: a slow line
	// is no reason to cut it, a dead one is.
	readWithin = 30 * time.Second
)

// isUpload reports whether a request brings a file.
func isUpload(r *http.Request) bool {
	return r.Method == http.MethodPost && (r.URL.Path == "/imports" || r.URL.Path == "/suppressions/import")
}

// uploadView is the form for a file.
type uploadView struct {
	List    string // that they are to join, where that is known already
	Problem string // why nothing was taken
}

func (s *Server) newImport(w http.ResponseWriter, r *http.Request) error {
	return s.renderUpload(w, r, http.StatusOK, uploadView{List: r.URL.Query().Get("list")})
}

func (s *Server) renderUpload(w http.ResponseWriter, r *http.Request, status int, view uploadView) error {
	return s.render(w, r, status, "upload", frame{Title: "Import contacts", Section: "imports", Page: view})
}

// takeImport stores the file of the form, or what was pasted, as it comes in, and
// goes to the page of its import. The fields stand before it.
func (s *Server) takeImport(w http.ResponseWriter, r *http.Request) error {
	r.Body = &movingReader{ReadCloser: r.Body, control: http.NewResponseController(w)}
	form, err := r.MultipartReader()
	if err != nil {
		return errBadForm
	}
	var o service.ImportOptions
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return s.renderUpload(w, r, http.StatusUnprocessableEntity, uploadView{List: o.List, Problem: "Choose a file, or paste some addresses."})
		}
		if err != nil {
			return errBadForm
		}
		switch part.FormName() {
		case "file":
			if part.FileName() == "" {
				continue // none was chosen; something may have been pasted
			}
			return s.storeUpload(w, r, part.FileName(), part, o)
		case "pasted":
			name, text, err := readPasted(part, time.Now())
			if err != nil {
				return err
			}
			if text != "" {
				return s.storeUpload(w, r, name, strings.NewReader(text), o)
			}
			continue
		}
		value, err := io.ReadAll(io.LimitReader(part, fieldLimit))
		if err != nil {
			return errBadForm
		}
		switch part.FormName() {
		case "list":
			o.List = string(value)
		case "consent":
			o.Consent = string(value)
		case "status":
			o.Status = intake.Status(value)
		case "known":
			o.Rule = postgres.MergeRule(value)
		case "encoding":
			o.Encoding = string(value)
		case "step":
			o.Draft = string(value) == "columns"
		case "check":
			o.DryRun = string(value) != ""
		}
	}
}

var errNoFile = &refusal{Status: http.StatusBadRequest, Title: "Nothing came with the form",
	Words: "Go back, choose a file, and try again."}

func (s *Server) storeUpload(w http.ResponseWriter, r *http.Request, name string, file io.Reader, o service.ImportOptions) error {
	id, err := s.service.Upload(r.Context(), name, file, o)
	if errors.Is(err, service.ErrUpload) {
		return s.renderUpload(w, r, http.StatusUnprocessableEntity, uploadView{List: o.List, Problem: capital(err.Error()) + "."})
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, fmt.Sprintf("/imports/%d", id), http.StatusSeeOther)
	return nil
}

// movingReader gives the browser more time with everything that it sends.
type movingReader struct {
	io.ReadCloser
	control *http.ResponseController
}

func (m *movingReader) Read(p []byte) (int, error) {
	// Not every ResponseWriter has deadlines; those of net/http have.
	_ = m.control.SetReadDeadline(time.Now().Add(readWithin))
	_ = m.control.SetWriteDeadline(time.Now().Add(readWithin + answerWithin))
	return m.ReadCloser.Read(p)
}

// confirmImport imports what was only checked. A second press of the button finds
// that the first one did it, and leads to where that is shown.
func (s *Server) confirmImport(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := s.service.ImportChecked(r.Context(), id, ""); errors.Is(err, postgres.ErrNotFound) {
		if _, err := s.service.Store.Import(r.Context(), id); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	http.Redirect(w, r, fmt.Sprintf("/imports/%d", id), http.StatusSeeOther)
	return nil
}

// undoView says what an undo will do.
type undoView struct {
	ID       int64
	FileName string
	Plan     postgres.UndoPlan
	Counted  freshness
}

func (s *Server) askUndo(w http.ResponseWriter, r *http.Request) error {
	view, err := s.undoNow(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	f := frame{Title: "Undo " + view.FileName, Section: "imports", Page: view}
	if view.Counted.Running {
		f.Live = fmt.Sprintf("/imports/%d/undo/live", view.ID)
	}
	return s.render(w, r, http.StatusOK, "undo", f)
}

// undoLive brings the figures once they are counted.
func (s *Server) undoLive(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if _, err := s.undoNow(r.Context(), id); err != nil {
		return err
	}
	return s.live(w, r, "undo "+id, func(ctx context.Context) ([]byte, bool, error) {
		view, err := s.undoNow(ctx, id)
		if err != nil {
			return nil, false, err
		}
		fragment, err := s.draw("undo", "live", view)
		return fragment, !view.Counted.Running, err
	})
}

func (s *Server) undoNow(ctx context.Context, text string) (undoView, error) {
	id, err := idOf(text)
	if err != nil {
		return undoView{}, err
	}
	found, err := s.service.Store.Import(ctx, id)
	if err != nil {
		return undoView{}, err
	}
	plan, err := s.service.UndoFigures(ctx, id, figureWait)
	return undoView{ID: id, FileName: found.FileName, Plan: plan.Value, Counted: newFreshness(plan.At, plan.Running)}, err
}

func (s *Server) undoImport(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := s.service.UndoImport(r.Context(), id); err != nil {
		return err
	}
	http.Redirect(w, r, fmt.Sprintf("/imports/%d", id), http.StatusSeeOther)
	return nil
}
