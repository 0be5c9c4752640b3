package api

import (
	"strconv"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene/segment"
)

// Segment is a saved filter of contacts.
type Segment struct {
	ID        int64     `json:"id"`
	Name      string    `json:"name"`
	Words     string    `json:"words" doc:"What it asks, in plain words."`
	BuiltIn   bool      `json:"built_in" doc:"It comes with Headway and cannot be changed."`
	Rule      Rule      `json:"rule"`
	Contacts  int64     `json:"contacts" doc:"How many it held when it was counted last, suppressed ones among them."`
	CountedAt time.Time `json:"counted_at,omitzero" doc:"Missing: it was never counted."`
	CreatedAt time.Time `json:"created_at"`
}

// Rule is a group of conditions, of which all or any must hold.
type Rule struct {
	Match      string      `json:"match" enum:"all,any"`
	Conditions []Condition `json:"conditions"`
	Groups     []Rule      `json:"groups" doc:"Further groups, one level deep."`
}

// Condition asks one thing of a contact.
type Condition struct {
	Subject string `json:"subject" enum:"field,status,verdict,list,domain,provider,received,delivered,clicked,opened,known"`
	Name    string `json:"name,omitzero" doc:"Of the field."`
	Op      string `json:"op" enum:"is,is_not,contains,begins,filled,empty,within,not_within"`
	Value   string `json:"value,omitzero" doc:"Days, for within and not_within."`
}

func newRule(g segment.Group) Rule {
	return Rule{Match: string(g.Match), Groups: views(g.Groups, newRule),
		Conditions: views(g.Conditions, func(c segment.Condition) Condition {
			return Condition{Subject: string(c.Subject), Name: c.Name, Op: string(c.Op), Value: c.Value}
		})}
}

func newSegment(g postgres.Segment) Segment {
	return Segment{ID: g.ID, Name: g.Name, Words: g.Rule.Words(), BuiltIn: g.BuiltIn != "", Rule: newRule(g.Rule.Group),
		Contacts: g.Count, CountedAt: utc(g.CountedAt), CreatedAt: utc(g.CreatedAt)}
}

func listSegments(c *call) (any, error) {
	all, err := c.service.Store.Segments(c.Context())
	if err != nil {
		return nil, err
	}
	return newPage(c.page, all, newSegment), nil
}

// segment finds the segment of a call's address, by its number or its name.
func (c *call) segment() (postgres.Segment, error) {
	name := c.PathValue("segment")
	id, err := strconv.ParseInt(name, 10, 64)
	if err != nil {
		if id, err = c.service.Store.SegmentNamed(c.Context(), name); err != nil {
			return postgres.Segment{}, err
		}
	}
	return c.service.Store.Segment(c.Context(), id)
}

func getSegment(c *call) (any, error) {
	found, err := c.segment()
	return newSegment(found), err
}

// countSegment counts a segment, unless that was done a minute ago, and returns it.
func countSegment(c *call) (any, error) {
	found, err := c.segment()
	if err != nil {
		return nil, err
	}
	found.Count, found.CountedAt, err = c.service.CountSegment(c.Context(), found)
	return newSegment(found), err
}
