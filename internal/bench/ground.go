package bench

import (
	"bytes"
	"context"
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
	"github.com/headwaymail/headway/internal/sandbox"
	"github.com/headwaymail/headway/internal/service"
)

const (
	groundDatabase = "headway_bench"
	groundFrom     = "letters.sender.test"
	groundSource   = "127.0.0.1"
	groundHELO     = "mail.sender.test"
	groundBounces  = "bounces.sender.test"
	groundList     = "Readers"
)

// ground is what a measurement stands on: a folder and a database of its own, a
// simulated internet, and an office, a node that imports and launches but never
// sends. The nodes that send are processes of their own (victim.go).
type ground struct {
	folder   string
	binary   string
	sandbox  *sandbox.Sandbox
	office   *node.Node
	campaign int64
	port     int      // of the receivers
	relays   []string // of the settings; nil: mail goes to the recipients' own servers
	senders  []*victim
}

// openGround starts everything but the nodes that send. port is that of the
// receivers, 0 when the sandbox has them.
func openGround(ctx context.Context, binary string, c config.Config, log *slog.Logger, file *sandbox.File, port int) (g *ground, err error) {
	g = &ground{binary: binary, port: port, relays: c.Sending.Relays}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.close())
		}
	}()
	if g.folder, err = openFolder(); err != nil {
		return g, err
	}
	if g.sandbox, err = sandbox.Start(ctx, file, sandbox.Options{Logger: log}); err != nil {
		return g, err
	}
	if g.port == 0 {
		g.port = g.sandbox.SMTPPort()
	}
	c.Data, c.Database.URL, c.SecretKey = g.folder, "", ""
	database, err := node.OpenDatabaseNamed(ctx, c, groundDatabase, log)
	if err != nil {
		return g, err
	}
	c.Roles = []string{"bulk"}
	c.Sandbox.Enabled = true
	c.DNS.Servers = []string{g.sandbox.DNSAddr()}
	c.Sending.SMTPPort, c.Sending.Source = g.port, groundSource
	c.Sending.HELOName, c.Sending.BounceDomain = groundHELO, groundBounces
	if g.office, err = node.Start(ctx, c, database, log); err != nil {
		return g, errors.Join(err, database.Close())
	}
	record, err := g.office.Service.GenerateDKIM(ctx, groundFrom, "")
	if err != nil {
		return g, err
	}
	g.sandbox.AddTXT(record.Name, record.Value)
	return g, nil
}

// openFolder makes a folder with a short path that other accounts can enter:
// Postgres runs under one of its own.
func openFolder() (string, error) {
	folder, err := os.MkdirTemp("", "hw-")
	if err != nil {
		return "", err
	}
	return folder, os.Chmod(folder, 0o755)
}

// close ends everything that was started, and leaves nothing behind.
func (g *ground) close() error {
	var problems []error
	for _, s := range g.senders {
		problems = append(problems, s.stop())
	}
	if g.office != nil {
		problems = append(problems, g.office.Stop())
	}
	if g.sandbox != nil {
		problems = append(problems, g.sandbox.Stop())
	}
	if g.folder != "" {
		problems = append(problems, os.RemoveAll(g.folder))
	}
	return errors.Join(problems...)
}

// letterText is the message that every measurement of pacing sends.
const letterText = `# Autumn notes

The leaves are turning, and this is our letter of the season.

[Leave this list]({{ unsubscribe_url }})
`

// patient are terms under which refused mail comes back soon and nothing
// expires while a measurement lasts.
func patient() campaign.Settings {
	seconds := func(n int) campaign.Duration { return campaign.Duration(time.Duration(n) * time.Second) }
	return campaign.Settings{
		Retry: campaign.Retry{Steps: []campaign.Duration{seconds(3), seconds(5), seconds(10)},
			Throttled: seconds(3), Greylisted: seconds(10), Mailbox: seconds(10), Spread: 0.2},
		Lifetime: campaign.Duration(24 * time.Hour), OnDoubt: campaign.DoubtResend, StopsWarnOnly: true,
	}
}

