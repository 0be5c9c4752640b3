package web

import (
	"context"
	"strconv"

	"github.com/headwaymail/headway/listhygiene/segment"
)

// segmentHintsMost bounds the hints of each kind.
const segmentHintsMost = 50

// segmentHints are the names and values that the form of a segment offers while
// somebody types: fields that contacts have, lists, statuses, verdicts, and the
// last campaigns by their numbers.
func (s *Server) segmentHints(ctx context.Context) (names []string, values []choice, err error) {
	fields, err := s.service.MergeFields(ctx, 0)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range fields[:min(len(fields), segmentHintsMost)] {
		names = append(names, f.Name)
	}
	lists, err := s.service.Store.ListIndex(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, l := range lists[:min(len(lists), segmentHintsMost)] {
		values = append(values, choice{Value: l.Name, Words: "a list"})
	}
	for _, subject := range []segment.Subject{segment.Status, segment.Verdict} {
		for _, value := range subject.Values() {
			values = append(values, choice{Value: value, Words: "a " + string(subject)})
		}
	}
	sent, err := s.received(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range sent {
		values = append(values, choice{Value: c.Value, Words: "campaign " + strconv.Quote(c.Words)})
	}
	return names, values, nil
}
