package api

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/listhygiene/intake"
)

// readWithin is how long the next piece of an upload, or of a download, may take:
// a slow line is no reason to cut it, a dead one is.
const readWithin = 30 * time.Second

// Upload is the body of a call that is a file of any size. It is taken in as it
// comes and never whole in memory; what is to be done with it is in the query.
type Upload struct {
	content io.Reader
	limit   int64 // bytes
}

// streams reports whether the body is taken in as it comes.
func (r route) streams() bool {
	_, upload := r.body.(Upload)
	return upload
}

// parameter is something that the query of a call may say, or must.
type parameter struct {
	name, words string
	values      []string // that it may have; nil for any text
	required    bool
	repeatable  bool
}

// importParameters say what is to be done with a file of contacts.
var importParameters = []parameter{
	{name: "list", required: true, words: "The name of the list that the contacts join; it is made when it does not exist."},
	{name: "name", words: "The name of the file, for reports. What it holds decides how it is read."},
	{name: "status", values: []string{string(intake.Subscribe), string(intake.Unconfirmed), string(intake.SuppressOnly)},
		words: "Of all rows; a row may say something stricter. Else subscribe."},
	{name: "known", values: []string{string(postgres.MergeOverwrite), string(postgres.MergeFill), string(postgres.MergeSkip)},
		words: "What happens to the fields of contacts who are known. Else overwrite."},
	{name: "consent", words: "How these people agreed to get mail; kept as evidence."},
	{name: "dry_run", values: []string{"true", "false"}, words: "Only say what would happen; …/carry-out does it afterwards."},
	{name: "encoding", words: "Of the text, such as windows-1250, where the guess is wrong."},
	{name: "map", repeatable: true, words: "field=Heading: take a field from a column, such as email=Mail 2, where the guess is not wanted."},
}

// parameters returns what the query of the call says besides parts and days.
func (r route) parameters() []parameter {
	if r.streams() {
		return importParameters
	}
	return nil
}

// check refuses what the query says wrongly of a parameter.
func (p parameter) check(values []string) error {
	wrong := func(words string) error {
		return &Problem{Status: http.StatusBadRequest, Code: "invalid_parameter", Field: p.name, Detail: words}
	}
	if p.required && (len(values) == 0 || strings.TrimSpace(values[0]) == "") {
		return wrong(fmt.Sprintf("the parameter %s is needed", p.name))
	}
	if p.values == nil || len(values) == 0 || slices.Contains(p.values, values[0]) {
		return nil
	}
	return wrong(fmt.Sprintf("%s is %q; it must be one of %s", p.name, values[0], strings.Join(p.values, ", ")))
}

// stream lets a route work whose body is taken in as it comes. Nobody can tell
// whether a second body is the same before it was read, so such a call cannot be
// named to be made once.
func (s *Server) stream(w http.ResponseWriter, request *http.Request, r route, c *call) {
	if request.Header.Get(idempotencyHeader) != "" {
		s.refuse(w, request, &Problem{Status: http.StatusBadRequest, Code: "invalid_idempotency_key",
			Detail: "an upload takes no " + idempotencyHeader + "; leave it out: the same file imported again changes nothing"})
		return
	}
	if kind, _, _ := mime.ParseMediaType(request.Header.Get("Content-Type")); strings.HasPrefix(kind, "multipart/") {
		s.refuse(w, request, &Problem{Status: http.StatusUnsupportedMediaType, Code: "not_a_file",
			Detail: "the body must be the file itself, not a form: curl -X POST -T FILE"})
		return
	}
	if request.ContentLength > s.uploadLimit {
		s.refuse(w, request, &http.MaxBytesError{Limit: s.uploadLimit})
		return
	}
	c.body = &Upload{content: &steadyReader{request.Body, http.NewResponseController(w)}, limit: s.uploadLimit}
	s.work(w, request, r, c)
	if request.Context().Err() != nil { // it broke off, and whoever still listens must not read silence as done
		panic(http.ErrAbortHandler)
	}
}

// steadyReader gives the caller more time with everything that it sends.
type steadyReader struct {
	io.Reader
	control *http.ResponseController
}

func (r *steadyReader) Read(p []byte) (int, error) {
	// Not every ResponseWriter has deadlines; those of net/http have.
	_ = r.control.SetReadDeadline(time.Now().Add(readWithin))
	_ = r.control.SetWriteDeadline(time.Now().Add(2 * readWithin))
	return r.Reader.Read(p)
}

// addImport stores a file of contacts and has it imported.
func addImport(c *call) (any, error) {
	query, upload := c.URL.Query(), c.body.(*Upload)
	o := service.ImportOptions{List: query.Get("list"), Status: intake.Status(query.Get("status")), Rule: postgres.MergeRule(query.Get("known")),
		Consent: query.Get("consent"), DryRun: query.Get("dry_run") == "true", Encoding: query.Get("encoding"), Limit: upload.limit}
	if o.Encoding != "" {
		if _, err := intake.ParseEncoding(o.Encoding); err != nil {
			return nil, &Problem{Status: http.StatusBadRequest, Code: "invalid_parameter", Field: "encoding", Detail: err.Error()}
		}
	}
	var err error
	if o.Map, err = readMap(query["map"]); err != nil {
		return nil, err
	}
	name := query.Get("name")
	if name == "" {
		name = "upload"
	}
	id, err := c.service.Upload(c.Context(), name, upload.content, o)
	if err != nil {
		return nil, err
	}
	stored, err := c.service.Store.Import(c.Context(), id)
	if err != nil {
		return nil, err
	}
	return newImport(c.service, stored)
}

// readMap reads which column each field is taken from.
func readMap(pairs []string) (map[string]string, error) {
	chosen := make(map[string]string)
	for _, pair := range pairs {
		field, heading, _ := strings.Cut(pair, "=")
		_, twice := chosen[field]
		if field == "" || heading == "" || twice {
			return nil, &Problem{Status: http.StatusBadRequest, Code: "invalid_parameter", Field: "map",
				Detail: fmt.Sprintf("map is %q; it must be field=Heading, each field once", pair)}
		}
		chosen[field] = heading
	}
	return chosen, nil
}
