package web

import (
	"net/http"
	"time"

	"github.com/headwaymail/headway/internal/service"
)

// repliesView is what the servers of all providers said.
type repliesView struct {
	At      time.Time
	Spans   []choice
	Words   string // of the span
	Unknown []unknownReply
	Groups  []allReplies
}

// unknownReply is a text that no rule knows.
type unknownReply struct {
	service.UnknownReply
	When string
}

type allReplies struct {
	Provider int64
	replyGroup
}

// replySpans are how far back the page looks.
var replySpans = []struct {
	value, words string
	span         time.Duration
}{{"24h", "the last 24 hours", 24 * time.Hour}, {"7d", "the last 7 days", 7 * 24 * time.Hour}}

const (
	unknownLines  = 50
	allReplyLines = 100
)

func (s *Server) listReplies(w http.ResponseWriter, r *http.Request) error {
	view := repliesView{At: time.Now()}
	span := replySpans[0]
	for _, one := range replySpans {
		if one.value == r.URL.Query().Get("for") {
			span = one
		}
	}
	for _, one := range replySpans {
		view.Spans = append(view.Spans, choice{one.value, capital(one.words), one.value == span.value})
	}
	view.Words = span.words
	unknown, err := s.service.UnknownReplies(r.Context(), view.At.Add(-span.span))
	if err != nil {
		return err
	}
	for _, u := range unknown[:min(len(unknown), unknownLines)] {
		view.Unknown = append(view.Unknown, unknownReply{u, stamp(u.Last)})
	}
	groups, err := s.service.Store.AllReplies(r.Context(), view.At.Add(-span.span), allReplyLines)
	if err != nil {
		return err
	}
	for _, g := range groups {
		view.Groups = append(view.Groups, allReplies{g.ProviderID, newReplyGroup(g.ReplyGroup)})
	}
	return s.render(w, r, http.StatusOK, "replies", frame{Title: "Replies", Section: "replies", Page: view})
}
