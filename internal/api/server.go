package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// Prefix is where the API is mounted.
const Prefix = "/api/v1"

// Config is what the API works with.
type Config struct {
	// Service does what programs ask for.
	Service *service.Service
	// Log takes what went wrong behind a problem of status 500. Defaults to
	// slog.Default().
	Log *slog.Logger
}

// Server answers calls to the API. Its methods may be called by many
// goroutines.
type Server struct {
	service  *service.Service
	log      *slog.Logger
	failures *throttle
	mux      *http.ServeMux
	document []byte // the OpenAPI description

	uploadLimit int64 // bytes of a file of contacts
}

// New returns the API of a service.
func New(c Config) (*Server, error) {
	if c.Service == nil {
		return nil, errors.New("the API needs a service")
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	s := &Server{service: c.Service, log: c.Log, failures: newThrottle(), mux: http.NewServeMux(), uploadLimit: service.UploadLimit}
	all := routes()
	document, err := json.MarshalIndent(describe(all), "", "  ")
	if err != nil {
		return nil, err
	}
	s.document = append(document, '\n')
	for _, r := range all {
		s.mux.HandleFunc(r.method+" "+Prefix+r.path, func(w http.ResponseWriter, request *http.Request) {
			s.serve(w, request, r)
		})
	}
	s.mux.HandleFunc("GET "+Prefix+"/openapi.json", s.describe)
	return s, nil
}

// ServeHTTP answers a call below [Prefix].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		switch cause := recover(); cause {
		case nil:
		case http.ErrAbortHandler:
			panic(cause) // an answer that broke off must not look complete
		default:
			s.refuse(w, r, fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
		}
	}()
	h, pattern := s.mux.Handler(r)
	if pattern != "" {
		s.mux.ServeHTTP(w, r)
		return
	}
	refusal := &statusOnly{header: http.Header{}}
	h.ServeHTTP(refusal, r)
	if refusal.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", refusal.header.Get("Allow"))
		s.refuse(w, r, &Problem{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed",
			Detail: "this address takes " + refusal.header.Get("Allow")})
		return
	}
	s.refuse(w, r, &Problem{Status: http.StatusNotFound, Code: "no_such_address",
		Detail: "there is nothing at " + r.URL.Path + "; " + Prefix + "/openapi.json lists all addresses"})
}

// statusOnly keeps what a handler says about a call and drops its words.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) WriteHeader(status int)      { s.status = status }
func (s *statusOnly) Write(p []byte) (int, error) { return len(p), nil }

// describe serves the OpenAPI document. It tells nothing about this
// installation and needs no token.
func (s *Server) describe(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(s.document) // a caller who hung up misses nothing
}

// call is one call that was let in.
type call struct {
	*http.Request
	service *service.Service
	token   postgres.APIToken
	page    page
	body    any // pointer to a value of the route's body type; nil without one
	now     time.Time
}

// actor is who makes the call, for the audit log.
func (c *call) actor() service.Actor { return service.Actor{Name: c.token.Name, Door: service.API} }

// serve answers one call of a route.
func (s *Server) serve(w http.ResponseWriter, request *http.Request, r route) {
	c := &call{Request: request, service: s.service, now: time.Now()}
	var err error
	if c.token, err = s.authenticate(request, r.scope); err != nil {
		s.refuse(w, request, err)
		return
	}
	if c.page, err = readQuery(request.URL.Query(), r); err != nil {
		s.refuse(w, request, err)
		return
	}
	if r.streams() {
		s.stream(w, request, r, c)
		return
	}
	raw, err := readBody(w, request, r)
	if err != nil {
		s.refuse(w, request, err)
		return
	}
	key := request.Header.Get(idempotencyHeader)
	if r.method == http.MethodGet || key == "" {
		s.answer(w, request, r, c, raw)
		return
	}
	s.once(w, request, r, c, raw, key)
}

// answer decodes the body and lets the route work.
func (s *Server) answer(w http.ResponseWriter, request *http.Request, r route, c *call, raw []byte) {
	var err error
	if c.body, err = decodeBody(raw, r.body); err != nil {
		s.refuse(w, request, err)
		return
	}
	s.work(w, request, r, c)
}

// work lets the route work and writes what it returns.
func (s *Server) work(w http.ResponseWriter, request *http.Request, r route, c *call) {
	value, err := r.serve(c)
	if err != nil {
		s.refuse(w, request, err)
		return
	}
	if file, ok := value.(CSV); ok {
		s.download(w, request, file)
		return
	}
	written, err := json.Marshal(value)
	if err != nil {
		s.refuse(w, request, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(written, '\n')) // a caller who hung up misses nothing
}
