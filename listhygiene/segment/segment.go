// Package segment says which contacts a saved filter holds.
//
//  1. A [Segment] is a [Group] of conditions of which all or any must hold, with
//     further groups inside, one level deep;
//  2. a [Condition] asks one thing of a contact: a field, the status, the
//     verdict, a list, the domain or provider, a campaign received, how long ago
//     something was delivered, clicked or opened or the contact became known;
//  3. [Segment.Check] refuses what cannot be asked, with the condition and what
//     to write instead; [Segment.Words] says the filter in words.
//
// It stands between hygiene and the audience of a campaign. It holds no SQL and
// counts nobody: internal/postgres compiles it to a statement with bound values,
// and a campaign is filled by the rule as it stood at its launch.
package segment

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Match says how many conditions of a group must hold.
type Match string

// The ways to match.
const (
	All Match = "all"
	Any Match = "any"
)

// Subject is what a condition asks about.
type Subject string

// The subjects.
const (
	Field     Subject = "field"     // of the contact, by name
	Status    Subject = "status"    // active, unconfirmed, unsubscribed, cleaned, complained
	Verdict   Subject = "verdict"   // of verification
	List      Subject = "list"      // subscribed to it, by name
	Domain    Subject = "domain"    // of the address
	Provider  Subject = "provider"  // who takes the mail, by name or key
	Received  Subject = "received"  // a campaign, by number: it was delivered
	Delivered Subject = "delivered" // anything in the last so many days
	Clicked   Subject = "clicked"   // a person used a link in the last so many days
	Opened    Subject = "opened"    // a person opened a message in the last so many days, as far as that can be told
	Known     Subject = "known"     // became known in the last so many days
)

// Operator is how a condition compares.
type Operator string

// The operators.
const (
	Is        Operator = "is"
	IsNot     Operator = "is_not"
	Contains  Operator = "contains" // in any case of letters
	Begins    Operator = "begins"   // in any case of letters
	Filled    Operator = "filled"
	Empty     Operator = "empty"
	Within    Operator = "within"     // the last so many days
	NotWithin Operator = "not_within" // not in the last so many days, or never
)

// Condition asks one thing.
type Condition struct {
	Subject Subject  `json:"subject"`
	Name    string   `json:"name,omitempty"` // of the field
	Op      Operator `json:"op"`
	Value   string   `json:"value,omitempty"`
}

// Group is conditions of which all or any must hold. Only the outermost has
// groups inside.
type Group struct {
	Match      Match       `json:"match"`
	Conditions []Condition `json:"conditions,omitempty"`
	Groups     []Group     `json:"groups,omitempty"`
}

// Segment is the outermost group.
type Segment struct{ Group }

const (
	// MostConditions bounds a segment: each costs a look at every contact.
	MostConditions = 30
	maxValue       = 200  // characters of a value or the name of a field
	maxDays        = 3650 // days that can be looked back
)

// operators say what can be asked of each subject.
var operators = map[Subject][]Operator{
	Field:  {Is, IsNot, Contains, Begins, Filled, Empty},
	Status: {Is, IsNot}, Verdict: {Is, IsNot}, List: {Is, IsNot}, Domain: {Is, IsNot}, Provider: {Is, IsNot}, Received: {Is, IsNot},
	Delivered: {Within, NotWithin}, Clicked: {Within, NotWithin}, Opened: {Within, NotWithin}, Known: {Within, NotWithin},
}

// Subjects returns every subject in the order in which it is offered.
func Subjects() []Subject {
	return []Subject{Field, Status, Verdict, List, Domain, Provider, Received, Delivered, Clicked, Opened, Known}
}

// Operators returns what can be asked of a subject; nothing of one that is not
// known.
func (s Subject) Operators() []Operator { return operators[s] }

var words = map[string]string{
	"field": "the field", "status": "the status", "verdict": "the verdict", "list": "on the list", "domain": "the domain",
	"provider": "the provider", "received": "received the campaign", "delivered": "something was delivered", "clicked": "clicked a link", "opened": "opened a message", "known": "became known",
	"is": "is", "is_not": "is not", "contains": "contains", "begins": "begins with", "filled": "is filled in", "empty": "is empty",
	"within": "in the last days", "not_within": "not in the last days",
}

