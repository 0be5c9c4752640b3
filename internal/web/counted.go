package web

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/headwaymail/headway/campaign/engagement"
	"github.com/headwaymail/headway/campaign/token"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

var visitCount = promauto.NewCounterVec(prometheus.CounterOpts{
	Name: "headway_visits_total",
	Help: "Counted links that were followed and images that were loaded, by kind and by whether there was room to count them.",
}, []string{"kind", "counted"})

// pixel is a GIF of one transparent point.
const pixel = "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"

// saidLimit is how many bytes of a header are looked at to tell a person from a
// program.
const saidLimit = 300

// follow counts the use of a link and goes on to its page. What the request says
// is never part of where it goes: the page stands in the database, under the
// campaign and the number that the token names.
func (s *Server) follow(w http.ResponseWriter, r *http.Request) error {
	claims, target, err := s.service.FollowLink(r.Context(), s.tokens, r.PathValue("token"))
	if errors.Is(err, service.ErrNoSuchLink) {
		return errNoLink
	}
	if err != nil {
		return err
	}
	s.visited(r, engagement.Click, claims)
	h := w.Header()
	h.Set("Location", target)
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusFound)
	return nil
}

// countOpen counts that an image was loaded. Nothing keeps it, so that it is
// asked for again the next time.
func (s *Server) countOpen(w http.ResponseWriter, r *http.Request) error {
	claims, err := s.service.OpenedMessage(s.tokens, r.PathValue("token"))
	if err != nil {
		return errNoLink
	}
	s.visited(r, engagement.Open, claims)
	h := w.Header()
	h.Set("Content-Type", "image/gif")
	h.Set("Content-Length", strconv.Itoa(len(pixel)))
	h.Set("Cache-Control", "no-store, no-cache, must-revalidate, private, max-age=0")
	h.Set("Pragma", "no-cache")
	h.Set("Expires", "0")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // web mail shows it on pages of its own
	_, _ = w.Write([]byte(pixel))                         // a visitor who hung up misses nothing
	return nil
}

// visited hands a visit to those who count. It does not wait for them.
func (s *Server) visited(r *http.Request, kind engagement.Kind, claims token.Claims) {
	if s.visits == nil {
		return
	}
	said := func(name string) string { // a copy: the whole header would be kept with it
		value := r.Header.Get(name)
		return strings.Clone(value[:min(len(value), saidLimit)])
	}
	var purpose []string
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		if value := said(name); value != "" {
			purpose = append(purpose, value)
		}
	}
	counted := s.visits.Note(postgres.Touch{Campaign: claims.Campaign, Contact: claims.Contact}, engagement.Visit{Kind: kind, Link: int(claims.Link),
		At: time.Now(), Method: strings.Clone(r.Method), Agent: said("User-Agent"), Purpose: strings.Join(purpose, ", ")})
	visitCount.WithLabelValues(string(kind), strconv.FormatBool(counted)).Inc()
}
