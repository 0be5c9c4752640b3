package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/pacing"
	"github.com/headwaymail/headway/pacing/simulate"
)

type simulateOptions struct {
	receivers []string
	set       string
	policies  []string
	seeds     int
	opaque    bool
	age       time.Duration
	stalls    bool
	plot      string
	explain   bool
	benchmark bool
	ablation  bool
	calibrate bool
	saved     string
	save      bool
}

func newSimulate() *cobra.Command {
	var o simulateOptions
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Play pacing policies against simulated receivers, in virtual time",
		Long: `Play the pacer, and models of how others pace, against receivers whose limits are
known, in virtual time: an hour of sending in a fraction of a second, the same for the
same seed. The table says how much of the possible mail was accepted, and how many
refusals per 1,000 attempts that cost.

--benchmark plays all thirty receivers in text and opaque mode beside every rival (this
takes many minutes), judges the result by the targets, compares it with the saved run,
and ends with exit code 3 when a target is missed or something fell.

--calibration sends a finite backlog to each receiver, asks at every twentieth of the way
when it will be done, and compares with what came; exit code 3 when the median error from
a quarter of the way on is above 15 %.`,
		Example: `  headway simulate --receiver R03 --policy Envelope --explain
  headway simulate --receiver mine.yaml --seeds 5 --opaque
  headway simulate --receiver R05 --policy Envelope --plot r05.svg
  headway simulate --benchmark
  headway simulate --calibration --receiver R06`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error { return runSimulate(cmd, o) },
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&o.receivers, "receiver", nil, "names of built-in receivers (R03, N), or YAML files in the sandbox's format (default: the thirty)")
	flags.StringVar(&o.set, "set", "", "a built-in set instead: development, cold or held-out")
	flags.StringSliceVar(&o.policies, "policy", nil, "policies by the beginning of their names (default: the pacer and all rivals)")
	flags.IntVar(&o.seeds, "seeds", 3, "runs of each; the median counts")
	flags.BoolVar(&o.opaque, "opaque", false, "hide the servers' words from the policies")
	flags.DurationVar(&o.age, "feedback-age", 0, "how old feedback is when the policy hears it")
	flags.BoolVar(&o.stalls, "stalls", false, "let the sender stop for 2 to 20 s at random moments, or be killed and come back; what was possible then does not count")
	flags.StringVar(&o.plot, "plot", "", "write one run as an SVG: offered, accepted, refused and the hidden limit")
	flags.BoolVar(&o.explain, "explain", false, "print every decision of the pacer, with its reason")
	flags.BoolVar(&o.benchmark, "benchmark", false, "play everything and judge it")
	flags.BoolVar(&o.ablation, "ablation", false, "switch each part of the pacer off in turn")
	flags.BoolVar(&o.calibrate, "calibration", false, "measure how well the end of a backlog is foreseen")
	flags.StringVar(&o.saved, "saved", "docs/pacing-benchmark.json", "with --benchmark: the run to compare with, and to save to with --save")
	flags.BoolVar(&o.save, "save", false, "with --benchmark: keep this run in the file of --saved")
	return cmd
}

func runSimulate(cmd *cobra.Command, o simulateOptions) error {
	if o.set != "" {
		prefixes, known := simulate.Sets[o.set]
		if !known {
			return usageError{fmt.Errorf("no set is called %q; there are development, cold and held-out", o.set)}
		}
		o.receivers = append(o.receivers, prefixes...)
	}
	scenarios, err := readScenarios(o.receivers)
	if err != nil {
		return err
	}
	contenders, err := chooseContenders(o.policies)
	if err != nil {
		return err
	}
	setup := simulate.Setup{Scenarios: scenarios, Contenders: contenders, Seeds: o.seeds, Opaque: o.opaque, Age: o.age, Stalls: o.stalls}
	switch {
	case o.benchmark:
		return runBenchmark(cmd, setup, o)
	case o.ablation:
		table, err := simulate.Ablation(setup)
		if err != nil {
			return err
		}
		return table.WriteAblation(cmd.OutOrStdout())
	case o.calibrate:
		return runCalibration(cmd, setup)
	case o.plot != "" || o.explain:
		return playOne(cmd.OutOrStdout(), setup, o)
	}
	table, err := simulate.Play(setup)
	if err != nil {
		return err
	}
	if wantsJSON(cmd) {
		return table.Save(cmd.OutOrStdout())
	}
	return table.Write(cmd.OutOrStdout())
}

