package delivery

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/campaign/token"
	"github.com/headwaymail/headway/internal/dkim"
	"github.com/headwaymail/headway/internal/dnsclient"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/postgres/pgtest"
	"github.com/headwaymail/headway/internal/smtpout"
	"github.com/headwaymail/headway/pacing"
)

func TestMain(m *testing.M) {
	if url, provider, ok := strings.Cut(os.Getenv(victimVariable), " "); ok {
		if err := victim(url, provider); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	pgtest.Main(m)
}

// receiver is a mail server that notes when transactions begin and answers as
// its test wants.
type receiver struct {
	port   uint16
	answer func(to string) error          // after the message; may take its time
	judge  func(subject, to string) error // the same, by what is in it; guarded by mu

	mu    sync.Mutex
	mails []time.Time    // when each MAIL came; guarded by mu
	got   map[string]int // accepted messages by recipient; guarded by mu
	by    map[string]int // accepted messages by HELO; guarded by mu
	began chan struct{}  // one for each MAIL, as far as somebody waits
	conns atomic.Int64   // connections open
}

// opened returns how many connections are open.
func (r *receiver) opened() int { return int(r.conns.Load()) }

// receive starts a receiver on loopback.
func receive(t testing.TB, answer func(to string) error) *receiver {
	t.Helper()
	return receiveOver(t, answer, func(l net.Listener) net.Listener { return l })
}

// receiveOver starts one behind another listener.
func receiveOver(t testing.TB, answer func(to string) error, over func(net.Listener) net.Listener) *receiver {
	t.Helper()
	r := &receiver{answer: answer, got: make(map[string]int), by: make(map[string]int), began: make(chan struct{}, 1000)}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		r.conns.Add(1)
		return &reception{receiver: r, from: c.Hostname()}, nil
	}))
	server.Domain = "mx.a.test"
	server.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.port = uint16(listener.Addr().(*net.TCPAddr).Port)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(over(listener)) // ends with the listener
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-served
	})
	return r
}

type reception struct {
	*receiver
	from string // name of the node's HELO
	to   string
}

func (r *reception) Mail(string, *smtp.MailOptions) error {
	r.mu.Lock()
	r.mails = append(r.mails, time.Now())
	r.mu.Unlock()
	select {
	case r.began <- struct{}{}:
	default:
	}
	return nil
}

func (r *reception) Rcpt(to string, _ *smtp.RcptOptions) error {
	r.to = to
	return nil
}

func (r *reception) Data(body io.Reader) error {
	subject := ""
	for lines := bufio.NewScanner(body); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "Subject: "); ok {
			subject = text
		}
	}
	r.mu.Lock()
	judge := r.judge
	r.mu.Unlock()
	if judge != nil {
		if err := judge(subject, r.to); err != nil {
			return err
		}
	}
	if r.answer != nil {
		if err := r.answer(r.to); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got[r.to]++
	r.by[r.from]++
	return nil
}

func (r *reception) Reset() {}
func (r *reception) Logout() error {
	r.conns.Add(-1)
	return nil
}

// last returns when the newest transaction began, and how many there were.
func (r *receiver) last() (time.Time, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.mails) == 0 {
		return time.Time{}, 0
	}
	return r.mails[len(r.mails)-1], len(r.mails)
}

// copies returns how many messages a recipient got.
func (r *receiver) copies(to string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got[to]
}

// oneHost is a DNS in which every domain has one mail host, on loopback.
type oneHost struct{}

func (oneHost) MX(context.Context, string) (dnsclient.MXAnswer, error) {
	return dnsclient.MXAnswer{Hosts: []dnsclient.MX{{Host: "mx.a.test"}}, Expires: time.Now().Add(time.Hour)}, nil
}

func (oneHost) Addrs(context.Context, string) (dnsclient.AddrAnswer, error) {
	return dnsclient.AddrAnswer{Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, Expires: time.Now().Add(time.Hour)}, nil
}

// rig is an engine with a real database, a real receiver, and goroutines in the
// place of River.
type rig struct {
	stops bool // campaigns stop when they go badly; else they only warn
	*Engine
	t          testing.TB
	url        string
	greylisted time.Duration
	provider   int64
	campaign   int64

	ctx    context.Context
	cancel context.CancelFunc
	ready  chan struct{} // closed when the engine can run lanes
	mu     sync.Mutex
	lanes  map[Lane]bool // guarded by mu; those that run
	closed bool          // guarded by mu; no lane begins any more
	wait   sync.WaitGroup
}

