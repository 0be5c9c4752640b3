package web

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/headwaymail/headway/campaign/picture"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

const (
	// imageBody bounds the form with images: some at once.
	imageBody = 8*picture.MaxBytes + 1<<20
	// imagesLength is how many images stand on a page.
	imagesLength = 24
	// shelfLength is how many stand beside a newsletter that is being written.
	shelfLength = 6
)

// isImages reports whether a request brings images.
func isImages(r *http.Request) bool {
	return r.Method == http.MethodPost && (r.URL.Path == "/images" || r.URL.Path == "/api/v1/images")
}

// imageView is an image as pages show it.
type imageView struct {
	postgres.Image
	Width, Height int // in pixels
	Markdown      string
	HTML          string
	Address       string // from which readers load it
}

func (s *Server) newImageView(i postgres.Image) imageView {
	name, _ := picture.ParseName(i.Name) // it was made by one
	return imageView{Image: i, Width: name.Width, Height: name.Height,
		Markdown: service.ImageMarkdown(i), HTML: service.ImageHTML(i), Address: s.service.ImageURL(i.Name)}
}

// Path is where the image itself is.
func (v imageView) Path() string { return picture.Path + v.Name }

// Measure is how large it is, in words.
func (v imageView) Measure() string {
	words := count(int64(v.Width)) + " × " + count(int64(v.Height)) + ", " + size(int64(v.Size))
	if strings.HasSuffix(v.Name, "."+string(picture.GIF)) {
		words += ", animated"
	}
	return words
}

// Shown says how many newsletters and templates show it.
func (v imageView) Shown() string {
	words := ""
	if v.Campaigns > 0 {
		words = plural(v.Campaigns, "campaign", "campaigns")
	}
	if v.Templates > 0 {
		if words != "" {
			words += " and "
		}
		words += plural(v.Templates, "template", "templates")
	}
	return cmp.Or(words, "nothing yet")
}

// heavy is the size above which an image keeps readers waiting on a phone.
const heavy = 1 << 20

// Heavy reports whether it would be better smaller.
func (v imageView) Heavy() bool { return v.Size > heavy }

// Weight is its size in words.
func (v imageView) Weight() string { return size(int64(v.Size)) }

// imagesView is the index of the images.
type imagesView struct {
	Images   []imageView
	First    bool
	Next     string // the last image of the page; empty at the end
	Problems []string
	Added    int
}

func (s *Server) listImages(w http.ResponseWriter, r *http.Request) error {
	added, _ := strconv.Atoi(r.URL.Query().Get("added")) // 0 for anything else
	return s.renderImages(w, r, http.StatusOK, imagesView{Added: added})
}

func (s *Server) renderImages(w http.ResponseWriter, r *http.Request, status int, view imagesView) error {
	behind := r.URL.Query().Get("behind")
	found, err := s.service.Store.Images(r.Context(), behind, imagesLength+1)
	if err != nil {
		return err
	}
	view.First = behind == ""
	if len(found) > imagesLength {
		found = found[:imagesLength]
		view.Next = found[imagesLength-1].Name
	}
	for _, i := range found {
		view.Images = append(view.Images, s.newImageView(i))
	}
	return s.render(w, r, status, "images", frame{Title: "Images", Section: "images", Script: "copy.js", Page: view})
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

// shelfView is the shelf beside a newsletter that is being written: the images
// that were added last.
type shelfView struct {
	Images   []imageView
	Problems []string
	Added    string // the image that was added just now
}

func (s *Server) shelf(r *http.Request) (shelfView, error) {
	found, err := s.service.Store.Images(r.Context(), "", shelfLength)
	var view shelfView
	for _, i := range found {
		view.Images = append(view.Images, s.newImageView(i))
	}
	return view, err
}

// answerShelf answers a browser that puts the shelf into its page by itself.
func (s *Server) answerShelf(w http.ResponseWriter, r *http.Request, form imageForm) error {
	view, err := s.shelf(r)
	if err != nil {
		return err
	}
	view.Problems = form.problems
	if len(form.added) > 0 {
		first := form.added[0]
		view.Added = first.Name
		// One that was there already may be an old one.
		kept := []imageView{s.newImageView(first.Image)}
		for _, i := range view.Images {
			if i.Name != first.Name && len(kept) < shelfLength {
				kept = append(kept, i)
			}
		}
		view.Images = kept
	}
	body, err := s.draw("compose", "shelf", view)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(body) // a visitor who hung up misses nothing
	return nil
}

// onePictureView is the page of one image.
type onePictureView struct {
	imageView
	InCampaigns []postgres.ImageUse
	InTemplates []postgres.ImageUse
	Said        string // what was just done
	Problem     string // why the words were not taken
	Wish        string // the words that were not
}

// More is how many campaigns show it beyond those that are named.
func (v onePictureView) More() int64 { return v.Campaigns - int64(len(v.InCampaigns)) }

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
	return s.renderImage(w, r, http.StatusOK, onePictureView{Said: said})
}

func (s *Server) renderImage(w http.ResponseWriter, r *http.Request, status int, view onePictureView) error {
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
		return s.renderImage(w, r, http.StatusUnprocessableEntity, onePictureView{Problem: capital(err.Error()) + ".", Wish: alt})
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
