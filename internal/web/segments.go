package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/listhygiene/segment"
)

// segmentsView is the index of segments.
type segmentsView struct {
	Own, BuiltIn []segmentLine
	Running      bool // some are being counted
}

// segmentLine is one segment with what it asks.
type segmentLine struct {
	postgres.Segment
	Words   string
	Purpose string // of one that is built in
	Counted string // when; empty before the first count
}

func (s *Server) listSegments(w http.ResponseWriter, r *http.Request) error {
	view, err := s.segmentLines(r.Context())
	if err != nil {
		return err
	}
	f := frame{Title: "Segments", Section: "segments", Page: view}
	if view.Running {
		f.Live = "/segments/live"
	}
	return s.render(w, r, http.StatusOK, "segments", f)
}

// segmentsLive brings the figures once they are counted.
func (s *Server) segmentsLive(w http.ResponseWriter, r *http.Request) error {
	return s.live(w, r, "segments", func(ctx context.Context) ([]byte, bool, error) {
		view, err := s.segmentLines(ctx)
		if err != nil {
			return nil, false, err
		}
		fragment, err := s.draw("segments", "live", view)
		return fragment, !view.Running, err
	})
}

// segmentLines are all segments with their counts. Where counting takes a while
// one is counted after the other, and those counted before are shown meanwhile.
func (s *Server) segmentLines(ctx context.Context) (view segmentsView, err error) {
	found, err := s.service.Store.Segments(ctx)
	if err != nil {
		return view, err
	}
	for _, g := range found {
		if !view.Running {
			held, err := s.service.SegmentFigures(ctx, g, figureWait)
			if err != nil {
				return view, err
			}
			view.Running = held.Running
			if held.Known {
				g.Count, g.CountedAt = held.Value.Count, held.At
			}
		}
		line := segmentLine{Segment: g, Words: capital(g.Rule.Words()), Purpose: segment.Purpose(g.BuiltIn)}
		if !g.CountedAt.IsZero() {
			line.Counted = moment(g.CountedAt, time.Now()) + " UTC"
		}
		if g.BuiltIn != "" {
			view.BuiltIn = append(view.BuiltIn, line)
		} else {
			view.Own = append(view.Own, line)
		}
	}
	return view, nil
}

// segmentView is the page that edits a segment. It works without scripts: each
// button sends the whole form.
type segmentView struct {
	ID      int64
	Name    string
	Purpose string // of one that is built in, which cannot be changed
	Rule    segment.Segment
	Groups  []segmentGroup // the outermost first
	Problem string
	Names   []string // fields that contacts have
	Values  []choice // what conditions are often compared with, and what that is
	Count   int64
	First   []postgres.Found
	Counted freshness // both
}

type segmentGroup struct {
	Number     int
	Any        bool
	Conditions []segmentCondition
}

type segmentCondition struct {
	Number   int
	Group    int
	Subjects []choice
	Ops      []choice
	Name     string
	Value    string
}

// segmentOps are all operators in the order in which they are offered.
var segmentOps = []segment.Operator{segment.Is, segment.IsNot, segment.Contains, segment.Begins, segment.Filled, segment.Empty,
	segment.Within, segment.NotWithin}

func newSegmentGroup(number int, g segment.Group) segmentGroup {
	view := segmentGroup{Number: number, Any: g.Match == segment.Any}
	for i, c := range g.Conditions {
		row := segmentCondition{Number: i, Group: number, Name: c.Name, Value: c.Value}
		for _, s := range segment.Subjects() {
			row.Subjects = append(row.Subjects, choice{string(s), s.Words(), s == c.Subject})
		}
		for _, o := range segmentOps {
			row.Ops = append(row.Ops, choice{string(o), o.Words(), o == c.Op})
		}
		view.Conditions = append(view.Conditions, row)
	}
	return view
}

func (s *Server) renderSegment(w http.ResponseWriter, r *http.Request, status int, view segmentView) error {
	view.Groups = []segmentGroup{newSegmentGroup(0, view.Rule.Group)}
	for i, inner := range view.Rule.Groups {
		view.Groups = append(view.Groups, newSegmentGroup(i+1, inner))
	}
	var err error
	if view.Names, view.Values, err = s.segmentHints(r.Context()); err != nil {
		return err
	}
	title := view.Name
	if title == "" {
		title = "A new segment"
	}
	f := frame{Title: title, Section: "segments", Page: view}
	if view.Counted.Running {
		f.Live = fmt.Sprintf("/segments/%d/live", view.ID)
	}
	return s.render(w, r, status, "segment", f)
}

// blankCondition is what a new condition asks at first.
var blankCondition = segment.Condition{Subject: segment.Field, Op: segment.Is}

func (s *Server) newSegment(w http.ResponseWriter, r *http.Request) error {
	view := segmentView{Rule: segment.Segment{Group: segment.Group{Match: segment.All, Conditions: []segment.Condition{blankCondition}}}}
	if text := r.URL.Query().Get("copy"); text != "" {
		id, err := idOf(text)
		if err != nil {
			return err
		}
		from, err := s.service.Store.Segment(r.Context(), id)
		if err != nil {
			return err
		}
		view.Name, view.Rule = from.Name+" (copy)", from.Rule
	}
	return s.renderSegment(w, r, http.StatusOK, view)
}

