package bench

import (
	"errors"
	"fmt"
)

// Figure is something measured beside its target.
type Figure struct {
	What   string  `json:"what"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
	Least  float64 `json:"least,omitempty"`   // target; 0: none
	Most   float64 `json:"most,omitempty"`    // target; 0: none
	NotRun string  `json:"not_run,omitempty"` // why it was not measured
}

// Kept reports whether the target is reached. What was not measured is neither
// kept nor missed: it is not counted as missed.
func (f Figure) Kept() bool {
	return f.NotRun != "" || (f.Least == 0 || f.Value >= f.Least) && (f.Most == 0 || f.Value <= f.Most)
}

// Target returns the target in words, "" without one.
func (f Figure) Target() string {
	switch {
	case f.Least > 0:
		return fmt.Sprintf("≥ %s", number(f.Least))
	case f.Most > 0:
		return fmt.Sprintf("≤ %s", number(f.Most))
	}
	return ""
}

// Said returns the value with its unit, or "not run".
func (f Figure) Said() string {
	if f.NotRun != "" {
		return "not run"
	}
	return number(f.Value) + " " + f.Unit
}

// number writes three digits, more where there are more before the point.
func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// FiguresMissed joins the figures that missed their targets.
func FiguresMissed(figures []Figure) error {
	var missed []error
	for _, f := range figures {
		if !f.Kept() {
			missed = append(missed, fmt.Errorf("%s: %s, wanted %s", f.What, f.Said(), f.Target()))
		}
	}
	return errors.Join(missed...)
}
