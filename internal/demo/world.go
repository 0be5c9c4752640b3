package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/node"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/sandbox"
)

// Options say which demo it is.
type Options struct {
	File      *sandbox.File // the internet to send into
	Text      []byte        // the file as it was read, to know it again
	Contacts  int           // rows of the contact list; 0: as the file says
	Fresh     bool          // do not continue an unfinished demo
	Lifetime  time.Duration // least lifetime of a message; 0: as the file's troubles need
	Elsewhere bool          // other processes work; the demo's own node only looks on
	Config    config.Config
	Log       *slog.Logger
}

const (
	// databaseName is the demo's own database in the embedded server.
	databaseName = "headway_demo"
	// recordName is where the receivers keep what they got.
	recordName = "demo-received.jsonl"
	// marker is how a demo's database is told from a real one.
	marker = "demo"
	// pagesAt keeps where the pages of a demo were.
	pagesAt = "demo pages"

	fromDomain   = "letters.sender.test"
	fromAddress  = "autumn@" + fromDomain
	bounceDomain = "bounces.sender.test"
	heloName     = "mail.sender.test"
)

// Demo is a demo at work.
type Demo struct {
	Node     *node.Node
	Sandbox  *sandbox.Sandbox
	Campaign int64 // of the newsletter; 0 until it is launched
	Resumed  bool  // an unfinished demo is continued

	options  Options
	settings campaign.Settings
	truth    sandbox.Truth
}

// Open starts the database, the sandbox and a node for a demo.
func Open(ctx context.Context, o Options) (d *Demo, err error) {
	d = &Demo{options: o, settings: Settings(o.File)}
	d.settings.Lifetime = max(d.settings.Lifetime, campaign.Duration(o.Lifetime))
	database, err := node.OpenDatabaseNamed(ctx, o.Config, databaseName, o.Log)
	if err != nil {
		return nil, err
	}
	if d.Resumed, err = d.takeOver(ctx, database); err != nil {
		return nil, errors.Join(err, database.Close())
	}
	records := filepath.Join(o.Config.Data, recordName)
	if !d.Resumed {
		if err := os.Remove(records); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, errors.Join(err, database.Close())
		}
	}
	if err := os.MkdirAll(o.Config.Data, 0o755); err != nil {
		return nil, errors.Join(err, database.Close())
	}
	if d.Sandbox, err = sandbox.Start(ctx, o.File, sandbox.Options{RecordFile: records, Logger: o.Log}); err != nil {
		return nil, errors.Join(err, database.Close())
	}
	c := d.nodeConfig()
	if c.Web.Listen, err = d.listen(ctx, database.Store); err != nil {
		return nil, errors.Join(err, d.Sandbox.Stop(), database.Close())
	}
	if d.Node, err = node.Start(ctx, c, database, o.Log); err != nil {
		return nil, errors.Join(err, d.Sandbox.Stop(), database.Close())
	}
	address := strings.TrimPrefix(d.Node.URL(), "http://")
	if err := database.Store.SetInstanceValue(ctx, pagesAt, []byte(address)); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// listen returns where the pages are to be: in a demo that is continued where
// they were, since the links in the letters that went out lead there.
func (d *Demo) listen(ctx context.Context, store *postgres.Store) (string, error) {
	before, err := store.InstanceValue(ctx, pagesAt)
	if err != nil || !d.Resumed || len(before) == 0 {
		return d.options.Config.Web.Listen, err
	}
	return string(before), nil
}

// nodeConfig are the settings of a node that can reach nothing but the sandbox.
func (d *Demo) nodeConfig() config.Config {
	c := d.options.Config
	c.Sandbox.Enabled = true
	c.DNS.Servers = []string{d.Sandbox.DNSAddr()}
	c.Sending.SMTPPort = d.Sandbox.SMTPPort()
	c.Sending.Source = "127.0.0.1"
	c.Sending.HELOName, c.Sending.BounceDomain = heloName, bounceDomain
	c.Web.PublicURL = "" // the node's own pages
	if d.options.Elsewhere {
		c.Roles = []string{}
	}
	return c
}

// Close ends the demo: the node drains, then the receivers end.
func (d *Demo) Close() error { return errors.Join(d.Node.Stop(), d.Sandbox.Stop()) }

