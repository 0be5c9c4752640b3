package sandbox

import (
	"bytes"
	"net/mail"
	"regexp"
	"slices"
	"strings"

	"github.com/emersion/go-msgauth/dkim"
)

// Letter is what a message itself says.
type Letter struct {
	MessageID   string `json:"message_id,omitempty"`  // with its angle brackets
	Subject     string `json:"subject,omitempty"`     // as in the header, still encoded
	Unsubscribe string `json:"unsubscribe,omitempty"` // the http or https address of List-Unsubscribe
	OneClick    bool   `json:"one_click,omitempty"`   // List-Unsubscribe-Post offers one click (RFC 8058)
	DKIM        DKIM   `json:"dkim"`
	Body        []byte `json:"-"` // the whole message; only with Options.KeepBodies
}

// DKIM is the verdict on a message's signature, by the keys in the sandbox's DNS.
type DKIM struct {
	Result  DKIMResult `json:"result"`
	Domain  string     `json:"domain,omitempty"`  // d= of the signature judged: the first good one, else the first
	Aligned bool       `json:"aligned,omitempty"` // d= is the domain of From, or above it
	Missing []string   `json:"missing,omitempty"` // headers that the signature should cover and does not
	Error   string     `json:"error,omitempty"`   // why it failed
}

// DKIMResult is none, pass or fail.
type DKIMResult string

// The results of verification.
const (
	DKIMNone DKIMResult = "none" // no signature
	DKIMPass DKIMResult = "pass"
	DKIMFail DKIMResult = "fail"
)

// covered are the headers that a newsletter's signature must cover: those that
// a reader sees, and the unsubscribe pair (RFC 8058 §4).
var covered = []string{"From", "Subject", "To", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post"}

// maxSignatures bounds the work that a message can cause.
const maxSignatures = 5

// webAddress finds the http or https address among those of List-Unsubscribe.
var webAddress = regexp.MustCompile(`<\s*(https?://[^>]*?)\s*>`)

// inspect reads a message's header and verifies its signature.
func (s *Sandbox) inspect(body []byte) Letter {
	var l Letter
	from := ""
	if m, err := mail.ReadMessage(bytes.NewReader(body)); err == nil {
		l.MessageID = m.Header.Get("Message-Id")
		l.Subject = m.Header.Get("Subject")
		if found := webAddress.FindStringSubmatch(m.Header.Get("List-Unsubscribe")); found != nil {
			l.Unsubscribe = strings.Join(strings.Fields(found[1]), "") // it may have been folded
		}
		l.OneClick = strings.EqualFold(strings.TrimSpace(m.Header.Get("List-Unsubscribe-Post")), "List-Unsubscribe=One-Click")
		if a, err := mail.ParseAddress(m.Header.Get("From")); err == nil {
			from = domainOf(a.Address)
		}
	}
	l.DKIM = s.verify(body, from)
	if s.bodies {
		l.Body = body
	}
	return l
}

func (s *Sandbox) verify(body []byte, from string) DKIM {
	all, err := dkim.VerifyWithOptions(bytes.NewReader(body), &dkim.VerifyOptions{
		LookupTXT:        s.zone.texts,
		MaxVerifications: maxSignatures,
	})
	if len(all) == 0 {
		if err != nil {
			return DKIM{Result: DKIMFail, Error: err.Error()}
		}
		return DKIM{Result: DKIMNone}
	}
	best := all[0]
	for _, v := range all {
		if v.Err == nil {
			best = v
			break
		}
	}
	out := DKIM{Result: DKIMPass, Domain: best.Domain, Aligned: under(from, strings.ToLower(best.Domain))}
	if best.Err != nil {
		out.Result, out.Error = DKIMFail, best.Err.Error()
	}
	for _, name := range covered {
		if !slices.ContainsFunc(best.HeaderKeys, func(k string) bool { return strings.EqualFold(k, name) }) {
			out.Missing = append(out.Missing, name)
		}
	}
	return out
}