// negated says of these subjects what the opposite asks.
var negated = map[Subject]string{
	Delivered: "nothing was delivered in the last %s days", Clicked: "clicked no link in the last %s days", Opened: "opened no message in the last %s days",
	Known: "known for more than %s days", List: "not on the list %s", Received: "did not receive the campaign %s",
}

// Words names the subject.
func (s Subject) Words() string { return words[string(s)] }

// Words names the operator.
func (o Operator) Words() string { return words[string(o)] }

// Words says the condition as part of a sentence.
func (c Condition) Words() string {
	switch c.Subject {
	case Field:
		return strings.TrimSpace(fmt.Sprintf("%s %s %s", c.Name, c.Op.Words(), c.Value))
	case Delivered, Clicked, Opened, Known, List, Received:
		if no, ok := negated[c.Subject]; ok && (c.Op == NotWithin || c.Op == IsNot) {
			return fmt.Sprintf(no, c.Value)
		}
		if c.Op == Is {
			return fmt.Sprintf("%s %s", c.Subject.Words(), c.Value)
		}
		return fmt.Sprintf("%s in the last %s days", c.Subject.Words(), c.Value)
	}
	return fmt.Sprintf("%s %s %s", c.Subject.Words(), c.Op.Words(), c.Value)
}

// Words says what the group asks.
func (g Group) Words() string {
	var parts []string
	for _, c := range g.Conditions {
		parts = append(parts, c.Words())
	}
	for _, inner := range g.Groups {
		parts = append(parts, "("+inner.Words()+")")
	}
	joint := " and "
	if g.Match == Any {
		joint = " or "
	}
	return strings.Join(parts, joint)
}

// Check refuses a segment that cannot be asked. The error is for the person who
// wrote it.
func (s Segment) Check() error {
	if n := s.size(); n == 0 {
		return fmt.Errorf("a segment needs a condition")
	} else if n > MostConditions {
		return fmt.Errorf("a segment has at most %d conditions, this one has %d", MostConditions, n)
	}
	if err := s.check(); err != nil {
		return err
	}
	for _, inner := range s.Groups {
		if len(inner.Groups) > 0 {
			return fmt.Errorf("groups stand one level deep")
		}
		if len(inner.Conditions) == 0 {
			return fmt.Errorf("a group needs a condition")
		}
		if err := inner.check(); err != nil {
			return err
		}
	}
	return nil
}

func (s Segment) size() int {
	n := len(s.Conditions)
	for _, inner := range s.Groups {
		n += len(inner.Conditions) + len(inner.Groups)
	}
	return n
}

func (g Group) check() error {
	if g.Match != All && g.Match != Any {
		return fmt.Errorf("%q is neither all nor any", g.Match)
	}
	for _, c := range g.Conditions {
		if err := c.check(); err != nil {
			return err
		}
	}
	return nil
}

func (c Condition) check() error {
	allowed := c.Subject.Operators()
	switch {
	case allowed == nil:
		return fmt.Errorf("%q cannot be asked about; there are: %s", c.Subject, join(Subjects()))
	case !slices.Contains(allowed, c.Op):
		return fmt.Errorf("a condition on %s takes no %q; it takes: %s", c.Subject, c.Op, join(allowed))
	case c.Subject == Field && strings.TrimSpace(c.Name) == "":
		return fmt.Errorf("a condition on a field needs the name of the field")
	case len([]rune(c.Value)) > maxValue, len([]rune(c.Name)) > maxValue:
		return fmt.Errorf("a condition has at most %d characters", maxValue)
	case strings.ContainsRune(c.Value+c.Name, 0):
		return fmt.Errorf("a condition holds no NUL character")
	case c.Op == Filled || c.Op == Empty:
		return nil
	case c.Op == Within || c.Op == NotWithin:
		if n, err := strconv.Atoi(c.Value); err != nil || n < 1 || n > maxDays {
			return fmt.Errorf("%q is no number of days; write one from 1 to %d", c.Value, maxDays)
		}
	case c.Subject == Received:
		if n, err := strconv.ParseInt(c.Value, 10, 64); err != nil || n < 1 {
			return fmt.Errorf("%q is no number of a campaign; it stands at the end of the address of the campaign's page", c.Value)
		}
	case c.Value == "" && c.Subject != Field:
		return fmt.Errorf("the condition on %s needs a value", c.Subject)
	}
	return nil
}

func join[T ~string](all []T) string {
	texts := make([]string, len(all))
	for i, one := range all {
		texts[i] = string(one)
	}
	return strings.Join(texts, ", ")
}
