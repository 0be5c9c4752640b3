package simulate

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/headwaymail/headway/pacing"
)

// Setup says what a benchmark plays.
type Setup struct {
	Scenarios  []Scenario    // default: the thirty
	Contenders []Contender   // default: the controller and all rivals
	Seeds      int           // runs of each; the median counts; default 5
	Opaque     bool          // hide the server's words
	Age        time.Duration // how old feedback is when the policy hears it
	Stalls     bool          // the sender stops at random moments
	Workers    int           // runs at the same time; default: the processors
}

func (s *Setup) complete() error {
	if len(s.Scenarios) == 0 {
		all, err := Named()
		if err != nil {
			return err
		}
		s.Scenarios = all
	}
	if len(s.Contenders) == 0 {
		s.Contenders = append(Rivals(), Envelope())
	}
	if s.Seeds == 0 {
		s.Seeds = 5
	}
	if s.Workers == 0 {
		s.Workers = runtime.GOMAXPROCS(0)
	}
	return nil
}

// Cell is one contender at one receiver: medians over the seeds.
type Cell struct {
	Goodput   float64 `json:"goodput"`   // accepted ÷ possible, 1 = all
	Deferrals float64 `json:"deferrals"` // avoidable refusals per 1,000 attempts
	Converged float64 `json:"converged"` // seconds; negative: never or not asked
	Noticed   float64 `json:"noticed"`   // seconds; likewise
}

// Clean is goodput that refusals have been held against.
func (c Cell) Clean() float64 { return c.Goodput / (1 + c.Deferrals/10) }

// Good says whether a receiver was served well: 85 % of the possible and at
// most 10 refusals per 1,000.
func (c Cell) Good() bool { return c.Goodput >= 0.85 && c.Deferrals <= 10 }

// Table is what a benchmark found: rows are scenarios, columns contenders.
type Table struct {
	Opaque     bool              `json:"opaque"`
	Scenarios  []string          `json:"scenarios"`
	Titles     map[string]string `json:"titles"`
	Contenders []string          `json:"contenders"`
	Cells      map[string][]Cell `json:"cells"` // by scenario, in the order of the contenders
}

// Play plays every contender against every scenario.
func Play(s Setup) (Table, error) {
	if err := s.complete(); err != nil {
		return Table{}, err
	}
	t := Table{Opaque: s.Opaque, Titles: map[string]string{}, Cells: map[string][]Cell{}}
	for _, c := range s.Contenders {
		t.Contenders = append(t.Contenders, c.Name)
	}
	var jobs []func()
	for _, scenario := range s.Scenarios {
		t.Scenarios = append(t.Scenarios, scenario.Name)
		t.Titles[scenario.Name] = scenario.Title
		cells := make([]Cell, len(s.Contenders))
		t.Cells[scenario.Name] = cells
		for i, c := range s.Contenders {
			jobs = append(jobs, func() { cells[i] = play(scenario, c, s) })
		}
	}
	inParallel(s.Workers, jobs)
	return t, nil
}

func play(scenario Scenario, c Contender, s Setup) Cell {
	runs := make([]Result, s.Seeds)
	for seed := range runs {
		runs[seed] = Run(scenario, c.New, Options{Seed: uint64(seed), Opaque: s.Opaque, Age: s.Age, Stalls: s.Stalls})
		runs[seed].Tally = Tally{} // the seconds of five runs of a day are not needed
	}
	return Cell{
		Goodput:   median(runs, func(r Result) float64 { return r.Goodput }),
		Deferrals: median(runs, func(r Result) float64 { return r.Deferrals }),
		Converged: median(runs, func(r Result) float64 { return r.Converged.Seconds() }),
		Noticed:   median(runs, func(r Result) float64 { return r.Noticed.Seconds() }),
	}
}

func inParallel(workers int, jobs []func()) {
	queue := make(chan func())
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for job := range queue {
				job()
			}
		})
	}
	for _, job := range jobs {
		queue <- job
	}
	close(queue)
	wait.Wait()
}

// Summary is one contender over all receivers.
type Summary struct {
	Goodput, Worst           float64 // mean and worst goodput
	Deferrals, MostDeferrals float64 // mean and worst per 1,000
	Clean                    float64 // mean clean goodput
	Good                     int     // receivers served well
}

// Summary sums up a column.
func (t Table) Summary(contender int) Summary {
	s := Summary{Worst: 1}
	for _, name := range t.Scenarios {
		c := t.Cells[name][contender]
		n := float64(len(t.Scenarios))
		s.Goodput += c.Goodput / n
		s.Deferrals += c.Deferrals / n
		s.Clean += c.Clean() / n
		s.Worst = min(s.Worst, c.Goodput)
		s.MostDeferrals = max(s.MostDeferrals, c.Deferrals)
		if c.Good() {
			s.Good++
		}
	}
	return s
}

