package dsn_test

import (
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/headwaymail/headway/listhygiene/bounce"
	"github.com/headwaymail/headway/listhygiene/corpustest"
	"github.com/headwaymail/headway/listhygiene/dsn"
	"github.com/headwaymail/headway/pacing/reply"
)

// expected is a row of the corpus: the reason that Sisimai's authors gave.
type expected struct {
	file   string
	index  int // of the recipient, from 1
	reason string
}

// accepted says which of our classes agree with a reason. Theirs are wider in
// some places ("blocked", "rejected") and narrower in others.
var accepted = map[string][]reply.Bounce{
	"userunknown":     {reply.BounceBadMailbox},
	"hasmoved":        {reply.BounceBadMailbox},
	"hostunknown":     {reply.BounceBadDomain},
	"notaccept":       {reply.BounceBadDomain, reply.BounceRemoteConfig},
	"suspend":         {reply.BounceInactive},
	"mailboxfull":     {reply.BounceMailboxFull},
	"expired":         {reply.BounceExpired, reply.BounceNetwork},
	"networkerror":    {reply.BounceNetwork, reply.BounceRemoteConfig, reply.BounceExpired, reply.BounceBadDomain}, // NXDOMAIN is among them
	"rejected":        {reply.BounceSenderDNS, reply.BounceAuthFailure, reply.BounceBlockedDomain, reply.BounceBlockedIP, reply.BounceRecipientPolicy, reply.BounceRemoteConfig, reply.BounceContentSpam},
	"blocked":         {reply.BounceBlockedIP, reply.BounceBlockedDomain, reply.BounceSenderDNS, reply.BounceAuthFailure, reply.BounceContentSpam},
	"badreputation":   {reply.BounceBlockedIP, reply.BounceBlockedDomain, reply.BounceContentSpam, reply.BounceRateLimited},
	"authfailure":     {reply.BounceAuthFailure},
	"requireptr":      {reply.BounceSenderDNS, reply.BounceAuthFailure},
	"policyviolation": {reply.BounceContentSpam, reply.BounceContentOther, reply.BounceRecipientPolicy, reply.BounceBlockedIP, reply.BounceBlockedDomain, reply.BounceAuthFailure, reply.BounceProtocol},
	"securityerror":   {reply.BounceContentSpam, reply.BounceContentOther, reply.BounceRemoteConfig, reply.BounceAuthFailure, reply.BounceRecipientPolicy},
	"spamdetected":    {reply.BounceContentSpam, reply.BounceBlockedDomain},
	"virusdetected":   {reply.BounceContentOther, reply.BounceContentSpam},
	"contenterror":    {reply.BounceContentOther, reply.BounceContentSpam},
	"notcompliantrfc": {reply.BounceContentOther, reply.BounceContentSpam},
	"exceedlimit":     {reply.BounceContentOther},
	"norelaying":      {reply.BounceRemoteConfig},
	"systemerror":     {reply.BounceNetwork, reply.BounceRemoteConfig},
	"toomanyconn":     {reply.BounceRateLimited},
	"speeding":        {reply.BounceRateLimited},
	"syntaxerror":     {reply.BounceProtocol, reply.BounceContentOther},
	"mailererror":     {reply.BounceRemoteConfig, reply.BounceNetwork, reply.BounceUnknown},
}

// bad are the reasons that say that the address itself is bad.
var bad = []string{"userunknown", "hasmoved", "hostunknown", "notaccept", "suspend"}

// unjudged are reasons without a claim about the failure: they are left out of
// both figures, as are "filtered" refusals, which may mean either.
var unjudged = []string{"filtered", "undefined", "onhold", "delivered", "feedback", "vacation"}

func expectations(t *testing.T) []expected {
	t.Helper()
	var list []expected
	for _, line := range corpustest.Lines(t, "sisimai-bounces/expected.tsv")[1:] {
		f := strings.Split(line, "\t")
		n, err := strconv.Atoi(f[1])
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, expected{f[0], n, f[4]})
	}
	return list
}

