package jobs

import (
	"strings"
	"testing"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene/bounce"
	"github.com/headwaymail/headway/pacing/reply"
)

const moonRule = `
- id: moon
  contains: [quarantined by the moon]
  class: reputation
  bounce: blocked_ip
  scope: source
  examples: ['550 quarantined by the moon']
`

// A rule of the operator's changes what an earlier refusal means, and what
// follows from it.
func TestJudgeAgain(t *testing.T) {
	t.Parallel()
	own, err := reply.Load(strings.NewReader(moonRule))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := reply.Default().With(own)
	if err != nil {
		t.Fatal(err)
	}
	wrong := postgres.Decided{Phase: "rcpt", Reply: "550 quarantined by the moon, user unknown", Class: "mailbox", Bounce: "bad_mailbox",
		Rule: "any-user-unknown", Live: true, Suppressed: true}
	c, changed := judgeAgain(rules, wrong)
	if !changed || !c.Lift || !c.SendAgain || c.Suppress || c.Meaning.Rule != "moon" || c.Effect != (bounce.Effect{}) {
		t.Errorf("changed %v: %+v", changed, c)
	}
	wrong.Later = true
	if c, _ := judgeAgain(rules, wrong); c.SendAgain {
		t.Error("a message that was accepted is sent again")
	}
	missed := postgres.Decided{Phase: "rcpt", Reply: "550 5.1.1 no such user", Class: "unknown", Bounce: "unknown", Rule: reply.Fallback}
	if c, changed := judgeAgain(rules, missed); !changed || !c.Suppress || c.Lift || c.SendAgain {
		t.Errorf("changed %v: %+v", changed, c)
	}
	for _, same := range []postgres.Decided{
		{Phase: "rcpt", Reply: "550 5.1.1 no such user", Class: "mailbox", Bounce: "bad_mailbox", Rule: "any-user-unknown"},
		{Phase: "connect", Reply: "the domain does not exist (NXDOMAIN)", Class: "dns", Bounce: "bad_domain", Rule: "dns_no_domain"},
		{Phase: "rcpt", Reply: "550 xyzzy", Class: "content", Bounce: "content_other", Rule: "gone"},
	} {
		if c, changed := judgeAgain(rules, same); changed {
			t.Errorf("%q changed: %+v", same.Reply, c)
		}
	}
}
