package web

import (
	"context"
	"net/http"
	"time"

	"github.com/headwaymail/headway/internal/service"
)

// repliesView is what the servers of all providers said.
type repliesView struct {
	Span    string
	Spans   []choice
	Words   string // of the span
	Counted freshness
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
	view, err := s.repliesNow(r.Context(), r.URL.Query().Get("for"))
	if err != nil {
		return err
	}
	f := frame{Title: "Replies", Section: "replies", Page: view}
	if view.Counted.Running {
		f.Live = "/replies/live?for=" + view.Span
	}
	return s.render(w, r, http.StatusOK, "replies", f)
}

// repliesLive brings the replies once they are counted.
func (s *Server) repliesLive(w http.ResponseWriter, r *http.Request) error {
	span := r.URL.Query().Get("for")
	first, err := s.repliesNow(r.Context(), span)
	if err != nil {
		return err
	}
	return s.live(w, r, "replies "+first.Span, func(ctx context.Context) ([]byte, bool, error) {
		view, err := s.repliesNow(ctx, span)
		if err != nil {
			return nil, false, err
		}
		fragment, err := s.draw("replies", "live", view)
		return fragment, !view.Counted.Running, err
	})
}

// repliesNow is the page of a span; of the first one when there is none like it.
func (s *Server) repliesNow(ctx context.Context, value string) (repliesView, error) {
	span := replySpans[0]
	for _, one := range replySpans {
		if one.value == value {
			span = one
		}
	}
	view := repliesView{Span: span.value, Words: span.words}
	for _, one := range replySpans {
		view.Spans = append(view.Spans, choice{one.value, capital(one.words), one.value == span.value})
	}
	all, err := s.service.AllReplies(ctx, span.span, allReplyLines, figureWait)
	if err != nil {
		return view, err
	}
	view.Counted = newFreshness(all.At, all.Running)
	for _, u := range all.Value.Unknown[:min(len(all.Value.Unknown), unknownLines)] {
		view.Unknown = append(view.Unknown, unknownReply{u, stamp(u.Last)})
	}
	for _, g := range all.Value.Groups {
		view.Groups = append(view.Groups, allReplies{g.ProviderID, newReplyGroup(g.ReplyGroup)})
	}
	return view, nil
}
