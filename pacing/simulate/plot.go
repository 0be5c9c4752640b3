package simulate

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// The plot's page, in pixels.
const (
	plotWidth   = 960
	plotHeight  = 360
	plotLeft    = 56
	plotRight   = 16
	plotTop     = 40
	plotBottom  = 40
	plotPoints  = 480 // points of each curve
	colourTaken = "#1a7f5a"
	colourOffer = "#9aa4b2"
	colourLimit = "#c2410c"
	colourNo    = "#b91c1c"
)

// Plot draws one run as SVG: messages per second offered and accepted, the
// hidden limit, and, below, the refusals.
func Plot(w io.Writer, title string, r Result) error {
	p := newPlot(r)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" role="img" aria-label="%s">`+"\n", plotWidth, plotHeight, escape(title))
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&b, `<text x="%d" y="18" font-size="14">%s: %.1f %% of the possible, %.1f refusals per 1,000</text>`+"\n", plotLeft, escape(title), 100*r.Goodput, r.Deferrals)
	p.axes(&b)
	p.curve(&b, p.offered, colourOffer, "offered", 0)
	p.curve(&b, p.limit, colourLimit, "hidden limit", 1)
	p.curve(&b, p.taken, colourTaken, "accepted", 2)
	p.refusals(&b)
	b.WriteString("</svg>\n")
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write plot: %w", err)
	}
	return nil
}

// plot is the data of one picture, averaged over equal spans.
type plot struct {
	seconds                        int
	offered, taken, limit, refused []float64
	top                            float64 // highest value of the axis
}

func newPlot(r Result) *plot {
	p := &plot{seconds: len(r.Took) - 2}
	p.offered, p.taken, p.refused = average(r.Offered, p.seconds), average(r.Took, p.seconds), average(r.Refused, p.seconds)
	p.limit = average(r.Limit, min(p.seconds, len(r.Limit)))
	highest := 1.0
	for _, curve := range [][]float64{p.taken, p.limit} {
		for _, y := range curve {
			if !math.IsInf(y, 1) {
				highest = max(highest, y)
			}
		}
	}
	p.top = niceTop(1.3 * highest)
	return p
}

// average shrinks a series by the second to the points of a curve.
func average[T uint16 | float64](xs []T, seconds int) []float64 {
	points := min(plotPoints, max(seconds, 1))
	out := make([]float64, points)
	for i := range out {
		from, to := i*seconds/points, max((i+1)*seconds/points, i*seconds/points+1)
		sum := 0.0
		for _, x := range xs[from:min(to, len(xs))] {
			sum += float64(x)
		}
		out[i] = sum / float64(to-from)
	}
	return out
}

// niceTop rounds up to 1, 2 or 5 times a power of ten.
func niceTop(x float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 2, 5, 10} {
		if x <= m*power {
			return m * power
		}
	}
	return x
}

func (p *plot) x(share float64) float64 {
	return plotLeft + share*(plotWidth-plotLeft-plotRight)
}

func (p *plot) y(value float64) float64 {
	return plotHeight - plotBottom - min(value, p.top)/p.top*(plotHeight-plotTop-plotBottom)
}

func (p *plot) axes(b *strings.Builder) {
	for i := range 5 {
		v := p.top * float64(i) / 4
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#e5e7eb"/><text x="%d" y="%.1f" text-anchor="end">%.4g</text>`+"\n",
			plotLeft, plotWidth-plotRight, p.y(v), p.y(v), plotLeft-6, p.y(v)+4, v)
	}
	for i := range 7 {
		at := time.Duration(p.seconds*i/6) * time.Second
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", p.x(float64(i)/6), plotHeight-plotBottom+18, Start.Add(at).Format("15:04"))
	}
	fmt.Fprintf(b, `<text x="14" y="%d" transform="rotate(-90 14 %d)" text-anchor="middle">messages per second</text>`+"\n", plotHeight/2, plotHeight/2)
}

func (p *plot) curve(b *strings.Builder, ys []float64, colour, name string, place int) {
	var points strings.Builder
	for i, y := range ys {
		fmt.Fprintf(&points, "%.1f,%.1f ", p.x(float64(i)/float64(max(len(ys)-1, 1))), p.y(y))
	}
	fmt.Fprintf(b, `<polyline fill="none" stroke="%s" stroke-width="1.5" points="%s"/>`+"\n", colour, strings.TrimSpace(points.String()))
	x := plotWidth - 330 + 110*place
	fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="30" y2="30" stroke="%s" stroke-width="3"/><text x="%d" y="34">%s</text>`+"\n", x, x+16, colour, x+20, name)
}

func (p *plot) refusals(b *strings.Builder) {
	for i, y := range p.refused {
		if y > 0 {
			x := p.x(float64(i) / float64(max(len(p.refused)-1, 1)))
			fmt.Fprintf(b, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%.1f" stroke="%s" stroke-width="1.2"/>`+"\n",
				x, x, plotHeight-plotBottom, plotHeight-plotBottom-4-min(20, 6*math.Log1p(y*float64(p.seconds)/plotPoints)), colourNo)
		}
	}
}

var svgEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

func escape(s string) string { return svgEscape.Replace(s) }
