package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/sandbox"
)

// LedgerOptions say how much is sent in each scenario.
type LedgerOptions struct {
	Binary   string   // path of the headway binary
	Contacts int      // in each scenario, 20 or more
	Only     []string // names of scenarios; nil: all
	FakeTime string   // path of libfaketime, for scenes that need it; "" searches
	Volume   string   // folder for the small volume of a scene that needs one, in a process of its own; else empty
	Config   config.Config
	Out      io.Writer // how it goes on; the logs of what is in trouble on purpose are left out
}

// LedgerRow is what became of a campaign in one scenario.
type LedgerRow struct {
	Name       string        `json:"name"`
	Title      string        `json:"title"`
	Targeted   int           `json:"targeted"`
	Refused    int           `json:"refused"`    // recipients whom the receiver refuses for good
	Delivered  int           `json:"delivered"`  // recipients who hold the message, by the receiver's own count
	Lost       int           `json:"lost"`       // recipients who should hold it and do not
	Duplicated int           `json:"duplicated"` // messages that arrived again
	Open       int           `json:"open"`       // connections that were cut: so many messages may arrive again
	Took       time.Duration `json:"took"`       // from the first start of the sender to the end of the campaign
	Recovered  time.Duration `json:"recovered"`  // from the end of the trouble to the next message; the longest where there were several
	NotRun     string        `json:"not_run,omitempty"`
	Wrong      []string      `json:"wrong,omitempty"`
}

// ledgerScene is one of the scenarios: how the receiver behaves, and what
// happens in the middle.
type ledgerScene struct {
	name, title string
	direct      bool // to the recipients' own servers; else through one relay
	down        bool // the relay is down at the start
	answer      func() func(recipient string) string
	meanwhile   func(*ledgerRun, context.Context) error
	nodes       int           // processes that send; 0 stands for 1
	pause       time.Duration // the receiver takes it over each message, so that there is something to interrupt
	ownNames    bool          // DNS is asked through a door that can be shut
	ownClock    bool          // Postgres has a clock that can be wrong
	wrongNode   bool          // the senders have a clock that can be wrong
	volume      bool          // everything stands on a small volume of its own
}

// What happens when, in the scenarios in which a relay is down.
const (
	// downFor is how long a relay is away before anything is done about it.
	downFor = 6 * time.Second
	// ledgerWithin bounds a scenario.
	ledgerWithin = 12 * time.Minute
	// slowRate is what the slow provider takes in a second.
	slowRate = 5
	// ledgerDomains is over how many domains the recipients are spread; the
	// last is the slow provider's.
	ledgerDomains = 10
)

// ledgerScenes are five ways in which senders are known to lose mail.
var ledgerScenes = []ledgerScene{
	{name: "F1", title: "20 % answer 421 once, 20 % 450 once, 2 % 550", answer: moody},
	{name: "F2", title: "one provider takes 5/s, 421 beyond", direct: true, answer: tight},
	{name: "F3", title: "SIGTERM in the middle", meanwhile: (*ledgerRun).terminate},
	{name: "F4", title: "relay down at the start", down: true, meanwhile: (*ledgerRun).rise},
	{name: "F5", title: "relay dies midway, resumed while it is down", meanwhile: (*ledgerRun).die},
}

// ledgerRun is a scenario that is being played.
type ledgerRun struct {
	ground *ground
	sink   *sink
	sender *victim // the first of all
	all    []*victim
	names  *namesDoor     // nil unless the scene has one
	clock  *postgresClock // the same
	row    *LedgerRow
}

// Ledger plays the scenarios, all at the same time, and counts at the receivers.
// Its error says what could not be done; what the product did wrong is in the rows.
func Ledger(ctx context.Context, o LedgerOptions) ([]LedgerRow, error) {
	scenes, err := chosen(ledgerScenes, o.Only)
	if err != nil {
		return nil, err
	}
	rows := make([]LedgerRow, len(scenes))
	group, ctx := errgroup.WithContext(ctx)
	for i, scene := range scenes {
		group.Go(func() error {
			var err error
			if rows[i], err = scene.play(ctx, o, i); err != nil {
				return fmt.Errorf("%s, %s: %w", scene.name, scene.title, err)
			}
			fmt.Fprintf(o.Out, "%s is over after %.0f s\n", scene.name, rows[i].Took.Seconds())
			return nil
		})
	}
	return rows, group.Wait()
}

