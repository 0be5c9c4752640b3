package service

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/headwaymail/headway/campaign/picture"
	"github.com/headwaymail/headway/internal/postgres"
)

const (
	// maxAlt bounds the words for an image, in characters: who has them read out
	// wants a sentence or two.
	maxAlt = 300
	// maxFileName bounds the name of an upload, in characters.
	maxFileName = 120
	// UsesShown is how many campaigns, and how many templates, are named that show
	// an image.
	UsesShown = 20
)

// AddedImage is an image that was uploaded.
type AddedImage struct {
	postgres.Image
	Known  bool // it was there already
	Shrunk bool // the file was larger
}

// AddImage takes in a picture and stores it for newsletters. An error of
// [*picture.Refusal] says why a file is not taken; [ErrAlt] that the words are not
// good. A file that was uploaded before is the same image again.
func (s *Service) AddImage(ctx context.Context, fileName string, file io.Reader, alt string, by Actor) (AddedImage, error) {
	alt, err := tidyAlt(alt)
	if err != nil {
		return AddedImage{}, err
	}
	data, err := io.ReadAll(io.LimitReader(file, picture.MaxBytes+1))
	if err != nil {
		return AddedImage{}, fmt.Errorf("read the upload: %w", err)
	}
	p, err := s.readPicture(data)
	if err != nil {
		return AddedImage{}, err
	}
	name := p.Name.String()
	n := postgres.NewImage{Name: name, FileName: tidyFileName(fileName, name), Alt: alt, Data: p.Data, Thumbnail: p.Thumbnail, By: by.Name}
	fresh, err := s.Store.AddImage(ctx, n, now())
	if err != nil {
		return AddedImage{}, err
	}
	if fresh {
		if err := s.audit(ctx, by, now(), "image.upload", "image "+name, n.FileName, struct{}{}); err != nil {
			return AddedImage{}, err
		}
	}
	stored, err := s.Store.Image(ctx, name)
	return AddedImage{Image: stored, Known: !fresh, Shrunk: p.Shrunk}, err
}

// readPicture decodes one picture at a time: a large one needs much memory.
func (s *Service) readPicture(data []byte) (picture.Picture, error) {
	s.pictures.Lock()
	defer s.pictures.Unlock()
	return picture.Read(data)
}

// ErrAlt says that the words for an image are not good.
var ErrAlt = errors.New("the description cannot be used")

func tidyAlt(alt string) (string, error) {
	alt = oneLine(alt)
	switch n := len([]rune(alt)); {
	case strings.Contains(alt, "{{") || strings.Contains(alt, "{%"):
		return "", fmt.Errorf("%w: {{ and {%% would be taken for merge fields; write words", ErrAlt)
	case n > maxAlt:
		return "", fmt.Errorf("%w: it has %d characters; say in %d what the image shows", ErrAlt, n, maxAlt)
	}
	return alt, nil
}

// tidyFileName is the last part of a path, as some browsers send it.
func tidyFileName(fileName, otherwise string) string {
	fileName = cut(oneLine(path.Base(strings.ReplaceAll(fileName, `\`, "/"))), maxFileName)
	if fileName == "" || fileName == "." || fileName == "/" {
		return otherwise
	}
	return fileName
}

// DescribeImage says what an image shows, for the newsletters that will show it;
// those that are written already keep their words.
func (s *Service) DescribeImage(ctx context.Context, name, alt string, by Actor) error {
	alt, err := tidyAlt(alt)
	if err != nil {
		return err
	}
	if err := s.Store.DescribeImage(ctx, name, alt); err != nil {
		return err
	}
	return s.auditImage(ctx, by, "describe", name)
}

// ImageInUse says that an image cannot be deleted, because something shows it.
type ImageInUse struct {
	Campaigns, Templates []postgres.ImageUse
}

// Error names what shows it.
func (e *ImageInUse) Error() string {
	var all []string
	for _, c := range e.Campaigns {
		all = append(all, fmt.Sprintf("campaign %d, %s", c.ID, c.Name))
	}
	for _, t := range e.Templates {
		all = append(all, "template "+t.Name)
	}
	return "the image is shown by " + strings.Join(all, "; ") + ". Messages that were sent go on loading it; take it out of drafts and templates first"
}

// DeleteImage deletes an image that nothing shows. The error is an [*ImageInUse]
// where something does.
func (s *Service) DeleteImage(ctx context.Context, name string, by Actor) error {
	err := s.Store.DeleteImage(ctx, name)
	if errors.Is(err, postgres.ErrInUse) {
		var used ImageInUse
		if used.Campaigns, used.Templates, err = s.Store.ImageUses(ctx, name, UsesShown); err == nil {
			err = &used
		}
	}
	if err != nil {
		return err
	}
	s.images.forget(name)
	return s.auditImage(ctx, by, "delete", name)
}

func (s *Service) auditImage(ctx context.Context, by Actor, what, name string) error {
	return s.audit(ctx, by, now(), "image."+what, "image "+name, "", struct{}{})
}

// ImageURL is the address from which readers load an image.
func (s *Service) ImageURL(name string) string { return s.publicURL() + picture.Path + name }

// ImageMarkdown is what shows an image in a newsletter that is written as
// Markdown. Messages carry its whole address.
func ImageMarkdown(i postgres.Image) string {
	return "![" + markdownWords.Replace(i.Alt) + "](" + picture.Path + i.Name + ")"
}

// markdownWords keeps words from being read as Markdown (CommonMark 0.31 §2.4).
var markdownWords = func() *strings.Replacer {
	var pairs []string
	for _, c := range "\\`*_[]<>&!#~|" {
		pairs = append(pairs, string(c), `\`+string(c))
	}
	return strings.NewReplacer(pairs...)
}()

// ImageHTML is the same for HTML.
func ImageHTML(i postgres.Image) string {
	return `<img src="` + picture.Path + i.Name + `" alt="` + html.EscapeString(i.Alt) + `">`
}

// lostImages returns the images of our own that a message shows and that are not
// there.
func (s *Service) lostImages(ctx context.Context, shown []string) ([]string, error) {
	var names []string
	for _, source := range shown {
		if name, ours := strings.CutPrefix(source, s.publicURL()+picture.Path); ours {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	known, err := s.Store.ImagesKnown(ctx, names)
	return slices.DeleteFunc(names, func(name string) bool { return known[name] }), err
}
