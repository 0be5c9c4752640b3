package reply

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawReply makes a reply of pieces that rules look for.
func drawReply(t *rapid.T) Reply {
	pieces := []string{"<a@b.example>", "192.0.2.1", "mx.example.org", "https://b.example/c", "try again in 5 minutes"}
	for _, r := range Default().All() {
		for _, example := range r.Examples {
			pieces = append(pieces, Parse(PhaseAsync, example).Text())
		}
	}
	return Reply{
		Phase:    rapid.SampledFrom(append(Phases(), "")).Draw(t, "phase"),
		Code:     rapid.OneOf(rapid.Just(0), rapid.IntRange(400, 599)).Draw(t, "code"),
		Enhanced: rapid.SampledFrom([]string{"", "4.7.1", "5.1.1", "5.2.1", "5.7.1", "4.2.2"}).Draw(t, "enhanced"),
		Lines:    rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 4).Draw(t, "lines"),
	}
}

// What is refused before RCPT never counts against the recipient, whatever the
// words; a 4xx is always temporary; every meaning is whole.
func TestLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := drawReply(t)
		m := Classify(rapid.SampledFrom([]string{"", "google", "microsoft-365", "yahoo", "orange"}).Draw(t, "provider"), r)
		if m.Class == "" || m.Bounce == "" || m.Scope == "" || m.Rule == "" {
			t.Fatalf("%s: incomplete: %+v", r, m)
		}
		switch r.Phase {
		case PhaseConnect, PhaseEHLO, PhaseStartTLS, PhaseAuth, PhaseMail:
			switch m.Bounce {
			case BounceBadMailbox, BounceInactive, BounceMailboxFull, BounceRecipientPolicy, BounceBadDomain:
				if r.Code != 0 {
					t.Errorf("%s at %s: %s by %s", r, r.Phase, m.Bounce, m.Rule)
				}
			}
		}
		if 400 <= r.Code && r.Code < 500 && !m.Temporary {
			t.Errorf("%s: a 4xx that is permanent by %s", r, m.Rule)
		}
		if !m.Temporary && m.Hint != 0 {
			t.Errorf("%s: permanent, with a hint of %v", r, m.Hint)
		}
	})
}

func TestAcceptance(t *testing.T) {
	t.Parallel()
	for _, code := range []int{220, 250, 251, 252, 354} {
		if m := Classify("google", Reply{Phase: PhaseDot, Code: code, Lines: []string{"2.0.0 queued as spam"}}); m != (Meaning{}) {
			t.Errorf("%d: %+v", code, m)
		}
	}
}

// 5xx that pass are temporary; those about the message or the address are not.
func TestPermanentThatPasses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		provider, reply string
		want            bool
	}{
		{"qq", "550 Ip frequency limited", true},
		{"netease", "550 RP:ORQ", true},
		{"netease", "554 HL:ITC", true},
		{"godaddy", "550 mailbox has exceeded hourly limit IB607", true},
		{"", "550 Too many messages. Try again in 92 seconds.", true},
		{"microsoft-365", "550 5.2.121 Recipient's per hour message receive limit from specific sender exceeded", true},
		{"", "554 5.7.1 blocked using zen.spamhaus.org", true},
		{"google", "550 5.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages from being delivered.", false},
		{"", "550 5.1.1 User unknown", false},
		{"", "554 5.7.1 Message rejected as spam", false},
		{"", "552 5.2.2 Mailbox full", false},
		{"", "550 5.7.26 DMARC check failed", false},
		{"", "599 words that nobody wrote a rule for", false},
	} {
		if m := Classify(test.provider, Parse(PhaseRcpt, test.reply)); m.Temporary != test.want {
			t.Errorf("%s: temporary %v by %s, want %v", test.reply, m.Temporary, m.Rule, test.want)
		}
	}
}

// A reply of a megabyte, and one that is made to be slow, are over in no time.
func TestHugeReplies(t *testing.T) {
	t.Parallel()
	for name, piece := range map[string]string{
		"words":    "mailbox user recipient exceeded limit too many messages ",
		"one word": "a",
		"dots":     "a.b@c.",
		"digits":   "1 hour ",
		"bytes":    "\xff\xfe",
		"enhanced": "5.7.1 ",
	} {
		r := Reply{Phase: PhaseRcpt, Code: 550, Lines: []string{strings.Repeat(piece, 1<<20/len(piece))}}
		start := time.Now()
		Classify("google", r)
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for _, c := range append(Classes(), ClassNone) {
		if w := c.Words(); strings.HasPrefix(w, "not a class") {
			t.Errorf("class %q has no words", c)
		}
	}
	for _, b := range append(Bounces(), BounceNone) {
		if w := b.Words(); strings.HasPrefix(w, "not a bounce class") {
			t.Errorf("bounce %q has no words", b)
		}
	}
	for _, s := range Scopes() {
		if w := s.Words(); strings.HasPrefix(w, "not a scope") {
			t.Errorf("scope %q has no words", s)
		}
	}
}

// A narrower key has the rules of the wider one; a name that begins like a key
// does not.
func TestNarrowedProvider(t *testing.T) {
	t.Parallel()
	for provider, want := range map[string]string{
		"microsoft":              "microsoft-server-busy",
		"microsoft-365":          "microsoft-server-busy",
		"microsoft-fans.example": "any-outage",
		"":                       "any-outage",
	} {
		if m := Classify(provider, Parse(PhaseMail, "451 Server busy. Please try again later.")); m.Rule != want {
			t.Errorf("%q: decided by %s, want %s", provider, m.Rule, want)
		}
	}
}