// readScenarios takes names of built-in receivers and files apart.
func readScenarios(receivers []string) ([]simulate.Scenario, error) {
	if len(receivers) == 0 {
		return simulate.Named()
	}
	var all []simulate.Scenario
	for _, name := range receivers {
		found, err := readScenario(name)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func readScenario(name string) ([]simulate.Scenario, error) {
	if !strings.HasSuffix(name, ".yaml") && !strings.HasSuffix(name, ".yml") {
		found, err := simulate.Named(name)
		if err == nil && len(found) == 0 {
			err = usageError{fmt.Errorf("no receiver is called %q; names are R01 to R24, N1 to N6, C1 to C3 and H1 to H30, or give a .yaml file", name)}
		}
		return found, err
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	found, err := simulate.Load(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return found, nil
}

func chooseContenders(policies []string) ([]simulate.Contender, error) {
	all := append([]simulate.Contender{simulate.Envelope()}, simulate.Rivals()...)
	if len(policies) == 0 {
		return all, nil
	}
	var chosen []simulate.Contender
	for _, want := range policies {
		i := slices.IndexFunc(all, func(c simulate.Contender) bool {
			return strings.HasPrefix(strings.ToLower(c.Name), strings.ToLower(want))
		})
		if i < 0 {
			names := make([]string, len(all))
			for j, c := range all {
				names[j] = c.Name
			}
			return nil, usageError{fmt.Errorf("no policy begins with %q; there are: %s", want, strings.Join(names, ", "))}
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// playOne plays the first policy against the first receiver once, and shows it.
func playOne(w io.Writer, setup simulate.Setup, o simulateOptions) error {
	scenario, contender := setup.Scenarios[0], setup.Contenders[0]
	if o.explain && contender.Name == simulate.Envelope().Name {
		contender = simulate.EnvelopeWith(contender.Name, pacing.Profile{}, func(at time.Duration, d pacing.Decision) {
			fmt.Fprintf(w, "%9s  %-8s %6.1f → %6.1f  %s\n", at.Round(time.Second), d.Kind, d.Was, d.Now, d.Reason)
		})
	}
	result := simulate.Run(scenario, contender.New, simulate.Options{Seed: 1, Opaque: o.opaque, Age: o.age, Stalls: o.stalls})
	fmt.Fprintf(w, "%s against %s (%s): %.1f %% of the possible mail, %.1f avoidable refusals per 1,000\n",
		contender.Name, scenario.Name, scenario.Title, 100*result.Goodput, result.Deferrals)
	if o.plot == "" {
		return nil
	}
	file, err := os.Create(o.plot)
	if err != nil {
		return err
	}
	title := fmt.Sprintf("%s against %s, %s", contender.Name, scenario.Name, scenario.Title)
	return errors.Join(simulate.Plot(file, title, result), file.Close())
}

func runBenchmark(cmd *cobra.Command, setup simulate.Setup, o simulateOptions) error {
	w := cmd.OutOrStdout()
	setup.Opaque = false
	text, err := simulate.Play(setup)
	if err != nil {
		return err
	}
	setup.Opaque = true
	opaque, err := simulate.Play(setup)
	if err != nil {
		return err
	}
	for _, table := range []simulate.Table{text, opaque} {
		if err := table.Write(w); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	envelope := simulate.Envelope().Name
	if err := text.WriteTimes(w, envelope); err != nil {
		return err
	}
	met, err := simulate.WriteTargets(w, simulate.Targets(text, &opaque, envelope))
	if err != nil {
		return err
	}
	fallen, err := compareSaved(w, simulate.Saved{Text: text, Opaque: opaque}, envelope, o)
	if err != nil {
		return err
	}
	if !met || fallen {
		return fmt.Errorf("the pacer is not as good as it should be: %w", errFound)
	}
	return nil
}

func runCalibration(cmd *cobra.Command, setup simulate.Setup) error {
	found := simulate.Calibrate(setup.Scenarios, setup.Seeds, runtime.GOMAXPROCS(0))
	if wantsJSON(cmd) {
		return printJSON(cmd, found)
	}
	good, err := simulate.WriteCalibration(cmd.OutOrStdout(), found)
	if err != nil {
		return err
	}
	if !good {
		return fmt.Errorf("ends are not foreseen as well as they should be: %w", errFound)
	}
	return nil
}

// compareSaved compares a run with the saved one, and keeps it if asked to.
func compareSaved(w io.Writer, now simulate.Saved, contender string, o simulateOptions) (fallen bool, err error) {
	if o.saved == "" {
		return false, nil
	}
	before, err := os.Open(o.saved)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		fmt.Fprintf(w, "No saved run at %s to compare with.\n", o.saved)
	case err != nil:
		return false, err
	default:
		earlier, loadErr := simulate.LoadSaved(before)
		if err := errors.Join(loadErr, before.Close()); err != nil {
			return false, fmt.Errorf("%s: %w", o.saved, err)
		}
		faults := simulate.Fallen(now.Text, earlier.Text, contender)
		for _, words := range simulate.Fallen(now.Opaque, earlier.Opaque, contender) {
			faults = append(faults, "words hidden: "+words)
		}
		for _, words := range faults {
			fallen = true
			fmt.Fprintf(w, "✗ %s\n", words)
		}
	}
	if !o.save {
		return fallen, nil
	}
	file, err := os.Create(o.saved)
	if err != nil {
		return fallen, err
	}
	return fallen, errors.Join(now.Save(file), file.Close())
}
