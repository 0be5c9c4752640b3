package web

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"github.com/headwaymail/headway/campaign/picture"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// imagesLength is how many images stand on a page.
const imagesLength = 24

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
