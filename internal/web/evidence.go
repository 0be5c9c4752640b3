package web

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/postgres"
)

// evidenceReplies is how many kinds of replies stand in it: a postmaster reads
// the first ones.
const evidenceReplies = 6

// anybody finds the addresses of readers in what servers say.
var anybody = regexp.MustCompile(`[^\s<>"'(),;:=\[\]@]+@([\pL\pN.-]+)`)

// evidence is what a provider's postmaster wants to know of a sender, as text to
// paste into a form or a mail. Nobody's address is in it.
func evidence(c config.Sending, view providerView, groups []postgres.ReplyGroup) string {
	var b strings.Builder
	line := func(name, value string) { fmt.Fprintf(&b, "%-15s %s\n", name+":", value) }
	line("Sending IP", cmp.Or(c.Source, "(set sending.source)"))
	line("HELO name", cmp.Or(c.HELOName, "(set sending.helo_name)"))
	line("Return path", "b.*@"+cmp.Or(c.BounceDomain, "(set sending.bounce_domain)"))
	line("Receiver", view.Name)
	line("Written", view.At.UTC().Format("2 Jan 2006 15:04 UTC"))
	line("Last hour", fmt.Sprintf("%d accepted, %d deferred, %d refused", view.Recent.Accepted, view.Recent.Deferred, view.Recent.Bounced))
	if view.Mailed {
		line("Our pace", rate(view.Pace.Rate)+" over at most "+plural(int64(view.Pace.Lanes), "connection", "connections"))
	}
	fmt.Fprintf(&b, "\nReplies of the last %d hours, in your servers' own words:\n", int(repliesFor.Hours()))
	told := 0
	for _, g := range groups {
		if g.Code == 0 || told == evidenceReplies { // 0: no server said that
			continue
		}
		told++
		fmt.Fprintf(&b, "\n%s, %s to %s UTC:\n  %s\n", plural(g.Count, "time", "times"), g.First.UTC().Format("2 Jan 15:04:05"), g.Last.UTC().Format(time.TimeOnly),
			strings.ReplaceAll(anybody.ReplaceAllString(g.Sample, "…@$1"), "\n", "\n  "))
	}
	if told == 0 {
		return ""
	}
	b.WriteString("\nWe send newsletters to people who subscribed, slow down when asked to, honour\none-click unsubscribes at once and stop at addresses that do not exist.\n")
	return b.String()
}
