package sandbox

import (
	"errors"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/headwaymail/headway/pacing/receiver"
	"github.com/headwaymail/headway/pacing/reply"
)

// session is one client's dialogue with a host: go-smtp parses, the receiver
// decides, and session sees to it that it is so.
type session struct {
	front      *front
	site       *site
	from       string
	mailAt     time.Time
	recipients []string // those accepted
}

var _ smtp.Session = (*session)(nil)

// errSilent ends a command about which nothing is said: the front drops
// whatever go-smtp makes of it.
var errSilent = errors.New("no answer")

// Reset implements smtp.Session.
func (s *session) Reset() { s.from, s.recipients = "", nil }

// Logout implements smtp.Session.
func (s *session) Logout() error { return nil }

// Mail implements smtp.Session.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from, s.recipients, s.mailAt = from, nil, time.Now()
	return s.obey(s.site.ask(func(r *receiver.Receiver, now time.Time) receiver.Answer {
		return r.Mail(now, s.front.id, from)
	}))
}

// Rcpt implements smtp.Session.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if !s.site.domains[domainOf(to)] {
		return s.obey(s.site.refuse(reply.PhaseRcpt, 554, "5.7.1 <"+to+">: Relay access denied"))
	}
	err := s.obey(s.site.ask(func(r *receiver.Receiver, now time.Time) receiver.Answer {
		return r.Rcpt(now, s.front.id, to)
	}))
	if err == nil {
		s.recipients = append(s.recipients, to)
	}
	return err
}

// domainOf returns the domain of an address in lower case.
func domainOf(address string) string {
	return strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
}

// mayBegin asks the receiver about DATA when go-smtp is about to say 354, and
// reports whether it may.
func (s *session) mayBegin() bool {
	a := s.data()
	if err := s.pause(a); err != nil {
		return false
	}
	if a.Accepted() {
		s.front.asked = true
		return true
	}
	s.front.refuseData(a)
	return false
}

func (s *session) data() receiver.Answer {
	return s.site.ask(func(r *receiver.Receiver, now time.Time) receiver.Answer {
		return r.Data(now, s.front.id)
	})
}

// Data implements smtp.Session. It is called after the 354, and for BDAT
// without one. The message is recorded before it returns, and so before the 250.
func (s *session) Data(r io.Reader) error {
	asked := s.front.asked
	s.front.asked = false
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if !asked { // BDAT, or a DATA that was refused: then what is said is dropped
		if s.front.swallow || s.front.over {
			return errSilent
		}
		if s.site.lacks(Chunking) {
			return s.obey(s.site.refuse(reply.PhaseData, 502, "5.5.1 BDAT is not offered"))
		}
		if err := s.obey(s.data()); err != nil {
			return err
		}
	}
	a := s.site.ask(func(r *receiver.Receiver, now time.Time) receiver.Answer {
		return r.Dot(now, s.front.id, len(body))
	})
	if !a.Accepted() {
		return s.obey(a)
	}
	inspected := make(chan Letter, 1)
	go func() { inspected <- s.front.host.sandbox.inspect(body) }()
	err = s.pause(a)
	read := <-inspected
	if err != nil {
		return err
	}
	if err := s.accept(read, len(body)); err != nil {
		return s.obey(s.site.refuse(reply.PhaseDot, 451, "4.3.0 "+err.Error()))
	}
	a.Delay = 0
	return s.obey(a)
}

// accept records the message for each of its recipients.
func (s *session) accept(l Letter, size int) error {
	h := s.front.host
	for _, to := range s.recipients {
		m := Message{
			At: time.Now(), MailAt: s.mailAt,
			Provider: s.site.provider.Name, Host: h.name, Source: source(s.front.socket).String(),
			Recipient: to, Sender: s.from, Size: size, TLS: s.front.secure(), Letter: l,
		}
		if err := h.sandbox.received(m); err != nil {
			return err
		}
		s.site.accepted()
	}
	return nil
}

// obey does what the receiver answered, and tells go-smtp what to say.
func (s *session) obey(a receiver.Answer) error {
	if err := s.pause(a); err != nil {
		return err
	}
	s.front.closing = s.front.closing || a.Close
	if a.Accepted() {
		return nil
	}
	return &smtp.SMTPError{
		Code:         a.Reply.Code,
		EnhancedCode: smtp.NoEnhancedCode, // the lines hold it, each of them
		Message:      strings.Join(a.Reply.Lines, "\n"),
	}
}

// pause takes the time that the answer takes. It returns an error when there
// is nothing to say afterwards.
func (s *session) pause(a receiver.Answer) error {
	if !s.front.host.sandbox.sleep(a.Delay) {
		s.front.over = true
		return errSilent
	}
	switch {
	case a.Hang:
		s.front.hang()
		return errSilent
	case a.Reply.Code == 0:
		s.front.over = true
		return errSilent
	}
	return nil
}