// chosen returns the scenes with these names; nil stands for all.
func chosen(all []ledgerScene, only []string) ([]ledgerScene, error) {
	if only == nil {
		return all, nil
	}
	var scenes []ledgerScene
	var names []string
	for _, s := range all {
		names = append(names, s.name)
		if slices.Contains(only, s.name) {
			scenes = append(scenes, s)
		}
	}
	if len(scenes) != len(only) {
		return nil, fmt.Errorf("not all of %s are scenarios; there are %s", strings.Join(only, ", "), strings.Join(names, ", "))
	}
	return scenes, nil
}

// play plays one scenario from an empty database to the end of its campaign.
func (s ledgerScene) play(ctx context.Context, o LedgerOptions, number int) (row LedgerRow, err error) {
	row = LedgerRow{Name: s.name, Title: s.title, Targeted: o.Contacts}
	port, err := freeLoopbackPort()
	if err != nil {
		return row, err
	}
	r := &ledgerRun{row: &row, sink: &sink{offers: offersAll}}
	file := &sandbox.File{Seed: 1}
	for d := range ledgerDomains {
		host := fmt.Sprintf("127.81.%d.%d", number, d+1)
		file.DNS.Records = append(file.DNS.Records, mailRecords(d, host)...)
		if d == 0 || s.direct {
			r.sink.addresses = append(r.sink.addresses, net.JoinHostPort(host, strconv.Itoa(port)))
		}
	}
	if s.answer != nil {
		r.sink.answer = s.answer()
	}
	if !s.direct {
		o.Config.Sending.Relays = []string{"* smtp://" + r.sink.addresses[0]}
	}
	if s.ownClock {
		if r.clock, err = openPostgresClock(&o.Config, o.FakeTime); err != nil {
			row.NotRun = err.Error()
			return row, nil
		}
		defer func() { err = closing(err, r.clock.close) }()
	}
	if _, err := openSink(r.sink); err != nil {
		return row, err
	}
	defer r.sink.vanish()
	if s.down {
		r.sink.vanish()
	}
	r.sink.pause = s.pause
	file.DNS.TTL = time.Second
	if r.ground, err = openGround(ctx, o.Binary, o.Config, slog.New(slog.DiscardHandler), file, port); err != nil {
		return row, err
	}
	defer func() { err = closing(err, r.ground.close) }()
	if s.ownNames {
		if r.names, err = openNamesDoor(r.ground.sandbox.DNSAddr()); err != nil {
			return row, err
		}
		defer r.names.close()
	}
	if err := r.send(ctx, s, o.Contacts); err != nil {
		return row, err
	}
	return row, r.conclude(ctx, s)
}

// mailRecords are the MX of a domain of [postgres.Store.FillForBench], and its
// host: each domain is a provider of its own.
func mailRecords(domain int, host string) []string {
	return []string{fmt.Sprintf("d%d.test. MX 10 mx.d%[1]d.test.", domain), fmt.Sprintf("mx.d%d.test. A %s", domain, host)}
}

// send launches, starts the sender, lets happen what happens, and waits for the
// end.
func (r *ledgerRun) send(ctx context.Context, s ledgerScene, contacts int) error {
	if err := r.ground.stock(ctx, contacts, ledgerDomains); err != nil {
		return err
	}
	if err := r.ground.publish(ctx, letterText); err != nil {
		return err
	}
	began := time.Now()
	for range max(1, s.nodes) {
		sender, err := r.ground.sender()
		if err != nil {
			return err
		}
		sender.quiet = true
		if r.names != nil {
			sender.environ = append(sender.environ, "HEADWAY_DNS_SERVERS="+r.names.address)
		}
		if s.wrongNode {
			sender.environ = append(sender.environ, "HEADWAY_SANDBOX_CLOCK="+r.nodeClock())
		}
		if err := sender.start(); err != nil {
			return err
		}
		r.all = append(r.all, sender)
	}
	r.sender = r.all[0]
	if s.meanwhile != nil {
		if err := s.meanwhile(r, ctx); err != nil {
			return err
		}
	}
	if err := r.ground.finished(ctx, ledgerWithin); err != nil && ctx.Err() != nil {
		return err
	}
	r.row.Took = time.Since(began)
	return nil
}

