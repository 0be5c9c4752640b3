package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/dnsclient"
	"github.com/headwaymail/headway/internal/mailserver"
	"github.com/headwaymail/headway/internal/sandbox"
	"github.com/headwaymail/headway/internal/smtpout"
)

// SessionOptions say how far away the receiver is.
type SessionOptions struct {
	Binary    string
	Messages  int
	RoundTrip time.Duration
	Config    config.Config
	Log       *slog.Logger
	Out       io.Writer // each figure as soon as it is there
}

const (
	sessionDoor = "127.82.0.1" // where the road begins
	sessionSink = "127.82.0.2" // where it ends
)

// sessions is such a measurement at work.
type sessions struct {
	options SessionOptions
	ground  *ground
	sink    *sink
	road    *delayed
	door    string
	figures []Figure
}

// Session measures how many messages one connection carries in a round trip, to
// a receiver far away that takes everything at once.
func Session(ctx context.Context, o SessionOptions) (figures []Figure, err error) {
	port, err := freeLoopbackPort()
	if err != nil {
		return nil, err
	}
	s := &sessions{options: o, door: net.JoinHostPort(sessionDoor, strconv.Itoa(port)),
		sink: &sink{offers: offersAll, addresses: []string{net.JoinHostPort(sessionSink, strconv.Itoa(port))}}}
	if _, err := openSink(s.sink); err != nil {
		return nil, err
	}
	defer s.sink.vanish()
	if s.road, err = newDelayed(s.door, s.sink.addresses[0], o.RoundTrip); err != nil {
		return nil, err
	}
	defer s.road.close()
	file := &sandbox.File{Seed: 1, DNS: sandbox.DNS{Records: mailRecords(0, sessionDoor)}}
	if s.ground, err = openGround(ctx, o.Binary, o.Config, o.Log, file, port); err != nil {
		return nil, err
	}
	defer func() { err = closing(err, s.ground.close) }()
	if err := s.ground.stock(ctx, o.Messages, 1); err != nil {
		return nil, err
	}
	err = s.measure(ctx)
	return s.figures, err
}

func (s *sessions) measure(ctx context.Context) error {
	names := []string{"CHUNKING", "PIPELINING"}
	offers := []string{offersAll, "PIPELINING 8BITMIME SIZE"}
	least := []float64{0.9, 0.45}
	var alone [2]float64
	for i, name := range names {
		var err error
		s.sink.offers = offers[i]
		if alone[i], err = s.alone(ctx); err != nil {
			return err
		}
		s.add(Figure{What: "the session alone with " + name, Value: alone[i], Unit: "messages a round trip", Least: least[i]})
	}
	s.sink.offers = offersAll
	if _, err := s.send(ctx); err != nil { // so that there is a pace
		return err
	}
	for i, name := range names {
		if err := s.ground.learn(ctx, 10*learnedRate); err != nil {
			return err
		}
		s.sink.offers = offers[i]
		whole, err := s.send(ctx)
		if err != nil {
			return err
		}
		s.add(Figure{What: "the whole product over one connection with " + name, Value: whole, Unit: "messages a round trip", Least: least[i]})
	}
	if err := mailserver.Postfix.Ready(); err != nil {
		s.add(Figure{What: "the session beside Postfix", NotRun: err.Error(), Least: 1.8})
		return nil
	}
	s.sink.offers = offersAll
	postfix, err := s.rival(ctx)
	if err != nil {
		return fmt.Errorf("measure Postfix: %w", err)
	}
	s.add(Figure{What: "Postfix", Value: postfix, Unit: "messages a round trip"})
	s.add(Figure{What: "the session with CHUNKING beside Postfix", Value: alone[0] / postfix, Unit: "×", Least: 1.8})
	return nil
}

func (s *sessions) add(f Figure) {
	s.figures = append(s.figures, f)
	fmt.Fprintf(s.options.Out, "%s: %s\n", f.What, f.Said())
}

// perRoundTrip is what one connection carried.
func (s *sessions) perRoundTrip() float64 {
	return s.sink.perConnection() * s.options.RoundTrip.Seconds()
}

// alone sends over one session, without a ledger, a pace or a signature.
func (s *sessions) alone(ctx context.Context) (float64, error) {
	server, err := netip.ParseAddrPort(s.ground.sandbox.DNSAddr())
	if err != nil {
		return 0, err
	}
	resolver, err := dnsclient.New(dnsclient.Config{Servers: []netip.AddrPort{server}, LoopbackOnly: true})
	if err != nil {
		return 0, err
	}
	dialer := &smtpout.Dialer{Resolver: resolver, Port: netip.MustParseAddrPort(s.door).Port(), HELO: groundHELO, LoopbackOnly: true}
	session, err := dialer.Dial(ctx, "d0.test", smtpout.TLSOpportunistic)
	if err != nil {
		return 0, err
	}
	defer session.Close(ctx)
	s.sink.forget()
	for n := range s.options.Messages {
		to := readerAddress(n+1, 1)
		outcome := session.Send(ctx, smtpout.Envelope{From: "b.abc@" + groundBounces, To: to}, []byte(plainLetter(to)))
		if !outcome.Accepted {
			return 0, fmt.Errorf("send to %s: %v", to, outcome.Reply)
		}
	}
	return s.perRoundTrip(), nil
}

// plainLetter is a message of 20 KB.
func plainLetter(to string) string {
	return "From: The Autumn Letter <autumn@" + groundFrom + ">\r\nTo: " + to + "\r\nSubject: Our autumn letter\r\n\r\n" +
		strings.Repeat(seasonLine, 276)
}

// send sends a campaign over one connection at a time.
func (s *sessions) send(ctx context.Context) (float64, error) {
	s.sink.forget()
	if err := s.ground.publish(ctx, longLetter()); err != nil {
		return 0, err
	}
	sender, err := s.ground.sender()
	if err != nil {
		return 0, err
	}
	sender.environ = append(sender.environ, "HEADWAY_SENDING_LANES=1")
	if err := sender.start(); err != nil {
		return 0, err
	}
	if err := s.ground.finished(ctx, throughputWithin); err != nil {
		return 0, err
	}
	return s.perRoundTrip(), sender.stop()
}

// rival sends the same mail by Postfix over one connection at a time, which it
// keeps as long as there is mail.
func (s *sessions) rival(ctx context.Context) (rate float64, err error) {
	server, err := mailserver.Start(ctx, mailserver.Postfix, mailserver.Setup{Name: groundHELO,
		Files: passOn(map[string]string{"d0.test": s.door}, "smtp_destination_concurrency_limit = 1\n"+
			"smtp_connection_cache_destinations = d0.test, "+mailserver.NextHop(s.door)+"\n")})
	if err != nil {
		return 0, err
	}
	defer func() { err = closing(err, server.Close) }()
	s.sink.forget()
	if err := handAll(ctx, server.Address, 1, s.options.Messages, 1, 280, s.sink); err != nil {
		return 0, err
	}
	return s.perRoundTrip(), nil
}
