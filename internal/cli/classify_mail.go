package cli

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/listhygiene/bounce"
	"github.com/headwaymail/headway/listhygiene/dsn"
	"github.com/headwaymail/headway/pacing/reply"
)

// explainedRecipient is what a mail means for one recipient, as JSON.
type explainedRecipient struct {
	Address  string         `json:"address"`
	Action   string         `json:"action,omitempty"`
	Host     string         `json:"host,omitempty"`
	Provider string         `json:"provider,omitempty"`
	Phase    reply.Phase    `json:"phase"`
	Source   string         `json:"source"`
	Reply    string         `json:"reply"`
	Class    reply.Class    `json:"class"`
	Bounce   reply.Bounce   `json:"bounce"`
	Rule     string         `json:"rule"`
	Tried    []explainedTry `json:"tried"`
	Suppress bool           `json:"suppress"`
	Effect   string         `json:"effect"`
	Words    string         `json:"words"`
}

type explainedTry struct {
	Source string `json:"source"`
	Reply  string `json:"reply"`
	Rule   string `json:"rule"`
}

// explainedMail is what a mail means, as JSON.
type explainedMail struct {
	Kind       dsn.Kind             `json:"kind"`
	Why        string               `json:"why"`
	From       string               `json:"from"`
	Subject    string               `json:"subject"`
	Feedback   string               `json:"feedback,omitempty"`
	Recipients []explainedRecipient `json:"recipients"`
}

func classifyMail(cmd *cobra.Command, rules *reply.Rules, raw []byte) error {
	r := dsn.Read(raw)
	e := explainedMail{Kind: r.Kind, Why: r.Why, From: r.From, Subject: r.Subject, Feedback: r.Feedback.Type, Recipients: []explainedRecipient{}}
	for _, j := range r.Judge(rules) {
		e.Recipients = append(e.Recipients, explainRecipient(r, j))
	}
	if wantsJSON(cmd) {
		return printJSON(cmd, e)
	}
	printMail(cmd.OutOrStdout(), e)
	return nil
}

func explainRecipient(r dsn.Report, j dsn.Judgement) explainedRecipient {
	effect := bounce.Reported(j.Meaning, j.Recipient.Phase)
	if r.Kind == dsn.Delay {
		effect = bounce.Effect{}
	}
	to := explainedRecipient{Address: j.Recipient.Address, Action: j.Recipient.Action, Host: j.Recipient.RemoteMTA, Provider: j.Provider,
		Phase: j.Recipient.Phase, Source: j.Source, Reply: j.Reply.String(), Class: j.Meaning.Class, Bounce: j.Meaning.Bounce,
		Rule: j.Meaning.Rule, Suppress: effect.Kind == bounce.Suppress, Effect: effectWords(effect), Words: firstSentence(j.Meaning.Bounce.Words())}
	for _, t := range j.Tried {
		to.Tried = append(to.Tried, explainedTry{t.Source, t.Reply.String(), t.Rule})
	}
	return to
}

// firstSentence leaves out what usually follows: the line below it says what
// follows here.
func firstSentence(s string) string {
	first, _, _ := strings.Cut(s, ". ")
	return strings.TrimSuffix(first, ".") + "."
}

func effectWords(e bounce.Effect) string {
	switch {
	case e.Kind == bounce.Suppress && e.For > 0:
		return fmt.Sprintf("suppressed for %d days, for good when it happens again", int(e.For.Hours()/24))
	case e.Kind == bounce.Suppress:
		return "suppressed"
	case e.Kind == bounce.Soft:
		return fmt.Sprintf("counts %g towards %g over at least %d days; an accepted message clears it", e.Weight, e.Soft.After, int(e.Soft.Over.Hours()/24))
	}
	return "not held against the address"
}

func printMail(w io.Writer, e explainedMail) {
	fmt.Fprintf(w, "1. It is %s,\n   since %s.\n   From %s, subject %q\n", e.Kind.Words(), e.Why, cmp.Or(e.From, "nobody"), e.Subject)
	if e.Kind == dsn.Complaint {
		fmt.Fprintf(w, "2. The feedback type is %s. With a signed token of ours in it, the address is suppressed everywhere.\n", e.Feedback)
	}
	for _, to := range e.Recipients {
		fmt.Fprintf(w, "\n%s\n", cmp.Or(to.Address, "a recipient that it does not name"))
		fmt.Fprintf(w, "2. The refusal came at %s%s.\n3. Looked at, in this order:\n", to.Phase, from(to.Host, to.Provider))
		for _, t := range to.Tried {
			fmt.Fprintf(w, "     %-16s %s: %s\n", t.Source, t.Rule, short(t.Reply, 140))
		}
		fmt.Fprintf(w, "4. Rule %s decided, on the %s:\n   %s\n", to.Rule, cmp.Or(to.Source, "nothing"), short(to.Reply, 300))
		fmt.Fprintf(w, "5. %s: %s\n   The address: %s.\n", to.Bounce, to.Words, to.Effect)
	}
}

func from(host, provider string) string {
	switch {
	case host == "":
		return ""
	case provider == "":
		return ", from " + host
	}
	return ", from " + host + " (" + provider + ")"
}

func short(s string, most int) string {
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
