package receiver

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/headwaymail/headway/pacing/reply"
)

// Problem is one mistake in a description.
type Problem struct {
	Path string // where: "limits[0].bucket.rate"; empty for the description as a whole
	Text string // what is wrong and what to do
}

// Check returns every mistake in the description; none means that [New] will
// do what it says. hosts is how many hosts the provider has, 0 if unknown.
func (s *Spec) Check(hosts int) []Problem {
	c := &checker{hosts: hosts}
	c.latency(s.Latency)
	if s.Crowding != nil {
		c.crowding(s.Crowding)
	}
	for i := range s.Limits {
		c.limit(fmt.Sprintf("limits[%d]", i), &s.Limits[i])
	}
	for i, l := range s.Lanes {
		c.lanes(fmt.Sprintf("lanes[%d]", i), l)
	}
	c.session(s.Session)
	if s.Greylist != nil {
		c.greylist(s.Greylist)
	}
	for i := range s.Outages {
		c.outage(fmt.Sprintf("outages[%d]", i), &s.Outages[i])
	}
	for i, n := range s.Noise {
		path := fmt.Sprintf("noise[%d]", i)
		if n.Share <= 0 {
			c.fault(path+".share", "is missing; write the share of commands to refuse, e.g. 1%%")
		}
		c.answer(path+".answer", n.Answer, phases...)
	}
	c.mailboxes(&s.Mailboxes)
	return c.problems
}

// phases are those at which a receiver can refuse, in the order of a session.
var phases = []reply.Phase{
	reply.PhaseConnect, reply.PhaseMail, reply.PhaseRcpt, reply.PhaseData, reply.PhaseDot,
}

type checker struct {
	hosts    int
	problems []Problem
}

func (c *checker) fault(path, format string, args ...any) {
	c.problems = append(c.problems, Problem{Path: path, Text: fmt.Sprintf(format, args...)})
}

// positive faults a duration that is missing or negative.
func (c *checker) positive(path string, d time.Duration, example string) {
	if d <= 0 {
		c.fault(path, "must be longer than 0; write e.g. %s", example)
	}
}

func (c *checker) notNegative(path string, d time.Duration) {
	if d < 0 {
		c.fault(path, "must not be negative")
	}
}

func (c *checker) within(path string, v, low, high float64) {
	if v < low || v > high {
		c.fault(path, "is %g, which is not between %g and %g", v, low, high)
	}
}

// divides faults a window length that does not divide the day, since its
// windows would not begin at the same clock time every day.
func (c *checker) divides(path string, every time.Duration) {
	const day = 24 * time.Hour
	if every < time.Second || every > day || day%every != 0 {
		c.fault(path, "is %s, which does not divide a day evenly; write e.g. 1m, 15m, 1h or 24h", every)
	}
}

func (c *checker) zone(path, name string) {
	if _, err := time.LoadLocation(name); err != nil {
		c.fault(path, "%q is not a known time zone; write an IANA name, e.g. Europe/Warsaw, or leave it out for UTC", name)
	}
}

// oneOf faults a word that is not among the allowed ones; an empty one is a default.
func oneOf[T ~string](c *checker, path string, v T, allowed ...T) {
	if v == "" || slices.Contains(allowed, v) {
		return
	}
	words := make([]string, len(allowed))
	for i, a := range allowed {
		words[i] = string(a)
	}
	c.fault(path, "%q is not known here; write %s", string(v), strings.Join(words, ", "))
}

func (c *checker) latency(l Latency) {
	c.notNegative("latency.connect", l.Connect)
	c.notNegative("latency.reply", l.Reply)
	c.notNegative("latency.message", l.Message)
	c.notNegative("latency.refusal", l.Refusal)
	c.within("latency.jitter", l.Jitter, 0, 2)
}

func (c *checker) crowding(cr *Crowding) {
	if cr.From < 1 {
		c.fault("crowding.from", "must be at least 1 lane")
	}
	c.within("crowding.exponent", cr.Exponent, 0, 4)
}

func (c *checker) lanes(path string, l Lanes) {
	if l.Max < 1 {
		c.fault(path+".max", "must be at least 1 connection")
	}
	oneOf(c, path+".per", l.Per, PerSource, PerAll)
	c.answer(path+".answer", l.Answer, reply.PhaseConnect)
}

func (c *checker) session(s Session) {
	for _, f := range []struct {
		key string
		n   int
	}{{"messages", s.Messages}, {"errors", s.Errors}, {"recipients", s.Recipients}, {"max_bytes", s.MaxBytes}} {
		if f.n < 0 {
			c.fault("session."+f.key, "must not be negative; leave it out for no limit")
		}
	}
	if s.Silent && s.Messages == 0 {
		c.fault("session.silent", "needs messages: after how many the connection is closed")
	}
	if s.Silent && s.Answer != nil {
		c.fault("session.answer", "is never said, since silent closes without a word; take one of the two out")
	}
	c.answer("session.answer", s.Answer, reply.PhaseMail)
}

func (c *checker) greylist(g *Greylist) {
	oneOf(c, "greylist.by", g.By, GreyTriple, GreyRecipient, GreySource)
	c.positive("greylist.delay", g.Delay, "300s")
	if window := orElse(g.Window, greyWindow); window <= g.Delay {
		c.fault("greylist.window", "is %s, not longer than the delay of %s, so that no retry would ever pass", window, g.Delay)
	}
	c.answer("greylist.answer", g.Answer, reply.PhaseRcpt)
}

