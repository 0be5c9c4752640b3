package simulate

import (
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/headwaymail/headway/pacing/estimate"
)

const (
	// backlogShare is the part of what a receiver could accept in its run that
	// is sent in a calibration: the run then ends before its description does.
	backlogShare = 0.6

	// runMost bounds a run, in times that the description plays.
	runMost = 4

	// lookTimes is how often an end is asked for in the time that a receiver
	// is played; the answers nearest to each twentieth of what the backlog
	// took are judged.
	lookTimes = 400

	// judgedFrom is the part of the way from which on answers are judged, and
	// errorMost the median error that they may have.
	judgedFrom = 0.25
	errorMost  = 0.15
)

// ask is one question for the end, with two answers.
type ask struct {
	at    time.Duration // since the start
	sent  float64       // share of the messages accepted by then
	end   estimate.Estimate
	naive time.Duration // left ÷ rate of the last five minutes; negative: no rate
}

// Answers are the errors of one way to foresee the end, as shares of the time
// that was really left: half an hour wrong matters in the last hour and not on
// the first day. No answer counts as an error of 1.
type Answers struct {
	Errors []float64
	Within float64 // share of the answers whose range held the truth
}

// Median is the middle error; 1 when nothing was answered.
func (a Answers) Median() float64 {
	if len(a.Errors) == 0 {
		return 1
	}
	return median(a.Errors, func(x float64) float64 { return x })
}

// Calibration is how well the end was foreseen at one receiver: asked at every
// twentieth of the messages, and at every twentieth of the time, from a
// quarter of the way on.
type Calibration struct {
	Name, Title              string
	Messages                 int
	Took                     time.Duration // 0: it did not end
	BySent, ByTime           Answers
	NaiveBySent, NaiveByTime Answers
}

// Calibrate sends a finite backlog to each receiver and compares what package
// estimate foresaw with what came.
func Calibrate(scenarios []Scenario, seeds, workers int) []Calibration {
	found := make([]Calibration, len(scenarios))
	var jobs []func()
	for i, s := range scenarios {
		jobs = append(jobs, func() { found[i] = calibrate(s, seeds) })
	}
	inParallel(max(workers, 1), jobs)
	return found
}

func calibrate(s Scenario, seeds int) Calibration {
	most := 0.0
	for _, n := range possible(s) {
		most += n
	}
	c := Calibration{Name: s.Name, Title: s.Title, Messages: int(backlogShare * most)}
	for seed := range max(seeds, 1) {
		run := playBacklog(s, c.Messages, uint64(seed))
		if run.ended == 0 {
			return c
		}
		c.Took = run.ended
		late := slices.DeleteFunc(run.bySent, func(a ask) bool { return a.sent < judgedFrom })
		c.BySent.judge(late, run.ended, foreseen)
		c.NaiveBySent.judge(late, run.ended, naively)
		even := run.even()
		c.ByTime.judge(even, run.ended, foreseen)
		c.NaiveByTime.judge(even, run.ended, naively)
	}
	return c
}

// even are the questions at every twentieth of the time, from the quarter on.
func (b *backlog) even() []ask {
	var chosen []ask
	for k := int(20 * judgedFrom); k < 20; k++ {
		want := b.ended * time.Duration(k) / 20
		i, _ := slices.BinarySearchFunc(b.byTime, want, func(a ask, t time.Duration) int { return int(a.at - t) })
		chosen = append(chosen, b.byTime[min(i, len(b.byTime)-1)])
	}
	return chosen
}

// foreseen and naively give the seconds that an answer foresees, and whether
// its range holds the truth.
func foreseen(a ask, truth time.Time) (seconds float64, within, known bool) {
	within = !truth.Before(a.end.Low) && !truth.After(a.end.High)
	return a.end.Done.Sub(Start.Add(a.at)).Seconds(), within, !a.end.Early
}

func naively(a ask, _ time.Time) (seconds float64, within, known bool) {
	return a.naive.Seconds(), false, a.naive >= 0
}

func (n *Answers) judge(asks []ask, ended time.Duration, answer func(ask, time.Time) (float64, bool, bool)) {
	before := float64(len(n.Errors)) * n.Within
	for _, a := range asks {
		left := math.Max((ended - a.at).Seconds(), 1)
		got, within, known := answer(a, Start.Add(ended))
		if !known {
			n.Errors = append(n.Errors, 1)
			continue
		}
		n.Errors = append(n.Errors, math.Abs(got-left)/left)
		if within {
			before++
		}
	}
	n.Within = before / math.Max(float64(len(n.Errors)), 1)
}

// WriteCalibration prints how well ends were foreseen, and says whether the
// median error is small enough.
func WriteCalibration(w io.Writer, all []Calibration) (good bool, err error) {
	p := &printer{w: w}
	p.row("receiver", []string{"messages", "took", "error by messages", "by time", "naive by messages", "by time", "in range", "by time"})
	p.rule(8)
	var sums [4]Answers
	well, ended := 0, 0
	for _, c := range all {
		if c.Took == 0 {
			p.row(c.Name+" "+c.Title, []string{fmt.Sprint(c.Messages), "did not end", "", "", "", "", "", ""})
			continue
		}
		ended++
		if c.BySent.Median() <= errorMost && c.ByTime.Median() <= errorMost {
			well++
		}
		for i, a := range []Answers{c.BySent, c.ByTime, c.NaiveBySent, c.NaiveByTime} {
			sums[i].join(a)
		}
		p.row(c.Name+" "+c.Title, []string{fmt.Sprint(c.Messages), c.Took.Round(time.Minute).String(),
			percent(c.BySent.Median()), percent(c.ByTime.Median()), percent(c.NaiveBySent.Median()), percent(c.NaiveByTime.Median()),
			percent(c.BySent.Within), percent(c.ByTime.Within)})
	}
	if ended == 0 {
		return false, p.err
	}
	p.row("median of all answers", []string{"", "", percent(sums[0].Median()), percent(sums[1].Median()),
		percent(sums[2].Median()), percent(sums[3].Median()), percent(sums[0].Within), percent(sums[1].Within)})
	p.row("mean of all answers", []string{"", "", percent(sums[0].mean()), percent(sums[1].mean()),
		percent(sums[2].mean()), percent(sums[3].mean()), "", ""})
	p.line(fmt.Sprintf("\nErrors are shares of the time that was really left, median from a quarter of the way on. "+
		"%d of %d receivers have at most %s by messages and by time.", well, len(all), percent(errorMost)))
	return ended == len(all) && sums[0].Median() <= errorMost && sums[1].Median() <= errorMost, p.err
}

func (n *Answers) join(o Answers) {
	within := n.Within*float64(len(n.Errors)) + o.Within*float64(len(o.Errors))
	n.Errors = append(n.Errors, o.Errors...)
	n.Within = within / math.Max(float64(len(n.Errors)), 1)
}

func (n Answers) mean() float64 {
	sum := 0.0
	for _, x := range n.Errors {
		sum += math.Min(x, 10) / float64(len(n.Errors))
	}
	return sum
}

func percent(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) }
