package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
)

//go:embed templates/*.html
var templateFiles embed.FS

// frame is what stands around every page.
type frame struct {
	Title   string
	Section string   // the entry of the navigation that the page belongs to
	Live    string   // where the page's live part comes from; empty when it stands still
	Script  string   // the asset of a page that has a script of its own
	Aids    []string // assets with scripts that it needs beside
	Banner  string   // filled in by render
	Visitor visitor  // filled in by render
	Page    any      // the page's own view model
}

// templates are the pages by name, each read when it is first shown: a page takes
// 200 KB with its copy of what is shared, and a node that sends shows few. Each file
// of the folder defines "main", and "live" when a part of it is live; files that
// begin with _ are shared.
type templates map[string]func() (*template.Template, error)

func loadTemplates(files assets) (templates, error) {
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	shared := sync.OnceValues(func() (*template.Template, error) {
		return template.New("").Funcs(functions(files)).ParseFS(templateFiles, "templates/_*.html")
	})
	pages := make(templates)
	for _, name := range names {
		base := path.Base(name)
		if strings.HasPrefix(base, "_") {
			continue
		}
		pages[strings.TrimSuffix(base, ".html")] = sync.OnceValues(func() (*template.Template, error) {
			common, err := shared()
			if err != nil {
				return nil, err
			}
			page, err := common.Clone()
			if err != nil {
				return nil, err
			}
			return page.ParseFS(templateFiles, name)
		})
	}
	return pages, nil
}

// functions are the words that templates may use; see words.go.
func functions(files assets) template.FuncMap {
	return template.FuncMap{
		"audited": newAudited,
		"asset":   files.url, "count": count, "share": share, "rate": rate,
		"clock": clock, "stamp": stamp, "machine": machineTime, "plural": plural, "pair": pair, "long": func(n int) int64 { return int64(n) }, "capital": capital, "record": newRecordView,
	}
}

// keyed is a value with the name of what it belongs to, for templates of which one
// serves many fields.
type keyed struct{ Key, Value string }

func pair(key, value string) keyed { return keyed{key, value} }

// render answers with a whole page. Nothing is written when it fails.
func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, page string, f frame) error {
	f.Banner, f.Visitor = s.banner, visitorOf(r)
	body, err := s.draw(page, "page", f)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Add("Vary", "Accept-Encoding")
	if takesGzip(r) && !secretive(r) {
		if packed := pack(body); packed != nil {
			h.Set("Content-Encoding", "gzip")
			body = packed
		}
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // a visitor who hung up misses nothing
	return nil
}

// draw runs one template of a page.
func (s *Server) draw(page, part string, data any) ([]byte, error) {
	read, ok := s.templates[page]
	if !ok {
		return nil, fmt.Errorf("no template %q", page)
	}
	set, err := read()
	if err != nil {
		return nil, fmt.Errorf("template %q: %w", page, err)
	}
	var b bytes.Buffer
	if err := set.ExecuteTemplate(&b, part, data); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
