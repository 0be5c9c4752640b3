package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// writeFigures prints a table, and below it how a run went at each receiver that
// missed a wish: ten seconds a column, and what the pacer decided.
func writeFigures(w io.Writer, heading string, figures []PacingFigure) {
	if len(figures) == 0 {
		return
	}
	length := figures[0].To.Sub(figures[0].From).Round(time.Second)
	fmt.Fprintf(w, "\n%s: %s from %s, load average %s\n\n", heading, length, figures[0].From.Format(time.TimeOnly), figures[0].Load)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "receiver\tsender\taccepted\tpossible\tgoodput\twanted\trefused\tper 1,000\twanted\tfirst after\t")
	for _, f := range figures {
		fmt.Fprintf(t, "%s %s\t%s %s\t%d\t%s\t%s\t%s\t%d\t%.1f\t%s\t%s\t%s\n", f.Receiver, f.Title, f.Sender, f.Run, f.Accepted,
			orDash(f.Possible, "%.0f"), orDash(100*f.Goodput(), "%.1f %%"), orDash(100*f.WantGoodput, "≥ %.1f %%"),
			f.Refused, f.PerThousand(), orDash(f.WantRefused, "≤ %.1f"), after(f.First), verdict(f))
	}
	_ = t.Flush() // w tells its own errors
	for _, f := range figures {
		if f.Missed() {
			writeCourse(w, f)
		}
	}
}

func orDash(figure float64, format string) string {
	if figure == 0 {
		return "–"
	}
	return fmt.Sprintf(format, figure)
}

func after(d time.Duration) string {
	if d < 0 {
		return "never"
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

func verdict(f PacingFigure) string {
	switch {
	case f.WantGoodput == 0 && f.WantRefused == 0:
		return ""
	case f.Missed():
		return "missed"
	}
	return "met"
}

// courseNoes bounds what is printed of the refusals.
const courseNoes = 12

// courseEvents bounds what is printed of the pacer's decisions; JSON has all.
const courseEvents = 30

// writeCourse prints how a run went.
func writeCourse(w io.Writer, f PacingFigure) {
	fmt.Fprintf(w, "\n%s, %s: accepted (refused) in each %s\n  ", f.Receiver, f.Run, sliceLength)
	for _, s := range f.Slices {
		fmt.Fprintf(w, "%d", s.Accepted)
		if s.Refused > 0 {
			fmt.Fprintf(w, "(%d)", s.Refused)
		}
		fmt.Fprint(w, " ")
	}
	fmt.Fprintln(w)
	for i, n := range f.Noes {
		if i == courseNoes {
			fmt.Fprintf(w, "  and %d refusals more; --json has them\n", len(f.Noes)-i)
			break
		}
		fmt.Fprintf(w, "  %6.1f s  refused after %d messages in 1 s, %d in 10 s, with %d connections: %s\n",
			n.At.Sub(f.From).Seconds(), n.Second, n.Seconds, n.Open, n.Words)
	}
	for i, e := range f.Events {
		if i == courseEvents {
			fmt.Fprintf(w, "  and %d decisions more; --json has them\n", len(f.Events)-i)
			break
		}
		fmt.Fprintf(w, "  %6.1f s  %-8s %.2f → %.2f/s  %s\n", e.At.Sub(f.From).Seconds(), e.Kind, e.Was, e.Now, e.Reason)
	}
}
