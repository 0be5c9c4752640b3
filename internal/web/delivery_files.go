package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/listhygiene/intake"
)

// reportPatience is how long a file waits for figures that take a while.
const reportPatience = 2 * time.Minute

// wholeDelivery is the report of a request with all its lines, however long it
// takes to count them.
func (s *Server) wholeDelivery(w http.ResponseWriter, r *http.Request) (deliveryView, error) {
	until := time.Now().Add(reportPatience)
	// Not every ResponseWriter has deadlines; those of net/http have.
	_ = http.NewResponseController(w).SetWriteDeadline(until.Add(answerWithin))
	return s.delivery(service.WithPatience(r.Context(), until), r.URL.Query())
}

// downloadDelivery sends the report for a spreadsheet.
func (s *Server) downloadDelivery(w http.ResponseWriter, r *http.Request) error {
	view, err := s.wholeDelivery(w, r)
	if err != nil {
		return err
	}
	first := "provider"
	if view.Domains {
		first = "domain"
	}
	beginDownload(w, "delivery-by-"+first+".csv")
	rows := intake.NewWriter(movingWriter{w})
	err = rows.Write([]string{first, "provider_of_domain", "recipients", "delivered", "queued", "deferred", "bounced_hard", "bounced_soft", "expired", "suppressed",
		"cancelled", "in_doubt", "complaints", "accepted_first", "median_seconds", "p95_seconds", "bounce_health", "complaint_health"})
	for _, l := range view.Lines {
		if err != nil {
			break
		}
		n := l.Counters
		row := []string{l.Name, l.Provider}
		for _, figure := range []int64{n.Targeted, n.Delivered, n.Queued, n.Deferred, l.Hard, l.Soft, n.Expired, n.Suppressed, n.Cancelled, n.InDoubt, l.Complaints, n.AcceptedFirst} {
			row = append(row, strconv.FormatInt(figure, 10))
		}
		err = rows.Write(append(row, decimal(l.Median), decimal(l.P95), l.Bounces.String(), l.Complained.String()))
	}
	if err == nil {
		err = rows.Flush()
	}
	s.endDownload(r, err)
	return nil
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }

// deliveryJSON sends the report for a program.
func (s *Server) deliveryJSON(w http.ResponseWriter, r *http.Request) error {
	view, err := s.wholeDelivery(w, r)
	if err != nil {
		return err
	}
	lines := view.Lines
	if lines == nil {
		lines = []deliveryLine{}
	}
	return writeJSON(w, struct {
		Counted time.Time      `json:"counted_at"`
		Span    string         `json:"span"`
		Lines   []deliveryLine `json:"lines"`
	}{view.Counted.At, view.Words, lines})
}
