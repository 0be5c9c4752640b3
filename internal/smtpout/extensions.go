package smtpout

import (
	"slices"
	"strconv"
	"strings"

	"github.com/headwaymail/headway/pacing/reply"
)

// Extensions are what a server offers in its reply to EHLO. The zero value is
// that of a server that knows HELO only.
type Extensions struct {
	ESMTP        bool // EHLO was understood
	Pipelining   bool // RFC 2920
	Chunking     bool // RFC 3030
	EightBitMIME bool // RFC 6152
	SMTPUTF8     bool // RFC 6531
	DSN          bool // RFC 3461
	StartTLS     bool // RFC 3207
	Size         bool // RFC 1870: the SIZE parameter is understood
	// Auth lists the ways to log in, in capitals, with a space between (RFC 4954).
	Auth string
	// MaxSize is the largest message that the server takes, in bytes; 0 when not said.
	MaxSize int64
	// MailMax is the most transactions that the server takes on one connection,
	// RcptMax the most recipients of one transaction (RFC 9422); 0 when not said.
	MailMax, RcptMax int
}

// extensions reads the reply to EHLO; its first line is a greeting (RFC 5321
// §4.1.1.1). Keywords, also those to ignore, are compared without case.
func extensions(ehlo reply.Reply, ignore []string) Extensions {
	x := Extensions{ESMTP: true}
	if len(ehlo.Lines) == 0 {
		return x
	}
	for _, line := range ehlo.Lines[1:] {
		words := strings.Fields(strings.ToUpper(line))
		if len(words) == 0 || ignored(words[0], ignore) {
			continue
		}
		switch words[0] {
		case "PIPELINING":
			x.Pipelining = true
		case "CHUNKING":
			x.Chunking = true
		case "8BITMIME":
			x.EightBitMIME = true
		case "SMTPUTF8":
			x.SMTPUTF8 = true
		case "DSN":
			x.DSN = true
		case "STARTTLS":
			x.StartTLS = true
		case "AUTH":
			x.Auth = strings.Join(words[1:], " ")
		case "SIZE":
			x.Size = true
			if len(words) > 1 {
				if n, err := strconv.ParseInt(words[1], 10, 64); err == nil && n > 0 { // 0: no fixed limit
					x.MaxSize = n
				}
			}
		case "LIMITS":
			x.limits(words[1:])
		}
	}
	return x
}

func ignored(keyword string, ignore []string) bool {
	return keyword != "STARTTLS" && slices.ContainsFunc(ignore, func(k string) bool { return strings.EqualFold(k, keyword) })
}

func (x *Extensions) limits(words []string) {
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > 999_999 { // the range of RFC 9422 §4
			continue
		}
		switch name {
		case "MAILMAX":
			x.MailMax = n
		case "RCPTMAX":
			x.RcptMax = n
		}
	}
}

// String lists what is offered, in a fixed order.
func (x Extensions) String() string {
	var names []string
	for _, e := range []struct {
		offered bool
		name    string
	}{
		{x.ESMTP, "ESMTP"}, {x.Pipelining, "PIPELINING"}, {x.Chunking, "CHUNKING"}, {x.EightBitMIME, "8BITMIME"},
		{x.SMTPUTF8, "SMTPUTF8"}, {x.DSN, "DSN"}, {x.StartTLS, "STARTTLS"}, {x.Size, "SIZE"},
	} {
		if e.offered {
			names = append(names, e.name)
		}
	}
	return strings.Join(names, " ")
}