// halfway waits until the receiver holds half of the mail.
func (r *ledgerRun) halfway(ctx context.Context) error {
	return await(ctx, ledgerWithin, "half of the mail to arrive", func() (bool, error) {
		_, held := r.sink.count()
		return held >= r.row.Targeted/2, nil
	})
}

// terminate has the sender end in good order, and starts it again.
func (r *ledgerRun) terminate(ctx context.Context) error {
	if err := r.halfway(ctx); err != nil {
		return err
	}
	if err := r.sender.stop(); err != nil {
		return err
	}
	return r.sender.start()
}

// rise lets a relay come up that was down.
func (r *ledgerRun) rise(ctx context.Context) error {
	if err := sleepUntil(ctx, time.Now().Add(2*downFor)); err != nil {
		return err
	}
	if err := r.sink.appear(); err != nil {
		return err
	}
	return r.flows(ctx)
}

// die takes the relay away, has the operator resume once while it is still down,
// and brings it back.
func (r *ledgerRun) die(ctx context.Context) error {
	if err := r.halfway(ctx); err != nil {
		return err
	}
	r.row.Open = r.sink.vanish()
	if err := sleepUntil(ctx, time.Now().Add(downFor)); err != nil {
		return err
	}
	if err := r.resume(ctx); err != nil {
		return err
	}
	if err := sleepUntil(ctx, time.Now().Add(downFor)); err != nil {
		return err
	}
	if err := r.sink.appear(); err != nil {
		return err
	}
	return r.flows(ctx)
}

// resume does what an operator does who sees that nothing goes out: resumes, or
// where nothing is paused pauses and resumes.
func (r *ledgerRun) resume(ctx context.Context) error {
	desk := r.ground.office.Service
	c, err := desk.Store.Campaign(ctx, r.ground.campaign)
	if err != nil {
		return err
	}
	if c.State == campaign.Sending {
		if err := desk.Do(ctx, c.ID, campaign.Pause); err != nil {
			return err
		}
	}
	return desk.Do(ctx, c.ID, campaign.Resume)
}

// conclude counts, and says what is wrong.
func (r *ledgerRun) conclude(ctx context.Context, s ledgerScene) error {
	c, err := r.ground.office.Database.Store.Campaign(ctx, r.ground.campaign)
	if err != nil {
		return err
	}
	if s.name == "F1" {
		for n := range r.row.Targeted {
			if mood(readerAddress(n+1, ledgerDomains)) == never {
				r.row.Refused++
			}
		}
	}
	messages, recipients := r.sink.count()
	r.row.Delivered, r.row.Duplicated = recipients, messages-recipients
	r.row.Lost = r.row.Targeted - r.row.Refused - recipients
	wrong := func(format string, args ...any) { r.row.Wrong = append(r.row.Wrong, fmt.Sprintf(format, args...)) }
	if c.State != campaign.Finished {
		wrong("the campaign is %s after %s", c.State, ledgerWithin)
	}
	if r.row.Lost != 0 {
		wrong("%d recipients do not hold the message", r.row.Lost)
	}
	if r.row.Duplicated > r.row.Open {
		wrong("%d messages arrived again, with %d connections cut", r.row.Duplicated, r.row.Open)
	}
	if got := int(c.Counters.Targeted); got != r.row.Targeted {
		wrong("the ledger knows of %d recipients, not of %d", got, r.row.Targeted)
	}
	if got := int(c.Counters.Delivered); got != recipients {
		wrong("the ledger says %d delivered, the receiver holds %d", got, recipients)
	}
	if got := int(c.Counters.Bounced); got != r.row.Refused {
		wrong("the ledger says %d bounced, the receiver refused %d for good", got, r.row.Refused)
	}
	check, err := r.ground.office.Database.Store.Check(ctx)
	if err != nil {
		return err
	}
	if n := len(check.Differences); n > 0 {
		wrong("%d counters differ from the ledger", n)
	}
	return nil
}

// LedgerWrong joins what is wrong in all rows.
func LedgerWrong(rows []LedgerRow) error {
	var wrong []error
	for _, r := range rows {
		for _, words := range r.Wrong {
			wrong = append(wrong, fmt.Errorf("%s: %s", r.Name, words))
		}
	}
	return errors.Join(wrong...)
}