func (s *Server) showSegment(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	found, err := s.service.Store.Segment(r.Context(), id)
	if err != nil {
		return err
	}
	view := segmentView{ID: id, Name: found.Name, Purpose: segment.Purpose(found.BuiltIn), Rule: found.Rule}
	if err := s.countSegment(r.Context(), found, &view); err != nil {
		return err
	}
	return s.renderSegment(w, r, http.StatusOK, view)
}

// segmentLive brings the figures once they are counted.
func (s *Server) segmentLive(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	found, err := s.service.Store.Segment(r.Context(), id)
	if err != nil {
		return err
	}
	return s.live(w, r, fmt.Sprintf("segment %d", id), func(ctx context.Context) ([]byte, bool, error) {
		view := segmentView{ID: id, Name: found.Name, Rule: found.Rule}
		if err := s.countSegment(ctx, found, &view); err != nil {
			return nil, false, err
		}
		fragment, err := s.draw("segment", "live", view)
		return fragment, !view.Counted.Running, err
	})
}

// countSegment shows whom a segment holds, of many contacts as it was counted last.
func (s *Server) countSegment(ctx context.Context, g postgres.Segment, view *segmentView) error {
	held, err := s.service.SegmentFigures(ctx, g, figureWait)
	view.Count, view.First, view.Counted = held.Value.Count, held.Value.First, newFreshness(held.At, held.Running)
	return err
}

// changeSegment takes the form: with the button "save" it keeps the segment,
// with another it shows the form again with a condition or group more or less.
func (s *Server) changeSegment(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errBadForm
	}
	view := segmentView{Name: strings.TrimSpace(r.PostForm.Get("name")), Rule: readSegmentForm(r)}
	var err error
	if text := r.PostForm.Get("id"); text != "" {
		if view.ID, err = idOf(text); err != nil {
			return err
		}
	}
	do, place, _ := strings.Cut(r.PostForm.Get("do"), ":")
	if do != "save" {
		changeRule(&view.Rule, do, place)
		return s.renderSegment(w, r, http.StatusOK, view)
	}
	id, err := s.service.SaveSegment(r.Context(), view.ID, view.Name, view.Rule)
	if errors.Is(err, service.ErrSegment) || errors.Is(err, postgres.ErrExists) || errors.Is(err, postgres.ErrBuiltIn) {
		view.Problem = capital(err.Error()) + "."
		return s.renderSegment(w, r, http.StatusUnprocessableEntity, view)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, fmt.Sprintf("/segments/%d", id), http.StatusSeeOther)
	return nil
}

// readSegmentForm reads the groups and conditions of the form. What is wrong
// with them is found when they are kept.
func readSegmentForm(r *http.Request) segment.Segment {
	var groups []segment.Group
	for g := range segment.MostConditions {
		match := r.PostForm.Get(fmt.Sprintf("match-%d", g))
		if match == "" {
			break
		}
		group := segment.Group{Match: segment.Match(match)}
		for c := range segment.MostConditions {
			field := func(name string) string {
				return strings.TrimSpace(r.PostForm.Get(fmt.Sprintf("%s-%d-%d", name, g, c)))
			}
			if field("subject") == "" {
				break
			}
			condition := segment.Condition{Subject: segment.Subject(field("subject")), Op: segment.Operator(field("op")), Value: field("value")}
			if condition.Subject == segment.Field {
				condition.Name = field("name")
			}
			group.Conditions = append(group.Conditions, condition)
		}
		groups = append(groups, group)
	}
	if len(groups) == 0 {
		return segment.Segment{Group: segment.Group{Match: segment.All}}
	}
	rule := segment.Segment{Group: groups[0]}
	rule.Groups = groups[1:]
	return rule
}

// changeRule does what a button of the form says: add:GROUP, group, or
// remove:GROUP-CONDITION. A group that loses its last condition goes with it.
func changeRule(rule *segment.Segment, do, place string) {
	groupText, conditionText, _ := strings.Cut(place, "-")
	g, _ := strconv.Atoi(groupText)
	c, _ := strconv.Atoi(conditionText)
	if do == "group" {
		rule.Groups = append(rule.Groups, segment.Group{Match: segment.Any, Conditions: []segment.Condition{blankCondition}})
		return
	}
	group := &rule.Group
	if g > 0 {
		if g > len(rule.Groups) {
			return
		}
		group = &rule.Groups[g-1]
	}
	switch {
	case do == "add":
		group.Conditions = append(group.Conditions, blankCondition)
	case do == "remove" && c >= 0 && c < len(group.Conditions):
		group.Conditions = slices.Delete(group.Conditions, c, c+1)
		if g > 0 && len(group.Conditions) == 0 {
			rule.Groups = slices.Delete(rule.Groups, g-1, g)
		}
	}
}

func (s *Server) deleteSegment(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	err = s.service.Store.DeleteSegment(r.Context(), id)
	if errors.Is(err, postgres.ErrBuiltIn) {
		return &refusal{Status: http.StatusConflict, Title: "This segment comes with Headway", Words: "It stays where it is. Nothing uses it until a campaign names it."}
	}
	if errors.Is(err, postgres.ErrInUse) {
		return &refusal{Status: http.StatusConflict, Title: "This segment is in use", Words: "A campaign names it, and its report needs it."}
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/segments", http.StatusSeeOther)
	return nil
}
