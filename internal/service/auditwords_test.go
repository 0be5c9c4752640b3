package service

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/headwaymail/headway/campaign"
)

// Whatever is written into the audit log has words for the page that shows it.
func TestEveryAuditedActionHasWords(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	literal := regexp.MustCompile(`audit\((?:[^"\n]*, )"([a-z]+(?:\.[a-z-]+)?)",`)
	campaigns := regexp.MustCompile(`auditCampaign\(ctx, by, "([a-z-]+)"`)
	found := 0
	wants := func(action string) {
		found++
		if auditVerbs[action] == "" {
			t.Errorf("%s has no words", action)
		}
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range literal.FindAllSubmatch(text, -1) {
			wants(string(m[1]))
		}
		for _, m := range campaigns.FindAllSubmatch(text, -1) {
			wants("campaign." + string(m[1]))
		}
	}
	if found < 15 {
		t.Errorf("only %d actions were found; the search is broken", found)
	}
	for _, verb := range []campaign.Verb{campaign.Schedule, campaign.Unschedule, campaign.Launch, campaign.Pause, campaign.Resume, campaign.Cancel} {
		wants("campaign." + string(verb))
	}
	if got := AuditVerb("user.invite"); got != "invited" {
		t.Errorf("says %q", got)
	}
}
