package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/listhygiene/dsn"
	"github.com/headwaymail/headway/pacing/reply"
)

// classifyOptions are the flags of the command.
type classifyOptions struct {
	provider, phase, rules string
}

func newClassify() *cobra.Command {
	var o classifyOptions
	cmd := &cobra.Command{
		Use:   "classify [FILE]",
		Short: "Explain what a mail server's reply, or a mail that came back, means",
		Long: `Read replies from a file or standard input, one a line, and explain each: what is slowed, what
it says about the address, how long the server asks us to wait, and which rule decided.

A whole mail with its header is explained step by step: what kind of mail it is, of whom it
speaks, where the deciding words stand, and what follows for delivery and address.`,
		Example: `  echo "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred" | headway classify --provider yahoo
  headway classify bounce.eml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runClassify(cmd, o, args) },
	}
	cmd.Flags().StringVar(&o.provider, "provider", "", "key of the provider that said it: google, yahoo, microsoft, …")
	cmd.Flags().StringVar(&o.phase, "phase", string(reply.PhaseRcpt), "command that it answers: connect, ehlo, starttls, auth, mail, rcpt, data, dot, async")
	cmd.Flags().StringVar(&o.rules, "rules", "", "YAML file with rules that are tried before the built-in ones")
	return cmd
}

// longestReply bounds a line, and largestInput all that is read.
const (
	longestReply = 1 << 20
	largestInput = 64 << 20
)

func runClassify(cmd *cobra.Command, o classifyOptions, args []string) error {
	phase := reply.Phase(o.phase)
	if !slices.Contains(reply.Phases(), phase) {
		return usageError{fmt.Errorf("--phase %q is not a phase; see `headway classify --help`", phase)}
	}
	rules, err := service.ReplyRules(o.rules)
	if err != nil {
		return err
	}
	input := cmd.InOrStdin()
	if len(args) == 1 && args[0] != "-" {
		file, err := os.Open(args[0])
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		input = file
	}
	text, err := io.ReadAll(io.LimitReader(input, largestInput))
	if err != nil {
		return fmt.Errorf("read what is to be explained: %w", err)
	}
	if dsn.IsMail(text) {
		return classifyMail(cmd, rules, text)
	}
	return classifyReplies(cmd, rules, o.provider, phase, text)
}

func classifyReplies(cmd *cobra.Command, rules *reply.Rules, provider string, phase reply.Phase, text []byte) error {
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, longestReply)
	found := 0
	for lines.Scan() {
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			continue
		}
		found++
		r := reply.Parse(phase, text)
		m := rules.Classify(provider, r)
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
		return errors.New("there was neither a reply nor a mail to explain")
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
