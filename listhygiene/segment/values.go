package segment

import (
	"fmt"
	"slices"
	"strings"

	"github.com/headwaymail/headway/listhygiene"
)

// Values returns what a subject can be compared with where that is a fixed set;
// nil for any other.
func (s Subject) Values() []string {
	switch s {
	case Status:
		return []string{string(listhygiene.StatusActive), string(listhygiene.StatusUnconfirmed), string(listhygiene.StatusUnsubscribed),
			string(listhygiene.StatusCleaned), string(listhygiene.StatusComplained)}
	case Verdict:
		var values []string
		for _, v := range listhygiene.Verdicts() {
			values = append(values, string(v))
		}
		return values
	}
	return nil
}

// Each calls use with every condition, until it returns an error.
func (s Segment) Each(use func(Condition) error) error {
	for _, g := range append([]Group{s.Group}, s.Groups...) {
		for _, c := range g.Conditions {
			if err := use(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// CheckValues refuses what can be asked and never holds, such as a verdict that
// does not exist. [Segment.Check] lets it pass, so that a segment that was kept
// once can always be asked. The error is for the person who wrote it.
func (s Segment) CheckValues() error {
	return s.Each(func(c Condition) error {
		values := c.Subject.Values()
		if values == nil || slices.Contains(values, strings.ToLower(c.Value)) {
			return nil
		}
		return fmt.Errorf("%q is no %s; there are: %s", c.Value, c.Subject, strings.Join(values, ", "))
	})
}
