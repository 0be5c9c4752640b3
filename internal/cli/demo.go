package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/demo"
	"github.com/headwaymail/headway/internal/sandbox"
	"github.com/headwaymail/headway/internal/service"
)

type demoOptions struct {
	file     string
	contacts int
	exit     bool
	fresh    bool
	patience time.Duration
}

func newDemo() *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Send a real campaign into a simulated internet on this machine, and watch it",
		Long: `Start a Postgres, a simulated internet (DNS and receiving mail servers on loopback, described
by a YAML file) and a node; derive a contact list with bad rows, import it, and send a signed
newsletter to it. Watch it here and at the address that is printed. In the end every recipient
is checked: what the ledger says against what the receivers hold.

Nothing leaves this machine. A demo that was killed goes on where it stood.

Exit codes with --exit: 0 when everything holds, 3 when something does not or when the
campaign is not finished in time.`,
		Example: `  headway demo
  headway demo --exit --contacts 1000
  headway demo --sandbox mine.yaml`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error { return runDemo(cmd, o) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.file, "sandbox", "", "YAML file that describes the simulated internet (default: a built-in one)")
	flags.IntVar(&o.contacts, "contacts", 0, "rows of the contact list (default: as the file says, 5,000)")
	flags.BoolVar(&o.exit, "exit", false, "end after the check instead of staying up for looking around")
	flags.BoolVar(&o.fresh, "fresh", false, "begin anew instead of continuing a demo that was interrupted")
	flags.DurationVar(&o.patience, "patience", 0, "with --exit: give up after this time (default: 4 minutes and the lifetime of a message)")
	return cmd
}