func readMail(t *testing.T, folder, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(corpustest.Path(t, folder), name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// suppresses reports whether a judgement costs the address anything at once.
func suppresses(j dsn.Judgement) bool {
	return bounce.Policy(j.Meaning, j.Recipient.Phase).Address.Kind == bounce.Suppress
}

type figures struct {
	found, missed, wrong int // suppress or not
	agree, rows          int // class
}

func (f figures) recall() float64    { return float64(f.found) / float64(max(f.found+f.missed, 1)) }
func (f figures) precision() float64 { return float64(f.found) / float64(max(f.found+f.wrong, 1)) }
func (f figures) agreement() float64 { return float64(f.agree) / float64(max(f.rows, 1)) }

// measure reads the whole corpus through a change and counts.
func measure(t *testing.T, change func(name string, raw []byte) []byte) (figures, string) {
	t.Helper()
	var (
		f     figures
		notes []string
		cache = map[string][]dsn.Judgement{}
	)
	for _, e := range expectations(t) {
		if slices.Contains(unjudged, e.reason) {
			continue
		}
		list, done := cache[e.file]
		if !done {
			raw := readMail(t, "sisimai-bounces/emails", e.file)
			if change != nil {
				raw = change(e.file, raw)
			}
			list = dsn.Read(raw).Judge(nil)
			cache[e.file] = list
		}
		var j dsn.Judgement
		switch {
		case e.index <= len(list):
			j = list[e.index-1]
		case len(list) > 0:
			j = list[len(list)-1]
		}
		f.rows++
		agree := slices.Contains(accepted[e.reason], j.Meaning.Bounce)
		if agree {
			f.agree++
		}
		isBad, taken := slices.Contains(bad, e.reason), suppresses(j)
		mark := "class"
		switch {
		case isBad && taken:
			f.found++
		case isBad:
			f.missed++
			mark = "MISSED"
		case taken:
			f.wrong++
			mark = "WRONGLY SUPPRESSED"
		}
		if !agree || mark != "class" {
			notes = append(notes, fmt.Sprintf("  %-19s %s %d: %s is %s by %s (%s): %.160s", mark, e.file, e.index, e.reason, j.Meaning.Bounce,
				j.Meaning.Rule, j.Source, j.Reply))
		}
	}
	sort.Strings(notes)
	return f, strings.Join(notes, "\n")
}

// The figures on mails as they are, and on what other servers would have made of
// them. They do not fall below what was asked for.
func TestCorpusSisimai(t *testing.T) {
	t.Parallel()
	for _, way := range []struct {
		name   string
		change func(string, []byte) []byte
	}{
		{"as they are", nil},
		{"half of the enhanced codes gone", withoutHalfOfTheCodes},
		{"all enhanced codes gone", withoutCodes},
		{"other host names", otherHosts},
		{"wrapped at 48 columns", rewrapped},
		{"half of the codes gone, other hosts, wrapped", func(name string, raw []byte) []byte {
			return rewrapped(name, otherHosts(name, withoutHalfOfTheCodes(name, raw)))
		}},
		{"CRLF", newlines("\r\n")},
		{"CR", newlines("\r")},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			f, notes := measure(t, way.change)
			t.Logf("%s: recall %.1f %% (%d of %d), precision %.1f %% (%d wrong), class agreement %.1f %% (%d of %d)\n%s", way.name,
				100*f.recall(), f.found, f.found+f.missed, 100*f.precision(), f.wrong, 100*f.agreement(), f.agree, f.rows, notes)
			if f.recall() < 0.90 || f.precision() < 0.97 || f.agreement() < 0.90 {
				t.Errorf("recall %.3f, precision %.3f, agreement %.3f; want 0.90, 0.97, 0.90", f.recall(), f.precision(), f.agreement())
			}
		})
	}
}

var enhancedCode = regexp.MustCompile(`\b[245]\.\d{1,3}\.\d{1,3}\b`)

