package bench

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"text/tabwriter"
	"time"

	"github.com/headwaymail/headway/internal/mailserver"
	"github.com/headwaymail/headway/internal/sandbox"
)

// throttle is one limit of somebody else's mail server.
type throttle struct {
	name, title string
	rate        float64 // messages per second that it lets through; 0: no bound on messages
	exim        bool
	settings    string // of the server
	rule        string // Exim: in the ACL of RCPT
}

// throttles are those of Debian's Postfix (anvil counts per client and 60 s) and
// Exim. Where connections are limited a message takes a second, or one
// connection would be enough for everything.
var throttles = []throttle{
	{name: "PM", title: "Postfix, 300 messages a minute", rate: 5, settings: "smtpd_client_message_rate_limit = 300"},
	{name: "PC", title: "Postfix, 5 connections", rate: 5,
		settings: "smtpd_client_connection_count_limit = 5\nsmtpd_data_restrictions = sleep 1"},
	{name: "PR", title: "Postfix, 20 connections a minute", settings: "smtpd_client_connection_rate_limit = 20"},
	{name: "EC", title: "Exim, 5 connections", rate: 5, exim: true,
		settings: "smtp_accept_max_per_host = 5", rule: "  warn delay = 1s"},
	{name: "ER", title: "Exim, 300 messages a minute", rate: 5, exim: true,
		rule: `  defer message = Sender rate $sender_rate / $sender_rate_period exceeds the limit, try again later
        ratelimit = 300 / 1m / per_mail`},
}

const (
	// unboundWork is the work in messages per second of a run where messages
	// are not limited.
	unboundWork = 5
	// workShare is how much of what is possible in a run is the work: done
	// in time by whoever is not much slower.
	workShare = 0.7
)

// measureServers has Headway and two Postfixes do the same work at the same time
// at real mail servers with their throttles on, each from an address of its own.
func measureServers(ctx context.Context, o PacingOptions, result *PacingResult) (err error) {
	if err := mailserver.Postfix.Ready(); err != nil {
		result.NotRun = append(result.NotRun, "servers: "+err.Error())
		return nil
	}
	f := &fair{}
	defer func() { err = closing(err, f.close) }()
	if err := f.open(ctx, o, result); err != nil {
		return err
	}
	figures, err := f.play(ctx, o.Run)
	if err != nil {
		return err
	}
	result.judge(figures...)
	writeServers(o.Out, figures)
	return nil
}

// fair is where senders meet at real mail servers.
type fair struct {
	throttles []throttle
	servers   []*throttled // of the throttles
	rivals    []*rival
	ground    *ground
	readers   map[string]int
}

func (f *fair) close() error {
	var err error
	for _, r := range f.rivals {
		err = closing(err, r.server.Close)
	}
	if f.ground != nil {
		err = closing(err, f.ground.close)
	}
	for _, s := range f.servers {
		err = closing(err, s.Close)
	}
	return err
}

// open starts the receivers, gives everybody the work, and lets nobody begin.
func (f *fair) open(ctx context.Context, o PacingOptions, result *PacingResult) error {
	port, err := freeLoopbackPort()
	if err != nil {
		return err
	}
	file := &sandbox.File{Seed: 1}
	routes := make(map[string]string)
	f.readers = make(map[string]int)
	exim := mailserver.Exim.Unpacked(o.Exim)
	missing := exim.Ready()
	for _, t := range throttles {
		if t.exim && missing != nil {
			result.NotRun = append(result.NotRun, fmt.Sprintf("%s: %v; as its package and Postfix' exclude each other, "+
				"unpack it (apt-get download exim4-daemon-light; dpkg-deb -x exim4-daemon-light*.deb FOLDER) and give --exim FOLDER/usr/sbin/exim4",
				t.title, missing))
			continue
		}
		host, domain := fmt.Sprintf("127.78.0.%d", len(f.servers)+1), domainOf(t.name)
		address := net.JoinHostPort(host, fmt.Sprint(port))
		server, err := startThrottled(ctx, t, exim, address)
		if err != nil {
			return err
		}
		f.throttles, f.servers = append(f.throttles, t), append(f.servers, server)
		routes[domain] = address
		file.DNS.Records = append(file.DNS.Records, domain+". MX 10 mx."+domain+".", "mx."+domain+". A "+host)
		f.readers[domain] = int(workShare*cmp.Or(t.rate, unboundWork)*o.Run.Seconds()) + 1
	}
	for i, name := range []string{"Postfix", "Postfix 1/N"} {
		r, err := newRival(ctx, name, fmt.Sprintf("127.78.1.%d", i+1), port, routes)
		if err != nil {
			return err
		}
		f.rivals = append(f.rivals, r)
		if err := r.load(ctx, f.readers); err != nil {
			return err
		}
	}
	if f.ground, err = openGround(ctx, o.Binary, o.Config, o.Log, file, port); err != nil {
		f.ground = nil // closed already
		return err
	}
	return f.ground.fill(ctx, f.readers)
}

