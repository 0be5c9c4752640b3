package web

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// compressLeast is from which size on an answer is compressed, in bytes: a
// smaller one fits into one packet or two.
const compressLeast = 2 << 10

// packers compress pages, which are made anew each time: quickly rather than well.
var packers = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // a known level never fails
	return w
}}

// pack compresses b, or returns nothing when it is too small to gain by it.
func pack(b []byte) []byte {
	if len(b) < compressLeast {
		return nil
	}
	var packed bytes.Buffer
	w := packers.Get().(*gzip.Writer)
	defer packers.Put(w)
	w.Reset(&packed)
	_, _ = w.Write(b) // into memory
	_ = w.Close()
	return packed.Bytes()
}

// packWell compresses what is kept, once. w packs as well as it can.
func packWell(w *gzip.Writer, b []byte) []byte {
	var packed bytes.Buffer
	w.Reset(&packed)
	_, _ = w.Write(b)
	_ = w.Close()
	if packed.Len() > len(b)*9/10 {
		return nil // a font, packed already
	}
	return packed.Bytes()
}

// takesGzip reports whether whoever asks can unpack gzip (RFC 9110, section
// 12.5.3).
func takesGzip(r *http.Request) bool {
	for _, coding := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(coding), ";")
		if name = strings.TrimSpace(name); name != "gzip" && name != "*" {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimPrefix(strings.ReplaceAll(weight, " ", ""), "q="), 64)
		return weight == "" || err == nil && q > 0
	}
	return false
}

// secretive reports whether a page must not be compressed: what a stranger makes
// us show beside a secret would change its length (the BREACH attack, 2013).
// Pages that are only looked at hold no secrets, but for the public ones, whose
// address is one.
func secretive(r *http.Request) bool {
	return visitorOf(r).Role == "" || r.Method != http.MethodGet
}
