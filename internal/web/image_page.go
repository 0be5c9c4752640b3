package web

import (
	"errors"
	"net/http"
	"strings"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// imagePage is the page of one image.
type imagePage struct {
	imageView
	InCampaigns []postgres.ImageUse
	InTemplates []postgres.ImageUse
	Said        string // what was just done
	Problem     string // why the words were not taken
	Wish        string // the words that were not
}

// More is how many campaigns show it beyond those that are named.
func (v imagePage) More() int64 { return v.Campaigns - int64(len(v.InCampaigns)) }

func (s *Server) showOneImage(w http.ResponseWriter, r *http.Request) error {
	said := ""
	switch query := r.URL.Query(); {
	case query.Has("known"):
		said = "This image was there already."
	case query.Has("added"):
		said = "Uploaded."
	case query.Has("saved"):
		said = "Saved."
	}
	return s.renderImage(w, r, http.StatusOK, imagePage{Said: said})
}

func (s *Server) renderImage(w http.ResponseWriter, r *http.Request, status int, view imagePage) error {
	found, err := s.service.Store.Image(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	view.imageView = s.newImageView(found)
	view.InCampaigns, view.InTemplates, err = s.service.Store.ImageUses(r.Context(), found.Name, service.UsesShown)
	if err != nil {
		return err
	}
	return s.render(w, r, status, "image", frame{Title: found.FileName, Section: "images", Script: "copy.js", Page: view})
}

// showThumbnail serves an image in small, for lists.
func (s *Server) showThumbnail(w http.ResponseWriter, r *http.Request) error {
	data, err := s.service.Store.ImageThumbnail(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Security-Policy", imagePolicy)
	h.Set("Content-Type", "image/jpeg")
	if strings.HasPrefix(string(data[:min(len(data), 4)]), "\x89PNG") {
		h.Set("Content-Type", "image/png")
	}
	h.Set("Cache-Control", "private, max-age=31536000, immutable")
	_, _ = w.Write(data) // a visitor who hung up misses nothing
	return nil
}

func (s *Server) describeImage(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errBadForm
	}
	name, alt := r.PathValue("name"), r.PostForm.Get("alt")
	err := s.service.DescribeImage(r.Context(), name, alt, actor(r))
	if errors.Is(err, service.ErrAlt) {
		return s.renderImage(w, r, http.StatusUnprocessableEntity, imagePage{Problem: capital(err.Error()) + ".", Wish: alt})
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/images/"+name+"?saved", http.StatusSeeOther)
	return nil
}

func (s *Server) deleteImage(w http.ResponseWriter, r *http.Request) error {
	err := s.service.DeleteImage(r.Context(), r.PathValue("name"), actor(r))
	var used *service.ImageInUse
	if errors.As(err, &used) {
		return &refusal{Status: http.StatusConflict, Title: "This image is shown somewhere", Words: capital(used.Error()) + "."}
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/images", http.StatusSeeOther)
	return nil
}
