package delivery

import (
	"context"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene/probation"
)

// fileLooks holds, for each campaign, how many bounces it had when its files were
// looked at last.
type fileLooks map[int64]int64

// due reports whether a campaign's files should be looked at, which reads all its
// deliveries: when it has some bounces, and then whenever they have grown by a
// quarter, so some dozens of times in the largest campaign.
func (l fileLooks) due(id, bounced int64) bool {
	const least = 5 // fewer are not 5 % of what says something about a file
	if bounced < least || bounced*4 < l[id]*5 {
		return false
	}
	l[id] = bounced
	return true
}

// stopBadFiles stops the import files that went badly in a campaign although
// somebody vouched for them, so that they went out without slices. Like those
// that are on trial, they stop alone. It is undecided while more results may
// tell whether a file is to blame.
func (e *Engine) stopBadFiles(ctx context.Context, c postgres.Campaign, now time.Time) (undecided bool, err error) {
	results, err := e.store.FileResults(ctx, c.ID)
	if err != nil {
		return false, err
	}
	bad, undecided := probation.BadFiles(results)
	for _, f := range bad {
		stopped, err := e.store.StopFile(ctx, c.ID, f, now)
		if err != nil {
			return false, err
		}
		if stopped {
			e.log.Warn("an import file was stopped because of its bounces", "campaign", c.ID, "import", f.File)
		}
	}
	return undecided, nil
}

// sweepFiles ends what stopped files still had to send.
func (e *Engine) sweepFiles(ctx context.Context, now time.Time) error {
	files, err := e.store.UnsweptFiles(ctx)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := drain(func() (int, error) { return e.store.CancelFile(ctx, f, sweepBatch, now) }); err != nil {
			return err
		}
	}
	return nil
}
