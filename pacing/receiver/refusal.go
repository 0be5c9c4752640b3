package receiver

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
	"time"

	"github.com/headwaymail/headway/pacing/reply"
)

// Refusal describes how something is refused. Fields that are left out take
// the default of the behaviour that it belongs to.
type Refusal struct {
	Phase    reply.Phase `yaml:"phase"`    // connect, mail, rcpt, data or dot
	Code     int         `yaml:"code"`     // 400 to 599
	Enhanced string      `yaml:"enhanced"` // RFC 3463, e.g. 4.7.28; "none" for none
	Text     string      `yaml:"text"`     // may hold {source}, {recipient}, {seconds}, {minutes}; \n starts another line
	Close    *bool       `yaml:"close"`    // close the connection after it; default: only with 421 (RFC 5321 §3.8)
	Hint     bool        `yaml:"hint"`     // say how long to wait, at the end of the text
	Silent   bool        `yaml:"silent"`   // say nothing at all: just close
	Hang     bool        `yaml:"hang"`     // say nothing at all and leave the connection open
}

// over returns r laid over the default d: what r says counts, d fills the rest.
func (r *Refusal) over(d Refusal) Refusal {
	if r == nil {
		return d
	}
	out := *r
	if out.Phase == "" {
		out.Phase = d.Phase
	}
	if out.Code == 0 {
		out.Code = d.Code
		if out.Enhanced == "" {
			out.Enhanced = d.Enhanced
		}
	}
	if out.Text == "" {
		out.Text = d.Text
		if out.Enhanced == "" && out.Code/100 == d.Code/100 {
			out.Enhanced = d.Enhanced
		}
	}
	if out.Close == nil {
		out.Close = d.Close
	}
	return out
}

// closes reports whether the connection ends with the refusal.
func (r *Refusal) closes() bool {
	switch {
	case r.Hang:
		return false
	case r.Silent:
		return true
	case r.Close != nil:
		return *r.Close
	}
	return r.Code == 421
}

// facts fill the placeholders of a text.
type facts struct {
	source    netip.Addr
	recipient string
	wait      time.Duration
}

// opaqueText is what an opaque provider says whatever the reason.
const opaqueText = "try again later"

// render makes the reply as it goes over the wire: the enhanced code stands on
// every line (RFC 2034 §4).
func (r *Refusal) render(phase reply.Phase, f facts, opaque bool) reply.Reply {
	if r.Silent || r.Hang {
		return reply.Reply{Phase: phase}
	}
	out := reply.Reply{Phase: phase, Code: r.Code}
	if opaque && r.Code/100 == 4 {
		out.Lines = []string{opaqueText}
		return out
	}
	if r.Enhanced != "none" {
		out.Enhanced = r.Enhanced
	}
	for line := range strings.SplitSeq(f.fill(r.Text, r.Hint), "\n") {
		if out.Enhanced != "" {
			line = out.Enhanced + " " + line
		}
		out.Lines = append(out.Lines, line)
	}
	return out
}

// fill replaces the placeholders and appends the hint if one is wanted that
// the text does not hold already.
func (f facts) fill(text string, hint bool) string {
	seconds := max(1, int(math.Ceil(f.wait.Seconds())))
	if hint && f.wait > 0 && !strings.Contains(text, "{seconds}") && !strings.Contains(text, "{minutes}") {
		text += ", try again in {seconds} seconds"
	}
	if !strings.Contains(text, "{") {
		return text
	}
	return strings.NewReplacer(
		"{source}", f.source.String(),
		"{recipient}", f.recipient,
		"{seconds}", fmt.Sprint(seconds),
		"{minutes}", fmt.Sprint((seconds+59)/60),
	).Replace(text)
}
