package inbound

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/headwaymail/headway/campaign/token"
)

// Bounds of what one client, and all together, may take.
const (
	// largestMail is refused above, and keep is how much of a mail is kept:
	// reports say everything at their beginning.
	largestMail = 1 << 20
	keep        = 64 << 10
	// mostRecipients: reports have one; two leave room for those who send a
	// copy to postmaster.
	mostRecipients = 2
	// A command may take readWithin, a whole connection sessionWithin (RFC 5321
	// §4.5.3.2 asks for 5 minutes a command; reports come from programs).
	readWithin    = time.Minute
	writeWithin   = 30 * time.Second
	sessionWithin = 5 * time.Minute
	// Connections at one time.
	mostConnections     = 200
	mostConnectionsFrom = 20
	// Mails of one address within a minute.
	mostMailsFrom = 600
	// longestLine is far above the 1,000 octets of RFC 5321 §4.5.3.1.6: reports
	// return what others wrote.
	longestLine = 64 << 10
	storeWithin = 20 * time.Second
)

// Mail is a mail that came back.
type Mail struct {
	Purpose token.Purpose // [token.Bounce], [token.MailtoUnsubscribe]; 0 for postmaster, abuse and fbl
	Claims  token.Claims  // zero for these
	Remote  string        // IP address of the client
	HELO    string
	From    string // envelope sender; empty for reports
	Raw     []byte // the first 64 KB
	Size    int64  // of the whole mail
	At      time.Time
}

// ErrBusy says that a store cannot take mail now; the client is asked to come
// back.
var ErrBusy = errors.New("too many mails wait to be read")

// Config says what a server listens for.
type Config struct {
	Domain string         // the bounce domain
	Name   string         // how the server greets; empty for the bounce domain
	Tokens *token.Keyring // proves that an address is one of ours
	// Store keeps a mail for good, or returns an error: the client is then
	// asked to try again.
	Store func(ctx context.Context, m Mail) error
	TLS   *tls.Config // nil: STARTTLS is not offered
	Log   *slog.Logger
	Now   func() time.Time // nil for time.Now
}

// Server takes mail that comes back. It is made by [Listen].
type Server struct {
	config   Config
	smtp     *smtp.Server
	listener net.Listener
	done     chan struct{}
	cut      context.CancelFunc
	ctx      context.Context
	senders  senders
}

// Listen begins to take mail on a listener, which it closes at the end.
func Listen(listener net.Listener, c Config) *Server {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Name == "" {
		c.Name = c.Domain
	}
	s := &Server{config: c, listener: listener, done: make(chan struct{})}
	s.ctx, s.cut = context.WithCancel(context.Background())
	s.smtp = smtp.NewServer(smtp.BackendFunc(s.newSession))
	s.smtp.Domain, s.smtp.TLSConfig = c.Name, c.TLS
	s.smtp.MaxMessageBytes, s.smtp.MaxRecipients, s.smtp.MaxLineLength = largestMail, mostRecipients, longestLine
	s.smtp.ReadTimeout, s.smtp.WriteTimeout = readWithin, writeWithin
	s.smtp.EnableSMTPUTF8 = true
	s.smtp.ErrorLog = slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug)
	go func() {
		defer close(s.done)
		if err := s.smtp.Serve(&bounded{Listener: listener, senders: &s.senders}); err != nil && s.ctx.Err() == nil {
			c.Log.Error("inbound mail is not taken any more", "error", err)
		}
	}()
	return s
}

// Addr returns where the server listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Close lets mails under way end for as long as ctx lives, and then cuts them:
// their senders try again.
func (s *Server) Close(ctx context.Context) error {
	err := s.smtp.Shutdown(ctx)
	s.cut()
	if err != nil {
		err = s.smtp.Close()
	}
	<-s.done
	if errors.Is(err, smtp.ErrServerClosed) {
		return nil
	}
	return err
}

func (s *Server) newSession(c *smtp.Conn) (smtp.Session, error) {
	remote, _, err := net.SplitHostPort(c.Conn().RemoteAddr().String())
	if err != nil {
		remote = c.Conn().RemoteAddr().String()
	}
	return &session{server: s, conn: c, remote: remote}, nil
}

// session is one connection.
type session struct {
	server *Server
	conn   *smtp.Conn
	remote string
	from   string
	to     []recipient
}

type recipient struct {
	purpose token.Purpose
	claims  token.Claims
}

func refusal(code, subject, detail int, format string, args ...any) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, subject, detail}, Message: fmt.Sprintf(format, args...)}
}

// Mail takes any sender: reports have none.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if !s.server.senders.mayMail(s.remote, s.server.config.Now()) {
		return refusal(451, 7, 1, "too many mails from %s within a minute; try again later", s.remote)
	}
	s.from = from
	return nil
}

// Rcpt takes only addresses that we signed, and those that every mail domain
// has.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	at := strings.LastIndexByte(to, '@')
	if at < 0 || !strings.EqualFold(strings.TrimSuffix(to[at+1:], "."), s.server.config.Domain) {
		return refusal(550, 7, 1, "relaying is not allowed: mail is taken for %s only", s.server.config.Domain)
	}
	r, err := s.server.read(to[:at])
	if err != nil {
		return refusal(550, 1, 1, "no such address: %v", err)
	}
	s.to = append(s.to, r)
	return nil
}

var errNoToken = errors.New("it is neither a return path nor an unsubscribe address")

// read says what a local part stands for.
func (s *Server) read(local string) (recipient, error) {
	if len(local) > 2 && local[1] == '.' {
		purposes := map[byte]token.Purpose{'b': token.Bounce, 'u': token.MailtoUnsubscribe}
		if purpose, ok := purposes[local[0]|0x20]; ok {
			claims, err := s.config.Tokens.Verify(local[2:], purpose, s.config.Now())
			return recipient{purpose, claims}, err
		}
	}
	switch strings.ToLower(local) {
	case "postmaster", "abuse", "fbl":
		return recipient{}, nil
	}
	return recipient{}, errNoToken
}

// Data keeps the mail. Only then it is answered with 250.
func (s *session) Data(r io.Reader) error {
	kept, err := io.ReadAll(io.LimitReader(r, keep))
	if err != nil {
		return err
	}
	rest, err := io.Copy(io.Discard, r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.server.ctx, storeWithin)
	defer cancel()
	for _, to := range s.to {
		err := s.server.config.Store(ctx, Mail{Purpose: to.purpose, Claims: to.claims, Remote: s.remote, HELO: s.conn.Hostname(),
			From: s.from, Raw: kept, Size: int64(len(kept)) + rest, At: s.server.config.Now()})
		if errors.Is(err, ErrBusy) {
			return refusal(452, 3, 1, "%v; try again later", err)
		}
		if err != nil {
			s.server.config.Log.Warn("an inbound mail could not be stored; its sender will try again", "remote", s.remote, "error", err)
			return refusal(451, 3, 0, "the mail could not be stored; try again later")
		}
	}
	return nil
}

func (s *session) Reset() { s.from, s.to = "", nil }

func (s *session) Logout() error { return nil }