func runDemo(cmd *cobra.Command, o demoOptions) (err error) {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	if o.contacts < 0 {
		return usageError{fmt.Errorf("--contacts %d is less than 0", o.contacts)}
	}
	file, text, err := readSandbox(cmd.ErrOrStderr(), o.file)
	if err != nil {
		return err
	}
	c, err := demoSettings(cmd)
	if err != nil {
		return err
	}
	log, err := logger(cmd, c)
	if err != nil {
		return err
	}
	began := time.Now()
	d, err := demo.Open(ctx, demo.Options{File: file, Text: text, Contacts: o.contacts, Fresh: o.fresh, Config: c, Log: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	banner(out, file, d)
	if err := prepareDemo(ctx, out, d); err != nil {
		return err
	}
	patience := o.patience
	if patience == 0 {
		patience = 4*time.Minute + d.Lifetime()
	}
	good, err := followDemo(ctx, out, d, patience, o.exit)
	if err != nil || ctx.Err() != nil {
		return err
	}
	fmt.Fprintf(out, "\nThe demo took %s.\n", time.Since(began).Round(time.Second))
	if !o.exit {
		fmt.Fprintf(out, "Look around at %s; Ctrl-C ends it.\n", d.Node.URL())
		<-ctx.Done()
		return nil
	}
	if !good {
		return fmt.Errorf("the demo did not end as it should: %w", errFound)
	}
	return nil
}

// readSandbox reads a description, or takes the built-in one, and explains
// every mistake in it.
func readSandbox(errOut io.Writer, name string) (*sandbox.File, []byte, error) {
	if name == "" {
		return sandbox.Default(), sandbox.DefaultYAML(), nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, nil, err
	}
	file, problems, err := sandbox.Load(bytes.NewReader(text), name)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range problems {
		fmt.Fprintln(errOut, p)
	}
	if n := len(problems); n > 0 {
		return nil, nil, fmt.Errorf("%s has %d mistakes; docs/SANDBOX.md explains every field", name, n)
	}
	return file, text, nil
}

// demoSettings reads the settings that a demo keeps: where it is, not whom it
// sends to.
func demoSettings(cmd *cobra.Command) (config.Config, error) {
	c, err := settings(cmd)
	if err != nil {
		return c, err
	}
	if c.Log.Level == "info" {
		c.Log.Level = "error" // the live view is enough
	}
	return c, nil
}

func banner(w io.Writer, file *sandbox.File, d *demo.Demo) {
	domains := 0
	for i := range file.Providers {
		domains += len(file.Providers[i].AllDomains())
	}
	fmt.Fprintf(w, `Headway demo: a simulated internet of %d providers and %d domains on this machine.
Nothing leaves it. Retries are short here (a message is tried for %s, not 48 h), and
the stops of a campaign that goes badly only warn.

`, len(file.Providers), domains, d.Lifetime())
}

func prepareDemo(ctx context.Context, w io.Writer, d *demo.Demo) error {
	if err := d.Publish(ctx); err != nil {
		return err
	}
	fmt.Fprintf(w, "Pages        %s\n", d.Node.URL())
	if d.Resumed {
		fmt.Fprintf(w, "Continuing   the demo that was interrupted (--fresh begins anew)\n\n")
		return nil
	}
	imported, err := d.Import(ctx)
	if err != nil {
		return err
	}
	n := imported.Counts
	fmt.Fprintf(w, "Imported     %s rows: %s contacts, %s refused, %s twice in the file\n", count(n.Rows),
		count(n.New+n.Updated+n.Unchanged), count(n.Refused()), count(n.Duplicate))
	leaving, err := d.SendEarlier(ctx)
	if err != nil {
		return err
	}
	if leaving > 0 {
		fmt.Fprintf(w, "Sent         a summer letter to %d readers, who will leave by its link in the middle of the next one\n", leaving)
	}
	if err := d.Launch(ctx); err != nil {
		return err
	}
	fmt.Fprintf(w, "Launched     %s/campaigns/%d\n\n", d.Node.URL(), d.Campaign)
	return nil
}

// leaveOver is the time within which readers leave in the middle.
const leaveOver = 10 * time.Second

// followDemo shows the campaign until it is finished, and verifies it. Without
// exit it waits as long as it takes.
func followDemo(ctx context.Context, w io.Writer, d *demo.Demo, patience time.Duration, exit bool) (bool, error) {
	following, cancel := ctx, context.CancelFunc(func() {})
	if exit {
		following, cancel = context.WithTimeout(ctx, patience)
	}
	defer cancel()
	left := false
	screen := newScreen(w)
	screen.also = func(live service.Live) {
		n := live.Campaign.Counters
		if !left && live.Campaign.LaunchDone && n.Final()*4 >= n.Targeted {
			left = true
			d.Sandbox.UnsubscribeLater(following, leaveOver)
		}
	}
	if err := watchCampaign(following, d.Node.Service, d.Campaign, screen); err != nil {
		return false, err
	}
	if ctx.Err() != nil {
		return false, nil
	}
	if following.Err() != nil {
		fmt.Fprintf(w, "\nGiving up after %s. Not final:\n", patience)
		names, err := d.NotFinal(ctx, 20)
		for _, name := range names {
			fmt.Fprintf(w, "  %s\n", name)
		}
		return false, err
	}
	waitForClicks(following)
	live, err := d.Node.Service.Live(ctx, d.Campaign)
	if err != nil {
		return false, err
	}
	fmt.Fprintln(w)
	finalTable(live).print(w)
	fmt.Fprintln(w)
	return printFindings(ctx, w, d)
}

// clickTakes bounds the time from a reader's click to our answer. Who leaves
// later than the last message cannot be mailed any more.
const clickTakes = time.Second

// waitForClicks lets readers who have just clicked get their answer.
func waitForClicks(ctx context.Context) {
	select {
	case <-time.After(clickTakes):
	case <-ctx.Done():
	}
}

func printFindings(ctx context.Context, w io.Writer, d *demo.Demo) (bool, error) {
	findings, err := d.Verify(ctx)
	if err != nil {
		return false, err
	}
	good := true
	for _, f := range findings {
		mark := "✓"
		if !f.Good {
			mark, good = "✗", false
		}
		fmt.Fprintf(w, "%s %s\n", mark, f.Words)
		for _, c := range f.Cases {
			fmt.Fprintf(w, "    %s\n", c)
		}
	}
	return good, nil
}