// rigConfig is what tests choose.
type rigConfig struct {
	url        string // of the database; a fresh one when empty
	beside     *rig   // another engine, whose database and campaign this one works for
	most       int    // connections of the node
	contacts   int
	start      float64 // first rate per second
	lanes      int
	greylisted time.Duration    // wait after a greylisting reply that names none
	fastest    float64          // rate that is never exceeded
	prepare    string           // SQL that changes the list before the launch; may be empty
	clock      func() time.Time // of the node's machine; nil: right
	names      smtpout.Resolver // nil: every domain has one host
	signing    *dkim.Pool       // nil: one of its own
	stops      bool             // the campaign stops when it goes badly; by default it only warns
}

// start brings up an engine and launches a campaign to reader1@a.test and so on.
func start(t testing.TB, r *receiver, c rigConfig) *rig {
	t.Helper()
	ctx := t.Context()
	url := c.url
	if c.beside != nil {
		url = c.beside.url
	}
	if url == "" {
		url = pgtest.Database(t, postgres.Migrate, postgres.MigrationsFingerprint())
	}
	store, err := postgres.Open(ctx, url, 12)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	g := &rig{t: t, url: url, greylisted: c.greylisted, ready: make(chan struct{}), lanes: make(map[Lane]bool)}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	if c.beside != nil {
		g.provider, g.campaign = c.beside.provider, c.beside.campaign
	} else {
		g.launch(store, c)
	}
	log := slog.New(slog.DiscardHandler)
	node, err := store.RegisterNode(ctx, "rig", "", []string{"lanes"}, time.Now())
	g.must(err)
	source, err := store.EnsureSource(ctx, "127.0.0.1", "mail.sender.test")
	g.must(err)
	keyring, err := token.NewKeyring(0, map[int][]byte{0: make([]byte, 32)})
	g.must(err)
	key, err := dkim.GenerateEd25519()
	g.must(err)
	names := c.names
	if names == nil {
		names = oneHost{}
	}
	g.Engine, err = Start(ctx, Config{
		Store: store, Node: node, Source: source, Fresh: func() bool { return true }, Connections: cmp.Or(c.most, 50), Log: log,
		Dialer: &smtpout.Dialer{Resolver: names, Port: r.port, LoopbackOnly: true, HELO: g.helo(node)},
		Composer: &Composer{Tokens: keyring, Pool: cmp.Or(c.signing, dkim.NewPool()), PublicURL: "https://news.sender.test", BounceDomain: "b.sender.test",
			Signers: func(context.Context, string) ([]*dkim.Signer, error) {
				return []*dkim.Signer{{Domain: "sender.test", Selector: "s", Key: key}}, nil
			}},
		Profile: func(string) pacing.Profile {
			return pacing.Profile{Start: cmp.Or(c.start, 200), Lanes: cmp.Or(c.lanes, 4), MaxRate: c.fastest}
		},
		Clock: c.clock, AskForLanes: g.ask, AskResolve: func(context.Context) error { return nil },
	})
	g.must(err)
	close(g.ready)
	t.Cleanup(g.stop)
	return g
}

// helo is the name that a node gives to receivers.
func (g *rig) helo(node int64) string { return fmt.Sprintf("node%d.sender.test", node) }

func (g *rig) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// launch makes a list of contacts and sends them a campaign.
func (g *rig) launch(store *postgres.Store, c rigConfig) {
	g.t.Helper()
	ctx, now := g.t.Context(), time.Now()
	for _, sql := range []string{
		`insert into lists (name, created_at) values ('Readers', now())`,
		`insert into domains (name) values ('a.test')`,
		fmt.Sprintf(`insert into contacts (address, address_key, canonical_key, domain_id, status_since, created_at, updated_at)
			select a, a, a, d.id, now(), now(), now() from domains d, generate_series(1, %d) n,
			       lateral (select format('reader%%s@a.test', n) as a) address order by n`, c.contacts),
		`insert into list_members (list_id, contact_id, status, since)
			select l.id, c.id, 'subscribed', now() - interval '1 hour' from lists l, contacts c`,
		c.prepare,
	} {
		_, err := store.Pool().Exec(ctx, sql)
		g.must(err)
	}
	rows, err := store.Pool().Query(ctx, `select id from domains`)
	g.must(err)
	domains, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	g.must(err)
	var looks []postgres.Look
	for _, domain := range domains {
		looks = append(looks, postgres.Look{Domain: domain, Found: postgres.MailHostMX, MX: []string{"mx.a.test"},
			ProviderKey: "a.test", Provider: "a.test", Expires: now.Add(time.Hour)})
	}
	g.must(store.SaveLooks(ctx, looks, now))
	g.must(store.Pool().QueryRow(ctx, `select provider_id from domains`).Scan(&g.provider))
	g.stops = c.stops
	g.campaign = g.newsletter(store, "Notes", "sender.test", 4)
}

