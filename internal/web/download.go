package web

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/listhygiene/intake"
)

// downloadLength is how many rows are read at a time.
const downloadLength = 5000

// downloadRecipients sends the recipients of a campaign as CSV, however many
// they are, with cells that no spreadsheet takes for formulas.
func (s *Server) downloadRecipients(w http.ResponseWriter, r *http.Request, id int64, state campaign.DeliveryState) error {
	snapshot, err := s.snapshots.take(r.Context(), id)
	if err != nil {
		return err
	}
	counted := snapshot.Campaign.Settings.Tracking
	name := fmt.Sprintf("campaign-%d-recipients.csv", id)
	if state != "" {
		name = fmt.Sprintf("campaign-%d-%s.csv", id, state)
	}
	beginDownload(w, name)
	rows := intake.NewWriter(movingWriter{w})
	err = rows.Write([]string{"address", "state", "attempts", "provider", "code", "class", "reply", "updated_at",
		"first_click_at", "clicks", "opens", "clicks_by_programs", "opens_by_programs"})
	for after := int64(0); err == nil; {
		var found int
		found, after, err = s.writeRecipients(r, rows, id, state, after, counted)
		if err == nil && found < downloadLength {
			break
		}
	}
	if err == nil {
		err = rows.Flush()
	}
	s.endDownload(r, err)
	return nil
}

// writeRecipients writes the recipients after a contact, and returns how many
// they were and the last of them. What people did stands apart from what programs
// did in their name; a cell is empty where nothing is counted.
func (s *Server) writeRecipients(r *http.Request, rows *intake.Writer, id int64, state campaign.DeliveryState, after int64, counted campaign.Tracking) (int, int64, error) {
	found, err := s.service.Store.EngagedRecipients(r.Context(), id, state, after, downloadLength)
	if err != nil {
		return 0, after, err
	}
	for _, f := range found {
		code := ""
		if f.Code != 0 {
			code = strconv.Itoa(f.Code)
		}
		err := rows.Write([]string{f.Address, string(f.State), strconv.Itoa(f.Attempts), f.Provider, code, f.Class,
			f.Reply, f.UpdatedAt.UTC().Format(time.RFC3339), timeCell(f.ClickedAt), timesCell(f.Clicks, counted.Clicks), timesCell(f.Opens, counted.Opens),
			timesCell(f.ProgramClicks, counted.Clicks), timesCell(f.ProgramOpens, counted.Opens)})
		if err != nil {
			return 0, after, err
		}
		after = f.Contact
	}
	return len(found), after, nil
}

// timeCell is a time that there may not be.
func timeCell(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// timesCell is how often something was done; empty where that is not counted, and
// was not while the campaign still counted it.
func timesCell(n int64, counted bool) string {
	if n == 0 && !counted {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// beginDownload says that a CSV file follows.
func beginDownload(w http.ResponseWriter, name string) {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
}

// movingWriter gives the browser time anew with every part of a long answer.
type movingWriter struct{ http.ResponseWriter }

func (w movingWriter) Write(p []byte) (int, error) {
	// Not every ResponseWriter has deadlines; those of net/http have.
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(answerWithin))
	return w.ResponseWriter.Write(p)
}

// endDownload breaks the connection when a download failed half-way: a file
// that lacks rows must not look complete.
func (s *Server) endDownload(r *http.Request, err error) {
	if err == nil {
		return
	}
	if r.Context().Err() == nil {
		s.log.Error("a download broke off", "path", r.URL.Path, "error", err)
	}
	panic(http.ErrAbortHandler)
}
