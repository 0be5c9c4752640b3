package web

import (
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed assets/*.css assets/*.js assets/*.svg assets/vendor/*.js assets/vendor/*.woff2 assets/vendor/*.txt
var assetFiles embed.FS

// assets are the files that pages are made of, by their path below /assets/.
type assets map[string]asset

type asset struct {
	content []byte
	packed  []byte // the same compressed; nil where that gains nothing
	kind    string
	version string // of the content; part of its address
}

var assetKinds = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".svg": "image/svg+xml", ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8",
}

func loadAssets() (assets, error) {
	loaded := make(assets)
	packer, err := gzip.NewWriterLevel(nil, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	err = fs.WalkDir(assetFiles, "assets", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := assetFiles.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		loaded[strings.TrimPrefix(name, "assets/")] = asset{content: content, packed: packWell(packer, content),
			kind: assetKinds[path.Ext(name)], version: hex.EncodeToString(sum[:6])}
		return nil
	})
	return loaded, err
}

// publicAssets are the files of the pages that recipients see.
var publicAssets = []string{"headway.css", "icon.svg", "vendor/inter-latin.woff2"}

// only returns some of the files.
func (a assets) only(names ...string) assets {
	some := make(assets, len(names))
	for _, name := range names {
		some[name] = a[name]
	}
	return some
}

// url is the address of a file; it changes with the content.
func (a assets) url(name string) (string, error) {
	file, ok := a[name]
	if !ok {
		return "", fmt.Errorf("no asset %q", name)
	}
	return "/assets/" + name + "?v=" + file.version, nil
}

// ServeHTTP hands out a file. Under its full address it may be kept for good.
func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, ok := a[strings.TrimPrefix(r.URL.Path, "/assets/")]
	if !ok {
		plain(w, http.StatusNotFound, "no such file\n")
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == file.version {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	content, tag := file.content, file.version
	if file.packed != nil {
		h.Add("Vary", "Accept-Encoding")
		if takesGzip(r) {
			content, tag = file.packed, file.version+"-gzip"
		}
	}
	h.Set("ETag", `"`+tag+`"`)
	if r.Header.Get("If-None-Match") == h.Get("ETag") {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if tag != file.version {
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Type", file.kind)
	_, _ = w.Write(content) // a visitor who hung up misses nothing
}
