package smtpout

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/headwaymail/headway/internal/dnsclient"
	"github.com/headwaymail/headway/pacing/reply"
)

// Session is an open connection to one mail host, ready for messages. One
// goroutine uses it at a time. It serves any domain whose mail host this is.
type Session struct {
	link     *link
	info     Info
	timeouts Timeouts
	messages int
	closed   bool
	usual    usualReplies
	dirty    bool    // a transaction was left open: RSET comes before the next
	out      []byte  // what is written next
	scratch  *[]byte // whose memory that is; nil outside of transactions and where there is little to write
}

// Info says with whom a session is, and on which terms.
type Info struct {
	Host       string             // the MX host, lower case
	Addr       netip.AddrPort     // its address
	Local      netip.AddrPort     // ours
	MX         dnsclient.MXAnswer // of the domain that was dialled
	Relay      string             // the key of the relay; empty: a mail host of the domain itself
	Signs      bool               // the relay signs: messages go to it unsigned
	Greeting   reply.Reply
	Hello      reply.Reply // to the last EHLO or HELO
	Extensions Extensions
	TLS        TLSInfo // zero in the clear
	Opened     time.Time
	Opening    []Exchange // what was said until messages could be sent; only with Dialer.KeepOpenings
}

// Info returns the terms of the session.
func (s *Session) Info() Info { return s.info }

// Host returns the name of the mail host.
func (s *Session) Host() string { return s.info.Host }

// Messages returns how many transactions were begun.
func (s *Session) Messages() int { return s.messages }

// Closed says that no more messages may be sent: the connection is gone.
func (s *Session) Closed() bool { return s.closed }

// serves says whether this session is with one of a domain's mail hosts.
func (s *Session) serves(mx dnsclient.MXAnswer) bool {
	return !s.closed && slices.ContainsFunc(mx.Hosts, func(h dnsclient.MX) bool { return h.Host == s.info.Host })
}

// Close says QUIT, waits for the goodbye within Timeouts.Quit and until ctx
// ends, and closes the connection. It may be called at any time, also again.
func (s *Session) Close(ctx context.Context) {
	if s.closed {
		return
	}
	defer s.abandon()
	ctx, cancel := context.WithTimeout(ctx, s.timeouts.Quit)
	defer cancel()
	defer context.AfterFunc(ctx, s.link.interrupt)()
	s.link.expect(1)
	if _, err := s.link.say([]byte("QUIT\r\n"), s.timeouts.Quit); err == nil {
		s.link.hear(ctx, s.timeouts.Quit)
	}
}

// abandon closes the connection without a word.
func (s *Session) abandon() {
	s.closed = true
	s.link.cut()
}
