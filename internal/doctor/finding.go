package doctor

// Verdict says how a check ended.
type Verdict string

// The verdicts, from the best to the worst. Unknown is not a mild failure: the
// question could not be answered now.
const (
	Pass    Verdict = "pass"
	Warn    Verdict = "warn" // mail goes out, and could go better
	Unknown Verdict = "unknown"
	Fail    Verdict = "fail"
)

// Record is a DNS record to publish.
type Record struct {
	Name  string // without the final dot
	Type  string // TXT, MX, A, PTR
	Value string
}

// Finding is one check and what it came to.
type Finding struct {
	ID      string // spf, dkim, dmarc, return_path, mx; helo, ptr, port25
	Title   string
	Verdict Verdict
	Words   string // what was found, as one sentence
	Fix     string // what to do; empty where nothing is to be done
	Record  Record // what to publish; zero where there is nothing to publish
	Found   []string
}

// Worst returns the worst verdict of some findings, [Pass] of none.
func Worst(findings []Finding) Verdict {
	worst := Pass
	for _, f := range findings {
		if f.Verdict.rank() > worst.rank() {
			worst = f.Verdict
		}
	}
	return worst
}

func (v Verdict) rank() int {
	switch v {
	case Warn:
		return 1
	case Unknown:
		return 2
	case Fail:
		return 3
	}
	return 0
}

func (f Finding) pass(words string) Finding {
	f.Verdict, f.Words = Pass, words
	return f
}

func (f Finding) warn(words, fix string) Finding {
	f.Verdict, f.Words, f.Fix = Warn, words, fix
	return f
}

func (f Finding) fail(words, fix string) Finding {
	f.Verdict, f.Words, f.Fix = Fail, words, fix
	return f
}

// open says that the DNS gave no answer: neither that there is a record nor that
// there is none.
func (f Finding) open(err error) Finding {
	f.Verdict, f.Words = Unknown, "The DNS gave no answer: "+err.Error()+"."
	f.Fix = "It is asked again by itself. If this stays, look at dns.servers in the settings."
	return f
}