// newsletter launches one more campaign to all readers.
func (g *rig) newsletter(store *postgres.Store, name, domain string, weight int) int64 {
	g.t.Helper()
	ctx, now := g.t.Context(), time.Now()
	settings := campaign.DefaultSettings()
	second := campaign.Duration(time.Second)
	settings.Retry = campaign.Retry{Steps: []campaign.Duration{second}, Throttled: second,
		Greylisted: campaign.Duration(cmp.Or(g.greylisted, time.Second)), Mailbox: second}
	settings.StopsWarnOnly = !g.stops
	id, err := store.CreateCampaign(ctx, postgres.NewCampaign{Name: name, Weight: weight, TimeZone: "UTC", Lists: []string{"Readers"},
		Settings: settings, Content: campaign.Content{FromName: name, FromAddress: "notes@" + domain, Subject: name, Markdown: "Hello"}}, now)
	g.must(err)
	_, err = store.ChangeCampaign(ctx, id, postgres.Change{Verb: campaign.Launch, At: now}, nil)
	g.must(err)
	g.must(store.OpenLedger(ctx, id, now))
	for done := false; !done; {
		done, err = store.LaunchBatch(ctx, id, 10_000, now)
		g.must(err)
	}
	return id
}

// ask runs lanes that do not run yet.
func (g *rig) ask(_ context.Context, lanes []Lane) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, lane := range lanes {
		if g.lanes[lane] || g.closed {
			continue
		}
		g.lanes[lane] = true
		g.wait.Go(func() {
			<-g.ready
			if err := g.RunLane(g.ctx, lane); err != nil && !errors.Is(err, context.Canceled) {
				g.t.Logf("lane %d: %v", lane.Slot, err)
			}
			g.mu.Lock()
			defer g.mu.Unlock()
			delete(g.lanes, lane)
		})
	}
	return nil
}

// stop ends the engine as a node does.
func (g *rig) stop() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.Drain()
	ended := make(chan struct{})
	go func() {
		g.wait.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		g.Cut()
	}
	g.cancel()
	g.Stop()
	<-ended
}

// change takes the campaign a step further and returns when that was committed.
func (g *rig) change(verb campaign.Verb) time.Time {
	g.t.Helper()
	_, err := g.store.ChangeCampaign(g.t.Context(), g.campaign, postgres.Change{Verb: verb, At: time.Now()}, nil)
	g.must(err)
	return time.Now()
}

// counters returns the campaign's, which hold all outcomes recorded until now.
func (g *rig) counters() campaign.Counters {
	g.t.Helper()
	newest := g.text(`select coalesce(max(id), 0)::text from uncounted`)
	until(g.t, 30*time.Second, "all is counted", func() bool {
		g.must(g.store.Count(g.t.Context()))
		return g.text(`select count(*)::text from uncounted where id <= $1::bigint`, newest) == "0"
	})
	c, err := g.store.Campaign(g.t.Context(), g.campaign)
	g.must(err)
	return c.Counters
}

// text returns the single value of a query as text.
func (g *rig) text(sql string, args ...any) string {
	g.t.Helper()
	var value string
	g.must(g.store.Pool().QueryRow(g.t.Context(), sql, args...).Scan(&value))
	return value
}

// request asks for mail of the rig's campaign, behind the back of its lanes.
func (g *rig) request(limit int) postgres.ClaimRequest {
	g.t.Helper()
	camp, err := g.store.Campaign(g.t.Context(), g.campaign)
	g.must(err)
	return postgres.ClaimRequest{Ledger: camp.Ledger, Campaign: g.campaign, Provider: g.provider, Node: g.node, Limit: limit, Now: time.Now()}
}

// claim takes mail behind the back of the lanes.
func (g *rig) claim(limit int) []postgres.Claimed {
	g.t.Helper()
	taken, err := g.store.Claim(g.t.Context(), []postgres.ClaimRequest{g.request(limit)})
	g.must(err)
	return taken[0].Deliveries
}

// until waits for a condition, for at most a time.
func until(t testing.TB, most time.Duration, what string, met func() bool) {
	t.Helper()
	deadline := time.Now().Add(most)
	for !met() {
		if time.Now().After(deadline) {
			t.Fatalf("after %s still not: %s", most, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// balanced requires that counters and ledger agree.
func (g *rig) balanced() {
	g.t.Helper()
	checked, err := g.store.Check(g.t.Context())
	g.must(err)
	if len(checked.Differences) > 0 {
		g.t.Errorf("the counters differ from the ledger: %+v", checked.Differences)
	}
}

func isReader(n int) string { return fmt.Sprintf("reader%d@a.test", n) }

func reader(to string, n int) bool { return strings.EqualFold(to, isReader(n)) }
