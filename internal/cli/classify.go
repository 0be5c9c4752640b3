package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/pacing/reply"
)

func newClassify() *cobra.Command {
	var provider, phase string
	cmd := &cobra.Command{
		Use:   "classify",
		Short: "Explain what a mail server's reply means",
		Long: `Read replies from standard input, one a line, and explain each: what is slowed, what it
says about the address, how long the server asks us to wait, and which rule decided.`,
		Example: `  echo "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred" | headway classify --provider yahoo`,
		Args:    exactArgs(0, "no arguments: it reads standard input"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runClassify(cmd, provider, reply.Phase(phase))
		},
	}
	cmd.Flags().StringVar(&provider, "provider", "", "key of the provider that said it: google, yahoo, microsoft, …")
	cmd.Flags().StringVar(&phase, "phase", string(reply.PhaseRcpt), "command that it answers: connect, ehlo, starttls, auth, mail, rcpt, data, dot, async")
	return cmd
}

// longestReply bounds a line of standard input.
const longestReply = 1 << 20

func runClassify(cmd *cobra.Command, provider string, phase reply.Phase) error {
	known := false
	for _, p := range reply.Phases() {
		known = known || p == phase
	}
	if !known {
		return usageError{fmt.Errorf("--phase %q is not a phase; see `headway classify --help`", phase)}
	}
	lines := bufio.NewScanner(cmd.InOrStdin())
	lines.Buffer(nil, longestReply)
	found := 0
	for lines.Scan() {
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			continue
		}
		found++
		r := reply.Parse(phase, text)
		m := reply.Classify(provider, r)
		if wantsJSON(cmd) {
			if err := printJSON(cmd, map[string]any{"reply": r, "meaning": m}); err != nil {
				return err
			}
			continue
		}
		explain(cmd.OutOrStdout(), r, m)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read replies: %w", err)
	}
	if found == 0 {
		return errors.New("there was no reply on standard input")
	}
	return nil
}

func explain(w io.Writer, r reply.Reply, m reply.Meaning) {
	fmt.Fprintf(w, "%s\n", r)
	if m.Class != reply.ClassNone {
		fmt.Fprintf(w, "  class    %s: %s\n", m.Class, m.Class.Words())
	}
	if m.Bounce != reply.BounceNone {
		fmt.Fprintf(w, "  address  %s: %s\n", m.Bounce, m.Bounce.Words())
	}
	again := "no: the message is not tried again"
	if m.Temporary {
		again = "yes"
		if m.Hint > 0 {
			again = fmt.Sprintf("yes, not before %s", m.Hint)
		}
	}
	fmt.Fprintf(w, "  scope    %s\n  again    %s\n  rule     %s\n\n", m.Scope, again, m.Rule)
}