// takeOver decides whether the database holds an unfinished demo of the same
// description, and empties it when it holds another one.
func (d *Demo) takeOver(ctx context.Context, database *node.Database) (resumed bool, err error) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%d", d.options.Text, d.options.Contacts))
	mark := []byte(hex.EncodeToString(sum[:]))
	store := database.Store
	before, err := store.InstanceValue(ctx, marker)
	if err != nil {
		return false, err
	}
	if before == nil {
		filled, err := store.Filled(ctx)
		if err != nil {
			return false, err
		}
		if filled {
			return false, errors.New("this database holds contacts or campaigns that are not the demo's; " +
				"leave DATABASE_URL unset, or point it at an empty database")
		}
		return false, store.SetInstanceValue(ctx, marker, mark)
	}
	if err := refuseSecond(ctx, store); err != nil {
		return false, err
	}
	if string(before) == string(mark) && !d.options.Fresh {
		unfinished, err := unfinishedCampaign(ctx, store)
		if err != nil || unfinished > 0 {
			d.Campaign = unfinished
			return unfinished > 0, err
		}
	}
	if err := database.Empty(ctx); err != nil {
		return false, err
	}
	return false, database.Store.SetInstanceValue(ctx, marker, mark)
}

// refuseSecond keeps two demos from sharing a database. A node that was killed
// is not in the way: its beat stands still.
func refuseSecond(ctx context.Context, store *postgres.Store) error {
	before, err := store.Nodes(ctx)
	if err != nil || len(before) == 0 {
		return err
	}
	select {
	case <-time.After(2500 * time.Millisecond): // longer than the time between two beats
	case <-ctx.Done():
		return ctx.Err()
	}
	after, err := store.Nodes(ctx)
	if err != nil {
		return err
	}
	beats := make(map[int64]int64)
	for _, n := range before {
		beats[n.ID] = n.Beat
	}
	for _, n := range after {
		if beat, known := beats[n.ID]; known && beat != n.Beat {
			return errors.New("another demo is running on this data folder; stop it, or give --data another folder")
		}
	}
	return nil
}

func unfinishedCampaign(ctx context.Context, store *postgres.Store) (int64, error) {
	ids, err := store.CampaignsNamed(ctx, newsletterName)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	c, err := store.Campaign(ctx, ids[0])
	if err != nil || c.State.Final() || c.State == campaign.Draft {
		return 0, err
	}
	return c.ID, nil
}

// Settings are the terms of the demo's campaigns: short waits, and a lifetime
// just long enough to outlast the longest trouble in the description.
func Settings(file *sandbox.File) campaign.Settings {
	const least, margin, most = 30 * time.Second, 20 * time.Second, 10 * time.Minute
	trouble := least - margin
	for _, p := range file.Providers {
		if p.Greylist != nil {
			trouble = max(trouble, p.Greylist.Delay)
		}
		trouble = max(trouble, p.Mailboxes.FullFor, p.Mailboxes.BusyFor)
		for _, o := range p.Outages {
			trouble = max(trouble, o.For)
		}
		for _, l := range p.Limits {
			if l.Penalty != nil {
				trouble = max(trouble, l.Penalty.Block)
			}
		}
	}
	seconds := func(n int) campaign.Duration { return campaign.Duration(time.Duration(n) * time.Second) }
	return campaign.Settings{
		Retry: campaign.Retry{
			Steps:     []campaign.Duration{seconds(3), seconds(4), seconds(6), seconds(8), seconds(10)},
			Throttled: seconds(2), Greylisted: seconds(9), Mailbox: seconds(5), Spread: 0.2,
		},
		Lifetime:      campaign.Duration(min(trouble+margin, most)),
		OnDoubt:       campaign.DoubtResend,
		StopsWarnOnly: true,
		Tracking:      campaign.Tracking{Clicks: true, Opens: true},
	}
}

// Environ returns the settings with which another process works for this demo.
func (d *Demo) Environ() map[string]string {
	c := d.nodeConfig()
	return map[string]string{
		"DATABASE_URL":                  d.Node.Database.URL,
		"HEADWAY_DATA":                  c.Data,
		"HEADWAY_SANDBOX_ENABLED":       "true",
		"HEADWAY_DNS_SERVERS":           strings.Join(c.DNS.Servers, ","),
		"HEADWAY_SENDING_SMTP_PORT":     strconv.Itoa(c.Sending.SMTPPort),
		"HEADWAY_SENDING_SOURCE":        c.Sending.Source,
		"HEADWAY_SENDING_HELO_NAME":     c.Sending.HELOName,
		"HEADWAY_SENDING_BOUNCE_DOMAIN": c.Sending.BounceDomain,
	}
}

// Finished reports whether the newsletter's campaign is over.
func (d *Demo) Finished(ctx context.Context) (bool, error) {
	c, err := d.Node.Database.Store.Campaign(ctx, d.Campaign)
	return c.State.Final(), err
}
