package dsn

import (
	"cmp"
	"strings"

	"github.com/headwaymail/headway/pacing/provider"
	"github.com/headwaymail/headway/pacing/reply"
)

// Judgement is what a report means for one recipient.
type Judgement struct {
	Recipient Recipient
	Provider  string        // key of who runs the host that refused; empty when it is not named
	Reply     reply.Reply   // the words that decided
	Meaning   reply.Meaning // what they mean; temporary when it might have passed, although nobody tries any more
	Source    string        // where the words stood: "Diagnostic-Code", "quoted reply", "text", "Status"
	Tried     []Attempt     // every place that was looked at, in order
}

// Attempt is one place that was looked at, and what the rules said of it.
type Attempt struct {
	Source string
	Reply  reply.Reply
	Rule   string
}

// Judge asks the rules what a failure or a delay means, for each recipient whose
// message did not arrive. It returns nothing for other kinds of mail. Nil rules
// are the built-in ones.
func (r Report) Judge(rules *reply.Rules) []Judgement {
	if r.Kind != Failure && r.Kind != Delay {
		return nil
	}
	if rules == nil {
		rules = reply.Default()
	}
	var list []Judgement
	for _, to := range r.Recipients {
		if !to.arrived() {
			list = append(list, judge(rules, to))
		}
	}
	return list
}

// judge looks at the places in the order of their reliability. Words decide
// before codes wherever they stand: half of all reports have a code that only
// repeats "failed".
func judge(rules *reply.Rules, to Recipient) Judgement {
	j := Judgement{Recipient: to}
	if to.RemoteMTA != "" {
		j.Provider = provider.Identify(domainOf(to.Address), []provider.Host{{Name: to.RemoteMTA}}).Key
	}
	var byCode, vague *Judgement
	for place := range to.places {
		m := rules.Classify(j.Provider, place.reply)
		j.Tried = append(j.Tried, Attempt{Source: place.source, Reply: place.reply, Rule: m.Rule})
		if m.Rule == reply.Fallback || m.Rule == "" {
			continue
		}
		found := j
		found.Reply, found.Meaning, found.Source = place.reply, m, place.source
		found.Meaning.Hint, found.Meaning.Window = 0, 0 // nobody waits for it
		rule, _ := rules.Rule(m.Rule)
		switch {
		case len(rule.Contains)+len(rule.Regex) == 0:
			byCode = cmp.Or(byCode, &found)
		case vague == nil && isVague(place.reply, m):
			vague = &found
		case vague == nil || saysMore(m):
			return found
		}
	}
	if found := cmp.Or(vague, byCode); found != nil {
		found.Tried = j.Tried
		return *found
	}
	if len(j.Tried) > 0 {
		j.Reply, j.Source = j.Tried[0].Reply, j.Tried[0].Source
	}
	j.Meaning = reply.Meaning{Class: reply.ClassUnknown, Bounce: reply.BounceUnknown, Scope: reply.ScopeRecipient, Rule: reply.Fallback}
	return j
}

// isVague reports whether words leave open what they mean: sendmail says
// "Service unavailable" when a program failed for any reason, and a recipient
// that is "rejected" may be unknown or unwilling.
func isVague(r reply.Reply, m reply.Meaning) bool {
	return m.Class == reply.ClassOutage && r.Code >= 500 || m.Rule == "any-recipient-rejected"
}

// saysMore reports whether words further down explain vague ones.
func saysMore(m reply.Meaning) bool {
	switch m.Bounce {
	case reply.BounceBadMailbox, reply.BounceInactive, reply.BounceMailboxFull, reply.BounceBadDomain:
		return true
	}
	return false
}

type place struct {
	source string
	reply  reply.Reply
}

// places yields what is said of a recipient, the most reliable first.
func (to Recipient) places(yield func(place) bool) {
	for _, said := range []struct{ source, text string }{
		{"Diagnostic-Code", to.Diagnostic}, {"quoted reply", to.Quoted}, {"text", to.Text}, {"whole text", to.Whole},
	} {
		if strings.TrimSpace(said.text) == "" {
			continue
		}
		text := said.text
		if strings.HasSuffix(said.source, "text") {
			text = afterSaid(text)
		}
		r := reply.Parse(to.Phase, text)
		if r.Code == 0 {
			r.Phase = reply.PhaseAsync // else it would be taken for a connection that broke
		}
		if r.Enhanced == "" && !strings.HasSuffix(said.source, "text") {
			r.Enhanced = informative(to.Status)
		}
		if !yield(place{said.source, r}) {
			return
		}
	}
	if code := informative(to.Status); code != "" {
		yield(place{"Status", reply.Reply{Phase: to.Phase, Enhanced: code}})
	}
}

// afterSaid leaves out of "<ann@far.example>: host mx.far.example[192.0.2.1] said:
// 550 your host name does not exist" who said it: an address is not what does not
// exist there.
func afterSaid(text string) string {
	i := strings.Index(text, " said:")
	if i < 0 {
		return text
	}
	if rest := strings.TrimSpace(text[i+len(" said:"):]); rest != "" && (rest[0] == '4' || rest[0] == '5') {
		return rest
	}
	return text
}

// informative returns a status code unless it says nothing but "failed" (x.0.0).
func informative(status string) string {
	if strings.HasSuffix(status, ".0.0") {
		return ""
	}
	return status
}

func domainOf(address string) string {
	_, domain, _ := strings.Cut(address, "@")
	return strings.ToLower(domain)
}
