package web

import (
	"fmt"
	"strings"
	"testing"

	"github.com/headwaymail/headway/campaign"
)

// Where nothing failed, nothing can be sent again.
func TestNothingToRetry(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sample(5)
	b.progress(id, 0, campaign.Delivered, 5, "")
	b.exec(`update campaigns set state = 'finished', finished_at = now() where id = $1`, id)
	if a := b.get(fmt.Sprintf("/campaigns/%d", id)); strings.Contains(a.body, "Retry failed") {
		t.Errorf("nothing has failed:\n%s", a.body)
	}
}

// The report of a finished campaign leads to what can be sent again, which is
// counted before it is done.
func TestRetryAsks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sample(20)
	b.progress(id, 1, campaign.Expired, 3, "")
	b.progress(id, 2, campaign.Bounced, 2, "550 5.1.1 no such user")
	b.exec(`update campaigns set state = 'finished', finished_at = now() where id = $1`, id)
	b.contains(b.get(fmt.Sprintf("/campaigns/%d/report", id)), fmt.Sprintf(`href="/campaigns/%d/retry"`, id))
	b.contains(b.get(fmt.Sprintf("/campaigns/%d/retry", id)), `value="expired" checked`, "3 recipients", "2 recipients")
	b.post(fmt.Sprintf("/campaigns/%d/retry", id), "state=expired")
	if n := b.number(`select count(*) from deliveries where campaign_id = $1 and state = 'expired'`, id); n != 0 {
		t.Errorf("%d are still expired", n)
	}
	if n := b.number(`select count(*) from deliveries where campaign_id = $1 and state = 'bounced'`, id); n != 2 {
		t.Errorf("%d are still bounced, and nobody asked for them", n)
	}
}