// freeLoopbackPort returns a port that is free now.
func freeLoopbackPort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// play lets everybody begin, and ends when all work is done or the time is over.
func (f *fair) play(ctx context.Context, length time.Duration) ([]PacingFigure, error) {
	from := time.Now()
	for _, r := range f.rivals {
		if err := r.begin(ctx); err != nil {
			return nil, err
		}
	}
	sender, err := f.ground.sender()
	if err != nil {
		return nil, err
	}
	if err := sender.start(); err != nil {
		return nil, err
	}
	for to := from.Add(length); time.Now().Before(to) && !f.done(); {
		if err := sleepUntil(ctx, time.Now().Add(time.Second)); err != nil {
			return nil, err
		}
		for _, s := range f.servers {
			if err := s.count(time.Now()); err != nil {
				return nil, err
			}
		}
	}
	load, to := loadAverage(), time.Now()
	if err := sender.stop(); err != nil {
		return nil, err
	}
	var figures []PacingFigure
	for i, t := range f.throttles {
		for _, who := range f.senders() {
			c := f.servers[i].by(who.source)
			figure := PacingFigure{Part: PacingServers, Run: "cold", Receiver: t.name, Title: t.title, Sender: who.name,
				From: from, To: to, First: -1, Accepted: c.accepted, Refused: c.refused, Load: load,
				Work: f.readers[domainOf(t.name)]}
			if !c.first.IsZero() {
				figure.First = c.first.Sub(from)
			}
			if c.accepted >= figure.Work {
				figure.Done = c.last.Sub(from)
			}
			if who.name == "Headway" {
				if err := decisions(ctx, f.ground.office.Database.Store, &figure); err != nil {
					return nil, err
				}
			}
			figures = append(figures, figure)
		}
	}
	return figures, nil
}

// participant is one who sends.
type participant struct{ name, source string }

func (f *fair) senders() []participant {
	all := []participant{{"Headway", "127.0.0.1"}}
	for _, r := range f.rivals {
		all = append(all, participant{r.name, r.source})
	}
	return all
}

// done reports whether everybody has done everything.
func (f *fair) done() bool {
	for i, t := range f.throttles {
		for _, who := range f.senders() {
			if f.servers[i].by(who.source).accepted < f.readers[domainOf(t.name)] {
				return false
			}
		}
	}
	return true
}

// writeServers prints the table of real servers.
func writeServers(w io.Writer, figures []PacingFigure) {
	if len(figures) == 0 {
		return
	}
	length := figures[0].To.Sub(figures[0].From).Round(time.Second)
	fmt.Fprintf(w, "\nReal mail servers with their throttles on, the same work for everybody: %s from %s, load average %s\n\n",
		length, figures[0].From.Format(time.TimeOnly), figures[0].Load)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "receiver\tsender\twork\taccepted\trefused\tper 1,000\tdone after")
	for _, f := range figures {
		done := "–"
		if f.Done > 0 {
			done = after(f.Done)
		}
		fmt.Fprintf(t, "%s %s\t%s\t%d\t%d\t%d\t%.1f\t%s\n", f.Receiver, f.Title, f.Sender, f.Work, f.Accepted, f.Refused, f.PerThousand(), done)
	}
	_ = t.Flush() // w tells its own errors
}
