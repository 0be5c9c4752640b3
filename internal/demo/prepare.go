package demo

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/sandbox"
	"github.com/headwaymail/headway/internal/service"
)

//go:embed newsletter.md
var newsletter string

const (
	newsletterName = "Autumn notes"
	readersList    = "Readers"
	earlierName    = "Summer notes"
	newcomersList  = "Joined since the summer"
)

// Publish puts what receivers ask about the sender into the sandbox's DNS: the
// public keys, of which the first is made when there is none, and the records of
// the return path and the machine.
func (d *Demo) Publish(ctx context.Context) error {
	records, err := d.Node.Service.DKIMRecords(ctx)
	if err != nil {
		return err
	}
	if len(records) == 0 {
		record, err := d.Node.Service.GenerateDKIM(ctx, fromDomain, "")
		if err != nil {
			return err
		}
		records = append(records, record)
	}
	for _, r := range records {
		d.Sandbox.AddTXT(r.Name, r.Value)
	}
	for _, record := range []string{
		bounceDomain + " TXT v=spf1 ip4:127.0.0.1 -all",
		bounceDomain + " MX 10 " + heloName + ".",
		"_dmarc." + fromDomain + " TXT v=DMARC1; p=none; rua=mailto:dmarc@" + fromDomain,
		heloName + " A 127.0.0.1",
		"1.0.0.127.in-addr.arpa PTR " + heloName + ".",
	} {
		if err := d.Sandbox.AddRecord(record); err != nil {
			return err
		}
	}
	return nil
}

// Import derives the contact list and imports it like any other file. It
// returns the import's report, after checking it against what is known.
func (d *Demo) Import(ctx context.Context) (postgres.Import, error) {
	var file bytes.Buffer
	truth, err := d.options.File.WriteCSV(&file, d.options.Contacts)
	if err != nil {
		return postgres.Import{}, err
	}
	d.truth = truth
	imported, err := d.importFile(ctx, "readers.csv", &file, readersList)
	if err != nil {
		return imported, err
	}
	c := imported.Counts
	if contacts := c.New + c.Updated + c.Unchanged; int(c.Rows) != truth.Rows || int(contacts) != truth.Addresses {
		return imported, fmt.Errorf("the import found %d rows and %d contacts; the file has %d rows and %d addresses",
			c.Rows, contacts, truth.Rows, truth.Addresses)
	}
	return imported, d.trust(ctx, imported.List)
}

// trust says that the readers of the demo agreed to be mailed, whatever their
// addresses look like: nothing is held or tried in slices.
func (d *Demo) trust(ctx context.Context, list int64) error {
	for _, action := range []service.ListAction{service.TrustUnproven, service.SendRisky} {
		if _, err := d.Node.Service.DoListAction(ctx, list, action); err != nil {
			return err
		}
	}
	return nil
}

func (d *Demo) importFile(ctx context.Context, name string, file io.Reader, list string) (postgres.Import, error) {
	id, err := d.Node.Service.Upload(ctx, name, file, service.ImportOptions{List: list})
	if err != nil {
		return postgres.Import{}, err
	}
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		i, err := d.Node.Database.Store.Import(ctx, id)
		if err != nil {
			return i, err
		}
		if i.State == postgres.ImportFailed {
			return i, fmt.Errorf("%s was not imported: %s", name, i.Problem)
		}
		if service.Done(i) {
			return i, nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return i, ctx.Err()
		}
	}
}

// SendEarlier sends an earlier newsletter to those readers who will leave by its
// link while the next one is on its way: to the same list, without everybody who
// is said to have joined since. It returns how many they are.
func (d *Demo) SendEarlier(ctx context.Context) (int, error) {
	var file bytes.Buffer
	w := csv.NewWriter(&file)
	leaving := 0
	if err := w.Write([]string{"email"}); err != nil {
		return 0, err
	}
	for row := range d.options.File.Contacts(d.options.Contacts) {
		switch {
		case !row.Usable() || row.Kind == sandbox.RowDuplicate:
		case row.Leaves == sandbox.LeavesInTheMiddle:
			leaving++
		default:
			if err := w.Write([]string{row.Address}); err != nil {
				return 0, err
			}
		}
	}
	w.Flush()
	if leaving == 0 {
		return 0, w.Error()
	}
	if _, err := d.importFile(ctx, "newcomers.csv", &file, newcomersList); err != nil {
		return leaving, err
	}
	id, err := d.create(ctx, earlierName, []string{newcomersList}, "Our summer letter", "Hello again.\n\n[Leave]({{ unsubscribe_url }})\n")
	if err != nil {
		return leaving, err
	}
	if err := d.Node.Service.Launch(ctx, id); err != nil {
		return leaving, err
	}
	return leaving, d.settle(ctx, id)
}

// earlierPatience is how long the newsletter waits for the earlier one.
const earlierPatience = 15 * time.Second

// settle waits until most of a small campaign is out.
func (d *Demo) settle(ctx context.Context, id int64) error {
	ctx, cancel := context.WithTimeout(ctx, earlierPatience)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		c, err := d.Node.Database.Store.Campaign(ctx, id)
		if err == nil && (c.State.Final() || c.LaunchDone && c.Counters.Waiting()*5 < c.Counters.Targeted) {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil // the rest arrives while the newsletter is on its way
		}
	}
}

// Launch creates the newsletter and sends it.
func (d *Demo) Launch(ctx context.Context) error {
	id, err := d.create(ctx, newsletterName, nil,
		`{{ first_name | default: "Dear reader" }}, our autumn letter`, newsletter)
	if err != nil {
		return err
	}
	d.Campaign = id
	return d.Node.Service.Launch(ctx, id)
}

func (d *Demo) create(ctx context.Context, name string, exclude []string, subject, body string) (int64, error) {
	return d.Node.Service.CreateCampaign(ctx, service.Draft{
		Name: name, Lists: []string{readersList}, Exclude: exclude, Settings: d.settings,
		Content: campaign.Content{FromName: "The Autumn Letter", FromAddress: fromAddress, Subject: subject,
			Preheader: "What the season brings", Markdown: strings.TrimSpace(body),
			PostalAddress: "The Autumn Letter, 1 Harbour Lane, Exampleton"},
	})
}

// Lifetime returns how long a message is tried in the demo.
func (d *Demo) Lifetime() time.Duration { return d.settings.Lifetime.Std() }
