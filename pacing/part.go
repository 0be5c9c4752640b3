package pacing

import "strings"

// Part is one part of the controller that can be switched off, so that a
// benchmark can show what it brings. Nothing else switches parts off.
type Part uint16

// The parts that can be switched off.
const (
	Measuring   Part = 1 << iota // the estimate between two refusals
	Noise                        // letting stray refusals pass
	Budget                       // the budget of refusals
	CostlyRest                   // no search for a while after a costly block
	Windows                      // clock windows and sliding windows, learned from how blocks end
	Volumes                      // what two blocks have in common
	LookingBack                  // looking for the return of a rate carried before
	Aftershocks                  // forgiving one refusal right after a reduction
	Clocks                       // knocking at round times
	Unprovoked                   // telling blocks that our rate did not cause
	Trouble                      // letting a server's own trouble pass
	Flaps                        // coming back at once where the server goes away for moments
	Hosts                        // steering around a host that refuses what others take
	LaneLess                     // trying one lane less where lanes slow each other
)

// Parts are all parts with their names, in the order of the list above.
var Parts = []struct {
	Part Part
	Name string
}{
	{Measuring, "measuring between refusals"},
	{Noise, "noise test"},
	{Budget, "budget"},
	{CostlyRest, "rest after costly blocks"},
	{Windows, "window learning"},
	{Volumes, "volumes before blocks"},
	{LookingBack, "looking back"},
	{Aftershocks, "aftershocks"},
	{Clocks, "round times"},
	{Unprovoked, "unprovoked blocks"},
	{Trouble, "their trouble"},
	{Flaps, "flaps"},
	{Hosts, "sick hosts"},
	{LaneLess, "one lane less"},
}

// String names the parts, joined by commas.
func (p Part) String() string {
	var names []string
	for _, known := range Parts {
		if p&known.Part != 0 {
			names = append(names, known.Name)
		}
	}
	return strings.Join(names, ", ")
}

// has says whether a part is at work.
func (s *State) has(p Part) bool { return s.Profile.Without&p == 0 }
