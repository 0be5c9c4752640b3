package picture

import (
	"bytes"
	"regexp"
)

// Kind is how an image is written that messages may show: every mail program
// reads these three. It is also how its name ends.
type Kind string

// The kinds.
const (
	PNG  Kind = "png"
	JPEG Kind = "jpg"
	GIF  Kind = "gif" // animated ones only; others become PNG
)

// ContentType is the media type of a kind (RFC 2046, RFC 2083).
func (k Kind) ContentType() string {
	if k == JPEG {
		return "image/jpeg"
	}
	return "image/" + string(k)
}

// Refusal says why a file is not taken, and what to do.
type Refusal struct{ Problem, Advice string }

// Error returns both.
func (r *Refusal) Error() string { return r.Problem + "; " + r.Advice }

func refuse(problem, advice string) error { return &Refusal{problem, advice} }

// format is how a file is written that is taken in.
type format int

const (
	unknown format = iota
	pngFile
	jpegFile
	gifFile
	webpFile
)

// formatOf tells files apart by their first bytes.
func formatOf(data []byte) format {
	switch {
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		return pngFile
	case bytes.HasPrefix(data, []byte("\xff\xd8\xff")):
		return jpegFile
	case bytes.HasPrefix(data, []byte("GIF87a")), bytes.HasPrefix(data, []byte("GIF89a")):
		return gifFile
	case len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP":
		return webpFile
	}
	return unknown
}

// svgStart finds an SVG, which may begin with a declaration and comments.
var svgStart = regexp.MustCompile(`(?is)^\x{feff}?\s*(?:<svg\b|<(?:\?xml|!--|!doctype).*?<svg\b)`)

// whyNot says why a file of no known format is refused.
func whyNot(data []byte) error {
	head := data[:min(len(data), 4096)]
	box := ""
	if len(head) >= 12 && string(head[4:8]) == "ftyp" {
		box = string(head[8:12])
	}
	switch {
	case len(data) == 0:
		return refuse("the file is empty", "choose a picture")
	case svgStart.Match(head):
		return refuse("the file is an SVG, which most mail programs do not show, and which can run scripts", "export it as PNG, 1,200 pixels wide")
	case box == "heic" || box == "heix" || box == "mif1" || box == "msf1" || box == "hevc":
		return refuse("the file is a HEIC photo, which most mail programs do not show", "export it as JPEG")
	case box == "avif" || box == "avis":
		return refuse("the file is an AVIF, which most mail programs do not show", "export it as JPEG or PNG")
	case bytes.HasPrefix(head, []byte("BM")), bytes.HasPrefix(head, []byte("II*\x00")), bytes.HasPrefix(head, []byte("MM\x00*")):
		return refuse("the file is a bitmap or TIFF, which most mail programs do not show", "export it as PNG or JPEG")
	case bytes.HasPrefix(head, []byte("%PDF")):
		return refuse("the file is a PDF", "export the page as PNG or JPEG")
	}
	return refuse("the file is no picture that could be read, whatever its name says", "choose a PNG, JPEG, GIF or WebP")
}
