package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/headwaymail/headway/campaign/picture"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// Image is a picture that newsletters may show.
type Image struct {
	Name      string    `json:"name" doc:"Made of its content and size; what it leads to never changes."`
	FileName  string    `json:"file_name" doc:"Of the upload."`
	Alt       string    `json:"alt" doc:"What it shows, in words."`
	Width     int       `json:"width" doc:"In pixels."`
	Height    int       `json:"height"`
	Bytes     int       `json:"bytes"`
	Markdown  string    `json:"markdown" doc:"What shows it in a newsletter."`
	HTML      string    `json:"html" doc:"The same for HTML."`
	URL       string    `json:"url" doc:"From which readers load it."`
	Campaigns int64     `json:"campaigns" doc:"How many show it."`
	Templates int64     `json:"templates" doc:"How many show it."`
	CreatedAt time.Time `json:"created_at"`
}

// NewImage is an image as programs see it.
func NewImage(s *service.Service, i postgres.Image) Image {
	name, _ := picture.ParseName(i.Name) // it was made by one
	return Image{Name: i.Name, FileName: i.FileName, Alt: i.Alt, Width: name.Width, Height: name.Height, Bytes: i.Size,
		Markdown: service.ImageMarkdown(i), HTML: service.ImageHTML(i), URL: s.ImageURL(i.Name),
		Campaigns: i.Campaigns, Templates: i.Templates, CreatedAt: utc(i.CreatedAt)}
}

// imagesCounted is how many images cursors can lead through.
const imagesCounted = 100_000

func listImages(c *call) (any, error) {
	upto := min(c.page.after, imagesCounted) + int64(c.page.limit) + 1
	all, err := c.service.Store.Images(c.Context(), "", int(upto))
	if err != nil {
		return nil, err
	}
	return newPage(c.page, all, func(i postgres.Image) Image { return NewImage(c.service, i) }), nil
}

func getImage(c *call) (any, error) {
	found, err := c.service.Store.Image(c.Context(), c.PathValue("image"))
	return NewImage(c.service, found), err
}

// File is the body of a call that is a file itself.
type File struct{ data []byte }

// addImage takes in a picture. One that was uploaded before is the same image.
func addImage(c *call) (any, error) {
	added, err := c.service.AddImage(c.Context(), "", c.body.(*File).reader(), "", c.actor())
	return NewImage(c.service, added.Image), err
}

// AltBody says what an image shows.
type AltBody struct {
	Alt string `json:"alt" doc:"300 characters at most."`
}

func describeImage(c *call) (any, error) {
	if err := c.service.DescribeImage(c.Context(), c.PathValue("image"), c.body.(*AltBody).Alt, c.actor()); err != nil {
		return nil, err
	}
	return getImage(c)
}

// Deleted says that something is gone.
type Deleted struct {
	Deleted string `json:"deleted" doc:"What it was: a name."`
}

func deleteImage(c *call) (any, error) {
	name := c.PathValue("image")
	return Deleted{name}, c.service.DeleteImage(c.Context(), name, c.actor())
}

// imageProblem finds what a caller is told about an error of these calls; nil for
// any other.
func imageProblem(err error) *Problem {
	var (
		refused *picture.Refusal
		used    *service.ImageInUse
	)
	switch {
	case errors.As(err, &refused):
		return &Problem{Status: http.StatusUnprocessableEntity, Code: "picture_refused", Detail: refused.Error()}
	case errors.As(err, &used):
		return &Problem{Status: http.StatusConflict, Code: "in_use", Detail: used.Error()}
	case errors.Is(err, service.ErrAlt):
		return &Problem{Status: http.StatusUnprocessableEntity, Code: "invalid_field", Field: "alt", Detail: err.Error()}
	}
	return nil
}
