package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/sandbox"
)

func newSandbox() *cobra.Command {
	var file, record, contacts string
	var port int
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Run a simulated internet on loopback: DNS and receiving mail servers",
		Long: `Run the simulated internet that a YAML file describes, until Ctrl-C: a DNS server and
receiving mail servers on loopback. It prints the settings with which a node sends into it.
docs/SANDBOX.md explains the file.`,
		Example: `  headway sandbox --config mine.yaml --smtp-port 2525 --contacts readers.csv
  headway sandbox check mine.yaml
  headway sandbox example > mine.yaml`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runSandbox(cmd, file, contacts, sandbox.Options{SMTPPort: port, RecordFile: record})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&file, "config", "", "YAML file (default: the internet of the demo)")
	flags.StringVar(&record, "record", "", "append every message received to this file, as JSON lines")
	flags.StringVar(&contacts, "contacts", "", "write the contact list to this CSV file")
	flags.IntVar(&port, "smtp-port", 0, "port of every mail server (default: a free one)")
	cmd.AddCommand(newSandboxCheck(), newSandboxExample())
	return cmd
}

func runSandbox(cmd *cobra.Command, name, contacts string, o sandbox.Options) (err error) {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	file, _, err := readSandbox(cmd.ErrOrStderr(), name)
	if err != nil {
		return err
	}
	if contacts != "" {
		if err := writeContacts(file, contacts); err != nil {
			return err
		}
	}
	s, err := sandbox.Start(ctx, file, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	fmt.Fprintf(out, `The sandbox is up: %d providers. Send into it with these settings:

[sandbox]
enabled = true
[dns]
servers = ["%s"]
[sending]
smtp_port = %d

Ctrl-C ends it.
`, len(file.Providers), s.DNSAddr(), s.SMTPPort())
	<-ctx.Done()
	total := 0
	for _, c := range s.Counts() {
		total += c.Accepted
	}
	fmt.Fprintf(out, "\nReceived %s messages.\n", count(int64(total)))
	return nil
}

func writeContacts(file *sandbox.File, name string) error {
	w, err := os.Create(filepath.Clean(name))
	if err != nil {
		return err
	}
	_, err = file.WriteCSV(w, 0)
	return errors.Join(err, w.Close())
}

func newSandboxCheck() *cobra.Command {
	return &cobra.Command{
		Use:     "check FILE",
		Short:   "Explain every mistake in a description, by line",
		Example: "  headway sandbox check mine.yaml",
		Args:    exactArgs(1, "one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			err = sandbox.Check(cmd.OutOrStdout(), f, args[0])
			if errors.Is(err, sandbox.ErrMistakes) {
				return fmt.Errorf("%s cannot be used: %w", args[0], errors.Join(err, errFound))
			}
			return err
		},
	}
}

func newSandboxExample() *cobra.Command {
	return &cobra.Command{
		Use:   "example",
		Short: "Print the description of the demo's internet, as a file to begin with",
		Args:  exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(sandbox.DefaultYAML())
			return err
		},
	}
}
