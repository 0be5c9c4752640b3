package simulate

import (
	"fmt"
	"io"
	"strings"
)

// Target is one figure that the controller must reach.
type Target struct {
	Name  string
	Want  string
	Found float64
	Met   bool
}

// lasting leaves out the cold starts: five minutes say nothing about means.
func (t Table) lasting() Table {
	kept := t
	kept.Scenarios = nil
	for _, name := range t.Scenarios {
		if !strings.HasPrefix(name, "C") {
			kept.Scenarios = append(kept.Scenarios, name)
		}
	}
	return kept
}

// Targets judges the controller's column of a text table, and of an opaque
// one if there is one, by the figures of docs/PACING.md.
func Targets(text Table, opaque *Table, contender string) []Target {
	long := text.lasting()
	s := long.Summary(long.Column(contender))
	n := len(long.Scenarios)
	least := func(name string, found, want float64) Target {
		return Target{name, fmt.Sprintf("≥ %g", want), found, found >= want}
	}
	most := func(name string, found, want float64) Target {
		return Target{name, fmt.Sprintf("≤ %g", want), found, found <= want}
	}
	targets := []Target{
		least("mean goodput, %", 100*s.Goodput, 95),
		least("worst goodput, %", 100*s.Worst, 80),
		most("mean refusals per 1,000", s.Deferrals, 1.5),
		most("worst refusals per 1,000", s.MostDeferrals, 8),
		least(fmt.Sprintf("receivers of %d served well", n), float64(s.Good), float64(n)*28/30),
		least("clean goodput, %", 100*s.Clean, 85),
	}
	if opaque != nil {
		hidden := opaque.lasting()
		o := hidden.Summary(hidden.Column(contender))
		targets = append(targets, least("opaque minus text, points", 100*(o.Goodput-s.Goodput), -1.5))
	}
	at := func(name string, judge func(Cell) Target) {
		if cells, ok := text.Cells[name]; ok {
			targets = append(targets, judge(cells[text.Column(contender)]))
		}
	}
	for _, name := range []string{"R01", "R02", "R03", "R10", "R11", "R13", "R14", "R16", "R20", "R22"} {
		at(name, func(c Cell) Target { return within(name+" found after, s", c.Converged, 45) })
	}
	at("R17", func(c Cell) Target { return within("R17 found after, s", c.Converged, 600) })
	at("R23", func(c Cell) Target { return within("R23 found after, s", c.Converged, 600) })
	at("R17", func(c Cell) Target { return least("R17 goodput, %", 100*c.Goodput, 88) })
	at("R23", func(c Cell) Target { return least("R23 goodput, %", 100*c.Goodput, 88) })
	at("R10", func(c Cell) Target { return within("R10 found again after, s", c.Noticed, 200) })
	at("R11", func(c Cell) Target { return within("R11 found again after, s", c.Noticed, 150) })
	at("R15", func(c Cell) Target { return least("R15 goodput, %", 100*c.Goodput, 90) })
	at("C1", func(c Cell) Target { return least("C1 goodput, %", 100*c.Goodput, 92) })
	at("C2", func(c Cell) Target { return least("C2 goodput, %", 100*c.Goodput, 92) })
	at("C3", func(c Cell) Target { return most("C3 refusals per 1,000", c.Deferrals, 20) })
	return targets
}

func within(name string, found, want float64) Target {
	return Target{name, fmt.Sprintf("≤ %g", want), found, found >= 0 && found <= want}
}

// Fallen compares a column with an earlier table: a mean that fell by more
// than a point or a receiver by more than five is a fault.
func Fallen(now, before Table, contender string) []string {
	i, j := now.Column(contender), before.Column(contender)
	if i < 0 || j < 0 {
		return nil
	}
	var faults []string
	if a, b := before.Summary(j).Goodput, now.Summary(i).Goodput; b < a-0.01 {
		faults = append(faults, fmt.Sprintf("mean goodput fell from %.1f to %.1f %%", 100*a, 100*b))
	}
	for _, name := range now.Scenarios {
		old, known := before.Cells[name]
		if !known {
			continue
		}
		if a, b := old[j].Goodput, now.Cells[name][i].Goodput; b < a-0.05 {
			faults = append(faults, fmt.Sprintf("%s fell from %.1f to %.1f %%", name, 100*a, 100*b))
		}
	}
	return faults
}

// WriteTargets prints the targets and says whether all are met.
func WriteTargets(w io.Writer, targets []Target) (bool, error) {
	p := &printer{w: w}
	p.row("target", []string{"want", "found", ""})
	p.rule(3)
	all := true
	for _, t := range targets {
		mark := "met"
		if !t.Met {
			mark, all = "missed", false
		}
		found := fmt.Sprintf("%.1f", t.Found)
		if t.Found < 0 && strings.HasPrefix(t.Want, "≤") {
			found = "never"
		}
		p.row(t.Name, []string{t.Want, found, mark})
	}
	return all, p.err
}
