package web

import (
	"bytes"
	"net/http"
)

// imagePolicy is for images: whatever somebody made of one, it can do nothing.
const imagePolicy = "default-src 'none'; sandbox; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

// showImage serves an image of newsletters to whoever has its name. It never
// changes, so that inboxes and proxies may keep it for good.
func (s *Server) showImage(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	image, err := s.service.PublicImage(r.Context(), name)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Security-Policy", imagePolicy)
	h.Set("Content-Type", image.Kind.ContentType())
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // web mail shows it on pages of its own
	h.Set("ETag", `"`+name+`"`)
	h.Del("Cross-Origin-Opener-Policy")
	// Ranges, conditions and HEAD; RFC 9110 §13 and §14.
	http.ServeContent(movingWriter{w}, r, name, image.At, bytes.NewReader(image.Data))
	return nil
}
