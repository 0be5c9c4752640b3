package web

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/headwaymail/headway/campaign/picture"
	"github.com/headwaymail/headway/internal/service"
)

// imageBody bounds the form with images: some at once.
const imageBody = 8*picture.MaxBytes + 1<<20

// isImages reports whether a request brings images.
func isImages(r *http.Request) bool {
	return r.Method == http.MethodPost && (r.URL.Path == "/images" || r.URL.Path == "/api/v1/images")
}

// takeImages stores the images of a form. They are shown on their own pages, or
// on the shelf beside a newsletter that is being written.
func (s *Server) takeImages(w http.ResponseWriter, r *http.Request) error {
	form, err := s.readImages(w, r)
	if err != nil {
		return err
	}
	if r.URL.Query().Has("shelf") {
		return s.answerShelf(w, r, form)
	}
	switch {
	case len(form.problems) > 0:
		return s.renderImages(w, r, http.StatusUnprocessableEntity, imagesView{Problems: form.problems, Added: len(form.added)})
	case len(form.added) == 1:
		known := ""
		if form.added[0].Known {
			known = "&known"
		}
		http.Redirect(w, r, "/images/"+form.added[0].Name+"?added"+known, http.StatusSeeOther)
	default:
		http.Redirect(w, r, "/images?"+url.Values{"added": {strconv.Itoa(len(form.added))}}.Encode(), http.StatusSeeOther)
	}
	return nil
}

// imageForm is what came of a form with images.
type imageForm struct {
	added    []service.AddedImage
	problems []string // of those that were not taken
}

// readImages reads the form file by file, and takes in each.
func (s *Server) readImages(w http.ResponseWriter, r *http.Request) (imageForm, error) {
	r.Body = &movingReader{ReadCloser: r.Body, control: http.NewResponseController(w)}
	var form imageForm
	parts, err := r.MultipartReader()
	if err != nil {
		return form, errBadForm
	}
	alt := ""
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return form, imagesBroken(err)
		}
		switch part.FormName() {
		case "alt":
			value, err := io.ReadAll(io.LimitReader(part, fieldLimit))
			if err != nil {
				return form, imagesBroken(err)
			}
			alt = string(value)
		case "file":
			if err := s.takeImage(r, part, &form); err != nil {
				return form, err
			}
		}
	}
	if len(form.added)+len(form.problems) == 0 {
		form.problems = append(form.problems, "No file came with the form: choose one, and upload it again.")
	}
	return form, s.describeAdded(r, alt, &form)
}

// describeAdded gives the words of a form to its image, if that has none.
func (s *Server) describeAdded(r *http.Request, alt string, form *imageForm) error {
	if strings.TrimSpace(alt) == "" || len(form.added) != 1 || form.added[0].Alt != "" {
		return nil
	}
	name := form.added[0].Name
	err := s.service.DescribeImage(r.Context(), name, alt, actor(r))
	if errors.Is(err, service.ErrAlt) {
		form.problems = append(form.problems, "The image is there, but "+err.Error()+".")
		return nil
	}
	if err == nil {
		form.added[0].Image, err = s.service.Store.Image(r.Context(), name)
	}
	return err
}

// takeImage takes in one file of a form.
func (s *Server) takeImage(r *http.Request, part *multipart.Part, form *imageForm) error {
	if part.FileName() == "" {
		return nil // nothing was chosen
	}
	added, err := s.service.AddImage(r.Context(), part.FileName(), part, "", actor(r))
	var why *picture.Refusal
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &why):
		form.problems = append(form.problems, cutText(part.FileName(), 80)+" was not taken: "+why.Problem+". "+capital(why.Advice)+".")
	case errors.As(err, &large):
		return imagesBroken(err)
	case err != nil:
		return err
	default:
		form.added = append(form.added, added)
	}
	// A browser that is answered before it has sent everything shows an error of
	// its own.
	if _, err := io.Copy(io.Discard, part); err != nil {
		return imagesBroken(err)
	}
	return nil
}

// imagesBroken explains a form that did not come to its end.
func imagesBroken(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return &refusal{Status: http.StatusRequestEntityTooLarge, Title: "That is too much at once",
			Words: fmt.Sprintf("All images of one upload may have %d MB together, each %d MB. Upload fewer at a time.", imageBody>>20, picture.MaxBytes>>20)}
	}
	return errBadForm
}
