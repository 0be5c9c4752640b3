package api

import (
	"io"
	"net/http"
	"time"
)

// CSV is an answer that is a file of rows, written as they are found. Its cells
// are safe to open in a spreadsheet.
type CSV struct {
	name  string // of the file
	write func(io.Writer) error
}

// download writes a file. One that fails half-way breaks the connection: a file
// that lacks rows must not look complete.
func (s *Server) download(w http.ResponseWriter, request *http.Request, file CSV) {
	part := &downloadWriter{ResponseWriter: w, name: file.name}
	switch err := file.write(part); {
	case err == nil:
	case !part.begun:
		s.refuse(w, request, err)
	default:
		if request.Context().Err() == nil {
			s.log.Error("a download broke off", "path", request.URL.Path, "error", err)
		}
		panic(http.ErrAbortHandler)
	}
}

// downloadWriter gives the caller time anew with every part of a file.
type downloadWriter struct {
	http.ResponseWriter
	name  string
	begun bool
}

func (w *downloadWriter) Write(p []byte) (int, error) {
	if !w.begun {
		w.begun = true
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		w.Header().Set("Content-Disposition", `attachment; filename="`+w.name+`"`)
	}
	// Not every ResponseWriter has deadlines; those of net/http have.
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(readWithin))
	return w.ResponseWriter.Write(p)
}
