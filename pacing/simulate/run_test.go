package simulate

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headwaymail/headway/pacing"
)

// TestTry is a scratch.
func TestTry(t *testing.T) {
	names := os.Getenv("TRY")
	if names == "" {
		t.Skip()
	}
	seeds, _ := strconv.Atoi(os.Getenv("SEEDS"))
	var say func(time.Duration, pacing.Decision)
	if os.Getenv("TRACE") != "" {
		say = func(at time.Duration, d pacing.Decision) {
			fmt.Printf("%9.1f %s %-9s %.2f -> %.2f %s\n", at.Seconds(), Start.Add(at).Format("15:04:05"), d.Kind, d.Was, d.Now, d.Reason)
		}
	}
	sc, err := Named(strings.Fields(names)...)
	if err != nil {
		t.Fatal(err)
	}
	gs, ds := 0.0, 0.0
	for _, s := range sc {
		var rs []Result
		t1 := time.Now()
		for seed := range max(seeds, 1) {
			rs = append(rs, Run(s, EnvelopeWith("", pacing.Profile{}, say).New, Options{Seed: uint64(seed), Opaque: os.Getenv("OPAQUE") != ""}))
		}
		g := median(rs, func(r Result) float64 { return r.Goodput })
		d := median(rs, func(r Result) float64 { return r.Deferrals })
		c := median(rs, func(r Result) float64 { return r.Converged.Seconds() })
		n := median(rs, func(r Result) float64 { return r.Noticed.Seconds() })
		gs += g
		ds += d
		fmt.Printf("%-4s %-22s %6.1f %7.2f  conv %5.0f rec %5.0f   (%v)", s.Name, s.Title, 100*g, d, c, n, time.Since(t1).Round(time.Millisecond))
		for _, r := range rs {
			fmt.Printf(" %.1f", 100*r.Goodput)
		}
		fmt.Println()
	}
	fmt.Printf("mean %.2f  %.2f\n", 100*gs/float64(len(sc)), ds/float64(len(sc)))
}
