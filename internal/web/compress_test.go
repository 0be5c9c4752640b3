package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestTakesGzip(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]bool{
		"": false, "gzip": true, "br, gzip": true, "gzip;q=0": false, "gzip; q=0.5": true, "*": true, "identity": false, "gzip;q=x": false, "deflate,br": false,
	} {
		r, err := http.NewRequest(http.MethodGet, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", header)
		if got := takesGzip(r); got != want {
			t.Errorf("%q: %t", header, got)
		}
	}
}

// Pages and files come compressed to who can unpack them, and say so to caches;
// pages with a secret in them never do.
func TestPagesAreCompressed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sample(200)
	for path, packed := range map[string]bool{"/": true, "/assets/headway.css": true, "/assets/vendor/inter-latin.woff2": false, "/login": false,
		"/u/" + b.link(1, 1): false} {
		whole := b.do(http.MethodGet, b.site.URL+path, "", "Accept-Encoding", "identity")
		small := b.do(http.MethodGet, b.site.URL+path, "", "Accept-Encoding", "gzip")
		if got := small.Header.Get("Content-Encoding") == "gzip"; got != packed || whole.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: compressed: %t; asked for as it is: %q", path, got, whole.Header.Get("Content-Encoding"))
			continue
		}
		if !packed {
			continue
		}
		if small.Header.Get("Vary") != "Accept-Encoding" || whole.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: Vary: %q", path, small.Header.Get("Vary"))
		}
		unpacked, err := gzip.NewReader(strings.NewReader(small.body))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		text, err := io.ReadAll(unpacked)
		if err != nil || len(text) < 1000 || strings.HasPrefix(path, "/assets/") && !bytes.Equal(text, []byte(whole.body)) || len(small.body) > len(text)/2 {
			t.Errorf("%s: %d bytes unpack to %d, %v", path, len(small.body), len(text), err)
		}
		if tag := small.Header.Get("ETag"); tag != "" && tag == whole.Header.Get("ETag") {
			t.Errorf("%s: the same tag for other bytes", path)
		}
	}
}
