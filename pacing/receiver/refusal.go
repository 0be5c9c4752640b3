package receiver

import (
	"math"
	"net/netip"
	"strconv"
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
	Hint     bool        `yaml:"hint"`     // say how long to wait, at the end of the text unless that does already
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

// words are a [Refusal] made ready to be said many times.
type words struct {
	Refusal
	lines  []string // with the enhanced code on every line (RFC 2034 §4)
	varies bool     // the lines hold placeholders
}

// opaqueText is what an opaque provider says whatever the reason.
const opaqueText = "try again later"

// ready lays r over the default d and makes it ready to be said.
func (r *Refusal) ready(d Refusal, opaque bool) *words {
	w := &words{Refusal: r.over(d)}
	if w.Enhanced == "none" {
		w.Enhanced = ""
	}
	if opaque && w.Code/100 == 4 {
		w.Enhanced, w.Text, w.Hint = "", opaqueText, false
	}
	if w.Hint && !strings.Contains(w.Text, "{seconds}") && !strings.Contains(w.Text, "{minutes}") {
		w.Text += ", try again in {seconds} seconds"
	}
	for line := range strings.SplitSeq(w.Text, "\n") {
		if w.Enhanced != "" {
			line = w.Enhanced + " " + line
		}
		w.lines = append(w.lines, line)
	}
	w.varies = strings.Contains(w.Text, "{")
	return w
}

// facts fill the placeholders of a text.
type facts struct {
	source    netip.Addr
	recipient string
	wait      time.Duration
}

// say makes the reply as it goes over the wire.
func (w *words) say(phase reply.Phase, f facts) reply.Reply {
	if w.Silent || w.Hang {
		return reply.Reply{Phase: phase}
	}
	out := reply.Reply{Phase: phase, Code: w.Code, Enhanced: w.Enhanced, Lines: w.lines}
	if w.varies {
		out.Lines = make([]string, len(w.lines))
		for i, line := range w.lines {
			out.Lines[i] = f.fill(line)
		}
	}
	return out
}

// fill replaces the placeholders that a line holds.
func (f facts) fill(line string) string {
	replace := func(placeholder string, value func() string) {
		if strings.Contains(line, placeholder) {
			line = strings.ReplaceAll(line, placeholder, value())
		}
	}
	seconds := max(1, int(math.Ceil(f.wait.Seconds())))
	replace("{source}", f.source.String)
	replace("{seconds}", func() string { return strconv.Itoa(seconds) })
	replace("{minutes}", func() string { return strconv.Itoa((seconds + 59) / 60) })
	replace("{recipient}", func() string { return f.recipient })
	return line
}
