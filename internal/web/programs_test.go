package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What programs send is bounded by the API, not as forms of pages are.
func TestBodiesOfProgramsAreNotBoundedAsForms(t *testing.T) {
	t.Parallel()
	var read int64
	programs := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var err error
		if read, err = io.Copy(io.Discard, r.Body); err != nil {
			t.Error(err)
		}
	})
	s := &Server{}
	for path, want := range map[string]int64{"/api/v1/imports": 2 * bodyLimit, "/api/v1/images": 2 * bodyLimit} {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(strings.Repeat("x", 2*bodyLimit)))
		s.guard(programs).ServeHTTP(httptest.NewRecorder(), r)
		if read != want {
			t.Errorf("%s: %d bytes came through, want %d", path, read, want)
		}
	}
}
