package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
)

// queueProviders bounds what is shown of a campaign.
const queueProviders = 300

// queueRow is what of a campaign waits at a provider.
type queueRow struct {
	Campaign   int64      `json:"campaign"`
	Name       string     `json:"name"`
	ProviderID int64      `json:"provider_id"` // 0 stands for domains that are being looked up
	Provider   string     `json:"provider"`
	Queued     int64      `json:"queued"`
	Deferred   int64      `json:"deferred"`
	Next       *time.Time `json:"next,omitempty"`  // when the first of what was put off is tried again
	Oldest     time.Time  `json:"oldest,omitzero"` // when the oldest of the campaign's was tried first
}

func newQueue() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "queue",
		Short: "Show what waits to be sent, by campaign and provider, and how long already",
		Long: `Show what waits to be sent, by campaign and provider, and how long already. To act on it,
cancel a campaign (headway campaign cancel), hold, release or cap a provider (headway
providers), or let what was put off be tried now (headway queue retry). Nothing of it is lost
when Headway stops.`,
		Example: `  headway queue
  headway queue --json`,
		Args: exactArgs(0, "no arguments"),
		RunE: runQueue,
	}
	cmd.AddCommand(newQueueRetry())
	return cmd
}

func runQueue(cmd *cobra.Command, _ []string) error {
	return atDesk(cmd, func(ctx context.Context, d *desk) error {
		live, err := d.database.Store.LiveCampaigns(ctx)
		if err != nil {
			return err
		}
		rows := []queueRow{}
		for _, c := range live {
			if c.System || c.Counters.Waiting() == 0 {
				continue
			}
			waits, err := d.database.Store.Queue(ctx, c.ID, queueProviders)
			if err != nil {
				return err
			}
			rows = append(rows, queueRows(c, waits)...)
		}
		if wantsJSON(cmd) {
			return printJSON(cmd, rows)
		}
		if len(rows) == 0 {
			fmt.Fprintln(cmd.OutOrStdout(), "Nothing waits.")
			return nil
		}
		t := newTable("campaign", "provider", "not tried yet", "put off", "next try", "oldest tried").leftAlign(1)
		now := time.Now()
		for _, r := range rows {
			next, oldest := "–", "–"
			if r.Next != nil {
				next = "due now"
				if r.Next.After(now) {
					next = "in " + campaign.WordsForWait(r.Next.Sub(now))
				}
			}
			if r.Deferred > 0 && !r.Oldest.IsZero() {
				oldest = campaign.WordsForWait(now.Sub(r.Oldest)) + " ago"
			}
			t.row(clip(r.Name, 40), clip(r.Provider, 28), count(r.Queued), count(r.Deferred), next, oldest)
		}
		t.print(cmd.OutOrStdout())
		return nil
	})
}

func queueRows(c postgres.Campaign, waits postgres.Queue) []queueRow {
	rows := make([]queueRow, len(waits.Lines))
	for i, l := range waits.Lines {
		rows[i] = queueRow{Campaign: c.ID, Name: c.Name, ProviderID: l.Provider, Provider: l.Name, Queued: l.Queued, Deferred: l.Deferred, Next: l.Next, Oldest: waits.Oldest}
	}
	return rows
}