// withoutHalfOfTheCodes removes each enhanced code, and the Status field that
// repeats it, from half of the mails.
func withoutHalfOfTheCodes(name string, raw []byte) []byte {
	sum := fnv.New32a()
	sum.Write([]byte(name))
	if sum.Sum32()%2 == 0 {
		return raw
	}
	return withoutCodes(name, raw)
}

func withoutCodes(_ string, raw []byte) []byte { return enhancedCode.ReplaceAll(raw, nil) }

var hostNames = regexp.MustCompile(`\b[a-z0-9-]+(\.[a-z0-9-]+)*\.(com|net|org|jp|ru|de|fr|co\.uk|outlook)\b`)

func otherHosts(_ string, raw []byte) []byte {
	return hostNames.ReplaceAllFunc(raw, func(host []byte) []byte {
		sum := fnv.New32a()
		sum.Write(host)
		return fmt.Appendf(nil, "h%d.elsewhere.example", sum.Sum32()%1000)
	})
}

// rewrapped wraps the lines of failure texts at 48 columns, as other software
// would have: diagnostic fields by folding, sentences by new lines.
func rewrapped(_ string, raw []byte) []byte {
	var b strings.Builder
	for line := range strings.Lines(strings.ReplaceAll(string(raw), "\r\n", "\n")) {
		field := strings.HasPrefix(strings.ToLower(line), "diagnostic-code:")
		if len(line) <= 50 || !field && (strings.Contains(line, ": ") && !strings.Contains(line, "said") || strings.HasPrefix(line, "--") || !strings.Contains(line, " ")) {
			b.WriteString(line)
			continue
		}
		column := 0
		indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		b.WriteString(indent)
		for i, word := range strings.Fields(line) {
			switch {
			case i > 0 && column+len(word) > 48:
				b.WriteString("\n    ")
				column = 4
			case i > 0:
				b.WriteByte(' ')
				column++
			}
			b.WriteString(word)
			column += len(word)
		}
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

func newlines(end string) func(string, []byte) []byte {
	return func(_ string, raw []byte) []byte {
		text := strings.ReplaceAll(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\r", "\n")
		return []byte(strings.ReplaceAll(text, "\n", end))
	}
}

// Every mail of the corpus is recognised as what it is.
func TestCorpusSisimaiKinds(t *testing.T) {
	t.Parallel()
	reasons := map[string]string{}
	for _, e := range expectations(t) {
		if e.index == 1 {
			reasons[e.file] = e.reason
		}
	}
	for _, folder := range []string{"emails", "newline-mac", "newline-dos", "not-bounces"} {
		root := filepath.Join("sisimai-bounces", folder)
		files, err := os.ReadDir(corpustest.Path(t, root))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			r := dsn.Read(readMail(t, root, file.Name()))
			switch {
			case strings.HasPrefix(file.Name(), "arf-"):
				if r.Kind != dsn.Complaint {
					t.Errorf("%s is %s (%s), not a complaint", file.Name(), r.Kind, r.Why)
				}
			case strings.HasPrefix(file.Name(), "rfc3834-"), reasons[file.Name()] == "vacation", strings.HasPrefix(file.Name(), "is-not-bounce"):
				if r.Kind == dsn.Failure || r.Kind == dsn.Complaint {
					t.Errorf("%s is %s (%s), which it is not", file.Name(), r.Kind, r.Why)
				}
			case reasons[file.Name()] == "delivered":
				if len(r.Judge(nil)) > 0 {
					t.Errorf("%s was delivered, but counts as a failure", file.Name())
				}
			case strings.HasPrefix(file.Name(), "lhost-fml-"): // a mailing list answers its member, in a mail like any other
			case folder != "not-bounces" && reasons[file.Name()] != "":
				if r.Kind != dsn.Failure && r.Kind != dsn.Delay {
					t.Errorf("%s is %s (%s), not a failure", file.Name(), r.Kind, r.Why)
				} else if len(r.Recipients) == 0 {
					t.Errorf("%s: no recipient", file.Name())
				}
			}
		}
	}
}

func TestCorpusFlanker(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		kind    dsn.Kind
		bounce  reply.Bounce
		address string
	}{
		"bounce-mailbox-full.eml": {dsn.Failure, reply.BounceMailboxFull, "user@aol.com"},
		"bounce-no-mx.eml":        {dsn.Delay, reply.BounceBadDomain, "user@example.com"},
		"bounce-zed.eml":          {dsn.Failure, reply.BounceBadMailbox, "asdfasdfasdfasdfasdfasdfewrqertrtyrthsfgdfgadfqeadvxzvz@gmail.com"},
		"complaints-aol.eml":      {kind: dsn.Complaint},
		"complaints-yahoo.eml":    {kind: dsn.Complaint},
	} {
		r := dsn.Read(readMail(t, "flanker/messages", name))
		if r.Kind != want.kind {
			t.Errorf("%s is %s (%s), want %s", name, r.Kind, r.Why, want.kind)
			continue
		}
		if want.kind == dsn.Complaint {
			if r.Feedback.Type != "abuse" {
				t.Errorf("%s: feedback type %q", name, r.Feedback.Type)
			}
			continue
		}
		list := r.Judge(nil)
		if len(list) != 1 || list[0].Recipient.Address != want.address {
			t.Errorf("%s: %+v", name, list)
			continue
		}
		if b := list[0].Meaning.Bounce; b != want.bounce && want.kind == dsn.Failure {
			t.Errorf("%s is %s, want %s", name, b, want.bounce)
		}
	}
}

// aboutUs are the labels of replies that speak of the sender, the message or the
// way, and never of the address.
var aboutUs = []reply.Bounce{
	reply.BounceRateLimited, reply.BounceBlockedIP, reply.BounceBlockedDomain, reply.BounceAuthFailure, reply.BounceSenderDNS,
	reply.BounceContentSpam, reply.BounceContentOther, reply.BounceGreylisted, reply.BounceNetwork, reply.BounceProtocol,
}

// Replies that providers really send, each put into a report as the
// Diagnostic-Code: none that is about us may cost an address anything.
func TestCorpusFieldManualSuppressesNobodyForOurFaults(t *testing.T) {
	t.Parallel()
	type answer struct{ Name, Response string }
	answers := corpustest.JSONLines[answer](t, "smtp-field-manual/responses.jsonl")
	labels := fieldManualLabels(t)
	for i, a := range answers {
		for _, fields := range []string{"Status: 5.0.0\n", "Status: 5.1.1\n", ""} {
			folded := strings.Join(strings.Split(strings.TrimSpace(a.Response), "\n"), "\n ")
			raw := "From: MAILER-DAEMON@mx.example\nSubject: failure\nContent-Type: message/delivery-status\n\n" +
				"Final-Recipient: rfc822; ann@somewhere.example\nAction: failed\n" + fields + "Diagnostic-Code: smtp; " + folded + "\n"
			for _, j := range dsn.Read([]byte(raw)).Judge(nil) {
				if label := labels[i+1]; suppresses(j) && len(label) > 0 && all(label, aboutUs) {
					t.Errorf("line %d (%v) suppresses by %s (%s): %s", i+1, label, j.Meaning.Rule, j.Source, a.Response)
				}
			}
		}
	}
}

// fieldManualLabels reads the labels that pacing/reply keeps for the corpus.
func fieldManualLabels(t *testing.T) map[int][]reply.Bounce {
	t.Helper()
	data, err := os.ReadFile("../../pacing/reply/testdata/labels_smtp_field_manual.tsv")
	if err != nil {
		t.Fatal(err)
	}
	labels := map[int][]reply.Bounce{}
	for line := range strings.Lines(string(data)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		n, err := strconv.Atoi(f[0])
		if err != nil {
			continue
		}
		for b := range strings.SplitSeq(f[2], "|") {
			labels[n] = append(labels[n], reply.Bounce(b))
		}
	}
	return labels
}

func all(list, of []reply.Bounce) bool {
	for _, b := range list {
		if !slices.Contains(of, b) {
			return false
		}
	}
	return true
}