func (c *checker) outage(path string, o *Outage) {
	c.notNegative(path+".after", o.After)
	c.notNegative(path+".for", o.For)
	c.notNegative(path+".jitter", o.Jitter)
	if o.At != "" {
		if _, err := time.Parse(time.RFC3339, o.At); err != nil {
			c.fault(path+".at", "%q is not a moment; write e.g. 2026-11-24T03:00:00+01:00", o.At)
		}
		if o.After != 0 {
			c.fault(path+".at", "contradicts after; keep one of the two")
		}
	}
	if o.Every != 0 && (o.For == 0 || o.Every <= o.For) {
		c.fault(path+".every", "is counted from start to start, so it must be longer than for (%s), which must be given", o.For)
	}
	if o.Jitter != 0 && o.Every == 0 {
		c.fault(path+".jitter", "needs every: it is added to the time from start to start")
	}
	if o.Share < 0 || o.Share > 1 {
		c.fault(path+".share", "must be between 0%% and 100%%")
	}
	for i, h := range o.Hosts {
		if h < 1 || (c.hosts > 0 && h > c.hosts) {
			c.fault(fmt.Sprintf("%s.hosts[%d]", path, i), "there is no host %d; hosts are numbered from 1 to %d", h, max(1, c.hosts))
		}
	}
	always := o.After == 0 && o.At == "" && o.For == 0
	if always && len(o.Hosts) == 0 && (o.Share == 0 || o.Share == 1) {
		c.fault(path, "begins at once, never ends and concerns all hosts; say how long with for, or which hosts")
	}
	c.answer(path+".answer", o.Answer, phases...)
}

func (c *checker) mailboxes(m *Mailboxes) {
	total := Share(0)
	for _, s := range m.shares() {
		if s.share < 0 || s.share > 1 {
			c.fault("mailboxes."+string(s.state), "must be between 0%% and 100%%")
		}
		total += s.share
	}
	if total > 1+1e-9 {
		c.fault("mailboxes", "the shares add up to %.4g%%, more than 100%%", float64(total)*100)
	}
	c.notNegative("mailboxes.full_for", m.FullFor)
	c.notNegative("mailboxes.busy_for", m.BusyFor)
	for _, address := range slices.Sorted(maps.Keys(m.Named)) {
		path := "mailboxes.named." + address
		if address != strings.ToLower(address) || strings.Count(address, "@") != 1 {
			c.fault(path, "must be a whole address in lower case, e.g. ana@northmail.test")
		}
		oneOf(c, path, m.Named[address], append(troubles(), MailboxOpen)...)
	}
	for _, state := range slices.Sorted(maps.Keys(m.Answers)) {
		path := "mailboxes.answers." + string(state)
		oneOf(c, path, state, troubles()...)
		c.answer(path, m.Answers[state], reply.PhaseRcpt)
	}
}

// troubles are the states in which a mailbox refuses.
func troubles() []Mailbox {
	return slices.Sorted(maps.Keys(mailboxAnswers))
}

var (
	enhancedCode = regexp.MustCompile(`^([45])\.(\d{1,3})\.(\d{1,3})$`) // RFC 3463 §2
	placeholder  = regexp.MustCompile(`\{[^}]*\}`)
	placeholders = []string{"{source}", "{recipient}", "{seconds}", "{minutes}"}
)

// maxReplyText leaves room for code, separator, enhanced code and CRLF in the
// 512 octets of a reply line (RFC 5321 §4.5.3.1.5).
const maxReplyText = 480

func (c *checker) answer(path string, r *Refusal, allowed ...reply.Phase) {
	if r == nil {
		return
	}
	oneOf(c, path+".phase", r.Phase, allowed...)
	if r.Code != 0 && (r.Code < 400 || r.Code > 599) {
		c.fault(path+".code", "is %d; a refusal has a code from 400 to 599", r.Code)
	}
	if r.Enhanced != "" && r.Enhanced != "none" {
		switch m := enhancedCode.FindStringSubmatch(r.Enhanced); {
		case m == nil:
			c.fault(path+".enhanced", "%q is not an enhanced code; write e.g. 4.7.28, or none", r.Enhanced)
		case r.Code != 0 && m[1] != fmt.Sprint(r.Code/100):
			c.fault(path+".enhanced", "%q does not go with code %d; both begin with the same digit", r.Enhanced, r.Code)
		}
	}
	for line := range strings.SplitSeq(r.Text, "\n") {
		if len(line) > maxReplyText {
			c.fault(path+".text", "has a line of %d octets; a reply line holds %d", len(line), maxReplyText)
		}
		if strings.ContainsFunc(line, func(x rune) bool { return x < ' ' || x == 0x7f }) {
			c.fault(path+".text", "holds a control character; only \\n is allowed")
		}
	}
	for _, p := range placeholder.FindAllString(r.Text, -1) {
		if !slices.Contains(placeholders, p) {
			c.fault(path+".text", "%s is not known; write one of %s", p, strings.Join(placeholders, " "))
		}
	}
	if r.Silent && r.Hang {
		c.fault(path, "cannot close (silent) and stay open (hang) at once; keep one of the two")
	}
	if (r.Silent || r.Hang) && (r.Code != 0 || r.Text != "" || r.Enhanced != "") {
		c.fault(path, "says nothing (silent or hang), so code, enhanced and text have no effect; take them out")
	}
}