// Column returns the number of a contender by name, or -1.
func (t Table) Column(name string) int {
	for i, c := range t.Contenders {
		if c == name {
			return i
		}
	}
	return -1
}

// Write prints the table as Markdown: goodput in percent / refusals per 1,000.
func (t Table) Write(w io.Writer) error {
	p := &printer{w: w}
	p.row("receiver", t.Contenders)
	p.rule(len(t.Contenders))
	for _, name := range t.Scenarios {
		p.cells(name+" "+t.Titles[name], t.Contenders, func(i int) string {
			c := t.Cells[name][i]
			return fmt.Sprintf("%.1f / %.1f", 100*c.Goodput, c.Deferrals)
		})
	}
	sum := func(label, format string, of func(Summary) []any) {
		p.cells(label, t.Contenders, func(i int) string { return fmt.Sprintf(format, of(t.Summary(i))...) })
	}
	sum("mean", "%.1f / %.1f", func(s Summary) []any { return []any{100 * s.Goodput, s.Deferrals} })
	sum("worst", "%.1f / %.1f", func(s Summary) []any { return []any{100 * s.Worst, s.MostDeferrals} })
	sum("clean goodput", "%.1f", func(s Summary) []any { return []any{100 * s.Clean} })
	sum("≥ 85 % and ≤ 10", "%d of %d", func(s Summary) []any { return []any{s.Good, len(t.Scenarios)} })
	return p.err
}

// WriteTimes prints how long the last contender took to find the limits.
func (t Table) WriteTimes(w io.Writer, contender string) error {
	i := t.Column(contender)
	p := &printer{w: w}
	p.row("receiver", []string{"found after", "found again after"})
	p.rule(2)
	seconds := func(x float64) string {
		if x < 0 {
			return "–"
		}
		return fmt.Sprintf("%.0f s", x)
	}
	for _, name := range t.Scenarios {
		c := t.Cells[name][i]
		if c.Converged < 0 && c.Noticed < 0 {
			continue
		}
		p.row(name+" "+t.Titles[name], []string{seconds(c.Converged), seconds(c.Noticed)})
	}
	return p.err
}

// Save writes the table as JSON.
func (t Table) Save(w io.Writer) error { return save(w, t) }

// Saved is a whole benchmark, kept to compare later ones with.
type Saved struct {
	Text   Table `json:"text"`
	Opaque Table `json:"opaque"`
}

// Save writes the benchmark as JSON.
func (s Saved) Save(w io.Writer) error { return save(w, s) }

func save(w io.Writer, what any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	if err := e.Encode(what); err != nil {
		return fmt.Errorf("save benchmark: %w", err)
	}
	return nil
}

// LoadSaved reads what [Saved.Save] wrote.
func LoadSaved(r io.Reader) (Saved, error) {
	var s Saved
	if err := json.NewDecoder(r).Decode(&s); err != nil {
		return s, fmt.Errorf("read saved benchmark: %w", err)
	}
	return s, nil
}

// Ablation plays the controller whole and with each part switched off.
func Ablation(s Setup) (Table, error) {
	s.Contenders = []Contender{EnvelopeWith("whole", pacing.Profile{}, nil)}
	for _, part := range pacing.Parts {
		s.Contenders = append(s.Contenders, EnvelopeWith("without "+part.Name, pacing.Profile{Without: part.Part}, nil))
	}
	return Play(s)
}

// WriteAblation prints what each part brings, in points of mean and worst
// goodput, refusals, and the receiver that suffers most.
func (t Table) WriteAblation(w io.Writer) error {
	p := &printer{w: w}
	p.row("", []string{"mean", "worst", "per 1,000", "well served", "suffers most"})
	p.rule(5)
	for i, name := range t.Contenders {
		s := t.Summary(i)
		worst, by := "", 0.005
		for _, scenario := range t.Scenarios {
			if lost := t.Cells[scenario][0].Goodput - t.Cells[scenario][i].Goodput; lost > by {
				by = lost
				worst = fmt.Sprintf("%s %.0f → %.0f %%", scenario, 100*t.Cells[scenario][0].Goodput, 100*t.Cells[scenario][i].Goodput)
			}
		}
		p.row(name, []string{fmt.Sprintf("%.1f", 100*s.Goodput), fmt.Sprintf("%.1f", 100*s.Worst),
			fmt.Sprintf("%.2f", s.Deferrals), fmt.Sprintf("%d of %d", s.Good, len(t.Scenarios)), worst})
	}
	return p.err
}