// fill imports a number of readers of each domain and launches a campaign to
// them. It returns when every recipient is in the ledger, so that the nodes that
// are started next find all mail due.
func (g *ground) fill(ctx context.Context, readers map[string]int) error {
	var list bytes.Buffer
	list.WriteString("email\n")
	for domain, n := range readers {
		for i := range n {
			fmt.Fprintf(&list, "reader%d@%s\n", i+1, domain)
		}
	}
	store := g.office.Database.Store
	id, err := g.office.Service.Upload(ctx, "readers.csv", &list, service.ImportOptions{List: groundList,
		Consent: "They asked for it in the sign-up form"}) // else the first letters go out in slices, each of which waits for a verdict
	if err != nil {
		return err
	}
	imported := func() (bool, error) {
		i, err := store.Import(ctx, id)
		return err == nil && service.Done(i), err
	}
	if err := await(ctx, 5*time.Minute, "the import to end", imported); err != nil {
		return err
	}
	return g.publish(ctx, letterText)
}

// stock enters contacts into an empty database, without an import. They belong
// to the domains d0.test, d1.test and so on.
func (g *ground) stock(ctx context.Context, contacts, domains int) error {
	_, err := g.office.Database.Store.FillForBench(ctx, groundList, contacts, domains, time.Now())
	return err
}

// publish launches a campaign to everybody on the list. It returns when every
// recipient is in the ledger.
func (g *ground) publish(ctx context.Context, markdown string) error {
	id, err := g.draft(ctx, markdown)
	if err != nil {
		return err
	}
	if err := g.office.Service.Launch(ctx, id); err != nil {
		return err
	}
	return await(ctx, 5*time.Minute, "the ledger to be filled", func() (bool, error) {
		c, err := g.office.Database.Store.Campaign(ctx, id)
		return err == nil && c.LaunchDone, err
	})
}

// draft makes a campaign to everybody on the list.
func (g *ground) draft(ctx context.Context, markdown string) (int64, error) {
	var err error
	g.campaign, err = g.office.Service.CreateCampaign(ctx, service.Draft{Name: "Autumn notes", Lists: []string{groundList},
		Settings: patient(), Content: campaign.Content{FromName: "The Autumn Letter", FromAddress: "autumn@" + groundFrom,
			Subject: "Our autumn letter", Markdown: strings.TrimSpace(markdown), PostalAddress: "1 Harbour Lane, Exampleton"}})
	return g.campaign, err
}

// finished waits until the campaign is finished.
func (g *ground) finished(ctx context.Context, patience time.Duration) error {
	next := time.Now()
	return await(ctx, patience, "the campaign to finish", func() (bool, error) {
		if time.Now().Before(next) { // what is measured includes our asking
			return false, nil
		}
		next = time.Now().Add(finishedEvery)
		c, err := g.office.Database.Store.Campaign(ctx, g.campaign)
		return err == nil && c.State == campaign.Finished, nil // the database may be away for a while
	})
}

// finishedEvery is how often a campaign is asked whether it has finished.
const finishedEvery = 500 * time.Millisecond

// await polls until something holds.
func await(ctx context.Context, patience time.Duration, what string, holds func() (bool, error)) error {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if ok, err := holds(); ok || err != nil {
			return err
		}
		if err := sleepUntil(ctx, time.Now().Add(50*time.Millisecond)); err != nil {
			return err
		}
	}
	return fmt.Errorf("waited %s for %s", patience, what)
}

// sleepUntil waits for a time, or for the end of ctx, which it returns.
func sleepUntil(ctx context.Context, at time.Time) error {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sender prepares another node that sends.
func (g *ground) sender() (*victim, error) {
	v, err := newVictim(g.binary, map[string]string{
		"DATABASE_URL":                  g.office.Database.URL,
		"HEADWAY_DATA":                  g.folder,
		"HEADWAY_SANDBOX_ENABLED":       "true",
		"HEADWAY_DNS_SERVERS":           g.sandbox.DNSAddr(),
		"HEADWAY_SENDING_SMTP_PORT":     strconv.Itoa(g.port),
		"HEADWAY_SENDING_SOURCE":        groundSource,
		"HEADWAY_SENDING_HELO_NAME":     groundHELO,
		"HEADWAY_SENDING_BOUNCE_DOMAIN": groundBounces,
		"HEADWAY_SENDING_RELAYS":        strings.Join(g.relays, ","),
	})
	if err != nil {
		return nil, err
	}
	g.senders = append(g.senders, v)
	return v, nil
}

// loadAverage returns the machine's load of the last minute, as a word: figures
// of a busy machine are worth less.
func loadAverage() string {
	text, err := os.ReadFile(filepath.FromSlash("/proc/loadavg"))
	if err != nil {
		return "unknown"
	}
	load, _, _ := strings.Cut(string(text), " ")
	return load
}
