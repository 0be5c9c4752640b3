package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// commands lists all commands, each group before its members.
func commands(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		all = append(all, commands(sub)...)
	}
	return all
}

func TestEveryCommandExplainsItself(t *testing.T) {
	t.Parallel()
	found := commands(newRoot())
	if len(found) < 25 {
		t.Fatalf("only %d commands: the search is broken", len(found))
	}
	for _, cmd := range found {
		path := cmd.CommandPath()
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			var out, errOut bytes.Buffer
			if code := Main(append(strings.Fields(path)[1:], "--help"), &out, &errOut); code != 0 || errOut.Len() > 0 {
				t.Fatalf("exit code %d: %s", code, errOut.String())
			}
			if !strings.Contains(out.String(), "Usage:\n  headway") {
				t.Errorf("no usage in\n%s", out.String())
			}
			if cmd.Short == "" {
				t.Error("no short description")
			}
			for line := range strings.Lines(cmd.Long) {
				if len(strings.TrimRight(line, "\n")) > 96 {
					t.Errorf("too wide for a terminal: %q", line)
				}
			}
		})
	}
}

// TestExamplesInHelpTextsParse lets each example run up to the point where it
// would begin to work.
func TestExamplesInHelpTextsParse(t *testing.T) {
	t.Parallel()
	tried := 0
	for _, cmd := range commands(newRoot()) {
		for _, line := range examples(cmd.Example) {
			tried++
			args := headwayArgs(shellWords(line))
			if args == nil {
				t.Errorf("%s: no headway in the example %q", cmd.CommandPath(), line)
				continue
			}
			found, rest, err := newRoot().Find(args)
			if err != nil {
				t.Errorf("%s: %q: %v", cmd.CommandPath(), line, err)
				continue
			}
			if err := found.ParseFlags(rest); err != nil {
				t.Errorf("%s: %q: %v", cmd.CommandPath(), line, err)
				continue
			}
			if err := found.ValidateArgs(found.Flags().Args()); err != nil {
				t.Errorf("%s: %q: %v", cmd.CommandPath(), line, err)
			}
		}
	}
	if tried < 12 {
		t.Errorf("only %d examples: the search is broken", tried)
	}
}

// examples splits a help text's examples into lines; a backslash continues one.
func examples(text string) []string {
	var lines []string
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// headwayArgs returns what a command line gives to headway: variables and pipes
// before it, and redirections after it, are the shell's.
func headwayArgs(words []string) []string {
	for i, word := range words {
		if word != "headway" {
			continue
		}
		args := []string{}
		for _, word := range words[i+1:] {
			if word == ">" || word == "|" {
				break
			}
			args = append(args, word)
		}
		return args
	}
	return nil
}

// shellWords splits a line as a shell does: at blanks outside quotes.
func shellWords(line string) []string {
	var words []string
	var word strings.Builder
	quote, inWord := rune(0), false
	for _, c := range line {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, inWord = c, true
		case quote == 0 && c == ' ':
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		default:
			word.WriteRune(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words
}
