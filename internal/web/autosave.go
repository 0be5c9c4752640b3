package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// autosaved answers the script that saves a newsletter while it is written.
type autosaved struct {
	ID       int64     `json:"id,omitempty"`
	Revision int64     `json:"revision,omitempty"`
	At       time.Time `json:"at,omitzero"`
	Words    string    `json:"words,omitempty"` // why nothing was saved; {time} stands for " at 14:02" where the reader is
}

// startAutosave saves a newsletter for the first time.
func (s *Server) startAutosave(w http.ResponseWriter, r *http.Request) error {
	f, err := composed(r)
	if err != nil {
		return err
	}
	id, err := s.service.StartDraft(r.Context(), f.name, f.content, actor(r))
	if err != nil {
		return answerAutosave(w, r, autosaved{}, err)
	}
	return answerAutosave(w, r, autosaved{ID: id, Revision: 1, At: time.Now()}, nil)
}

// autosave saves it again.
func (s *Server) autosave(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	f, err := composed(r)
	if err != nil {
		return err
	}
	saved, err := s.service.SaveDraft(r.Context(), id, f.name, f.content, f.revision, actor(r))
	if err == nil {
		s.snapshots.changed(id)
	}
	return answerAutosave(w, r, autosaved{ID: id, Revision: saved.Revision, At: saved.At}, err)
}

func answerAutosave(w http.ResponseWriter, r *http.Request, a autosaved, err error) error {
	status := http.StatusOK
	var overtaken *postgres.Overtaken
	switch {
	case errors.As(err, &overtaken):
		status = http.StatusConflict
		a = autosaved{ID: a.ID, At: overtaken.At, Words: "Not saved: " + saver(r, overtaken.Saved) +
			" saved this newsletter{time}, after you had opened it. What you wrote stays in this window only."}
	case errors.Is(err, postgres.ErrNoDraft):
		status = http.StatusConflict
		a = autosaved{Words: "Not saved: this campaign is not a draft any more. What you wrote stays in this window only."}
	case errors.Is(err, service.ErrTooLong):
		status = http.StatusUnprocessableEntity
		a = autosaved{Words: "Not saved: " + err.Error() + "."}
	case err != nil:
		return err
	}
	body, err := json.Marshal(a)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a visitor who hung up misses nothing
	return nil
}

// saver names who saved a newsletter, for whoever was overtaken.
func saver(r *http.Request, saved postgres.Saved) string {
	switch saved.By {
	case "":
		return "Somebody"
	case visitorOf(r).Name:
		return "You, in another window or tab,"
	}
	return saved.By
}
