package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/pacing"
)

// watchEvery is how often a live view is drawn.
const watchEvery = time.Second

func newCampaignWatch() *cobra.Command {
	return &cobra.Command{
		Use:   "watch CAMPAIGN",
		Short: "Show a campaign live until it is finished",
		Args:  exactArgs(1, "the number or name of a campaign"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withCampaign(cmd, args[0], func(ctx context.Context, d *desk, id int64) error {
				return watchCampaign(ctx, d.service, id, newScreen(cmd.OutOrStdout()))
			})
		},
	}
}

// watchCampaign draws a campaign until it is final or ctx ends.
func watchCampaign(ctx context.Context, s *service.Service, id int64, screen *screen) error {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	var before service.Live
	for {
		live, err := s.Live(ctx, id)
		if ctx.Err() != nil {
			screen.rest()
			return nil
		}
		if err != nil {
			return err
		}
		screen.draw(live, before)
		if screen.also != nil {
			screen.also(live)
		}
		if live.Campaign.State.Final() && live.Campaign.Counters.Waiting() == 0 {
			screen.rest()
			return nil
		}
		before = live
		select {
		case <-ticker.C:
		case <-ctx.Done():
			screen.rest()
			return nil
		}
	}
}

// screen shows live views: drawn over each other on a terminal, one line every
// few seconds in a pipe.
type screen struct {
	w        io.Writer
	terminal bool
	drawn    int // lines to draw over
	lastLine time.Time
	also     func(service.Live) // called with each view; may be nil
}

func newScreen(w io.Writer) *screen { return &screen{w: w, terminal: isTerminal(w)} }

// lineEvery is how often a pipe gets a line.
const lineEvery = 5 * time.Second

func (s *screen) draw(live, before service.Live) {
	if !s.terminal {
		if time.Since(s.lastLine) >= lineEvery || live.Campaign.State.Final() {
			s.lastLine = time.Now()
			fmt.Fprintln(s.w, summary(live, before))
		}
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n%s\n\n", summary(live, before), bar(live, 60),
		strings.TrimSpace(live.Estimates.Whole.Sentences(live.At)+" "+live.Promise()))
	providerTable(live, before).print(&b)
	b.WriteByte('\n')
	for _, line := range feed(live, 6) {
		b.WriteString(line + "\n")
	}
	s.redraw(strings.Split(strings.TrimRight(b.String(), "\n"), "\n"))
}

// redraw puts lines in the place of those drawn before, cut to the terminal's
// size so that none of them wraps or scrolls away.
func (s *screen) redraw(lines []string) {
	width, height := 120, 50
	if f, ok := s.w.(*os.File); ok {
		if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 10 && h > 5 {
			width, height = w, h
		}
	}
	if len(lines) > height-1 {
		lines = lines[:height-1]
	}
	var b strings.Builder
	if s.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", s.drawn)
	}
	for _, line := range lines {
		b.WriteString("\x1b[2K" + clip(line, width) + "\n")
	}
	b.WriteString("\x1b[J")
	s.drawn = len(lines)
	fmt.Fprint(s.w, b.String())
}

// rest leaves what is drawn where it stands.
func (s *screen) rest() { s.drawn = 0 }

// summary says in one line how far a campaign is.
func summary(live, before service.Live) string {
	c, n := live.Campaign, live.Campaign.Counters
	parts := []string{fmt.Sprintf("%s: %s", c.Name, service.StateWords(c, live.At)),
		fmt.Sprintf("%s of %s delivered", count(n.Delivered), count(n.Targeted))}
	for _, part := range []struct {
		n    int64
		word string
	}{{n.Queued, "queued"}, {n.Deferred, "deferred"}, {n.Bounced, "bounced"}, {n.Expired, "expired"},
		{n.Suppressed, "suppressed"}, {n.Cancelled, "cancelled"}, {n.InDoubt, "in doubt"}} {
		if part.n > 0 {
			parts = append(parts, count(part.n)+" "+part.word)
		}
	}
	if !c.LaunchDone && c.State != "draft" && c.State != "scheduled" {
		parts = append(parts, "still being launched")
	}
	if rate := ratePerSecond(live, before); rate > 0 {
		parts = append(parts, fmt.Sprintf("%.0f/s", rate))
	}
	if opens := service.ClosedUntil(c, live.At); !opens.IsZero() {
		parts = append(parts, "goes on "+campaign.WordsForStart(opens, c.Settings.Window.Zone, live.At))
	}
	if c.State == campaign.Sending && n.Waiting() > 0 {
		parts = append(parts, ending(live))
	}
	return strings.Join(parts, " · ")
}

// ending says in a few words when a campaign will be done.
func ending(live service.Live) string {
	whole := live.Estimates.Whole
	if whole.Early {
		return whole.Why
	}
	words := "done " + whole.End(live.At)
	if len(live.Providers) > 1 && whole.Last != "" {
		words += ", " + whole.Last + " last"
	}
	return words
}

// endWords says when a provider's part will be done.
func endWords(p service.LiveProvider, now time.Time) string {
	if p.Counters.Waiting() == 0 || p.Estimate == nil {
		return "–"
	}
	return p.Estimate.Short(now)
}

// ratePerSecond is what was delivered between two views.
func ratePerSecond(live, before service.Live) float64 {
	passed := live.At.Sub(before.At).Seconds()
	if before.At.IsZero() || passed <= 0 {
		return 0
	}
	return float64(live.Campaign.Counters.Delivered-before.Campaign.Counters.Delivered) / passed
}

// bar draws the honest bar: each part as long as its share of the whole.
func bar(live service.Live, width int64) string {
	n := live.Campaign.Counters
	if n.Targeted == 0 {
		return strings.Repeat("·", int(width))
	}
	var b strings.Builder
	done, used := int64(0), int64(0)
	for _, part := range []struct {
		n    int64
		mark string
	}{{n.Delivered, "█"}, {n.Bounced + n.Expired + n.Suppressed + n.Cancelled + n.InDoubt, "▓"}, {n.Deferred, "▒"}, {n.Queued, "·"}} {
		done += part.n
		upto := done * width / n.Targeted
		b.WriteString(strings.Repeat(part.mark, int(upto-used)))
		used = upto
	}
	return b.String() + "  █ delivered ▓ other finals ▒ deferred · queued"
}

func providerTable(live, before service.Live) *table {
	t := newTable("provider", "", "recipients", "delivered", "deferred", "bounced", "other", "421s", "pace/s", "lanes", "done, UTC", "state").leftAlign(11)
	var throttled int64
	for _, p := range live.Providers {
		n := p.Counters
		pace, lanes, state := "–", "–", "not tried yet"
		if p.Pace != nil {
			pace, lanes, state = fmt.Sprintf("%.1f", p.Pace.Rate), fmt.Sprint(p.Pace.Lanes), paceWords(*p.Pace, live.At)
		}
		if n.Waiting() == 0 {
			pace, lanes, state = "–", "–", "done"
		}
		throttled += p.Throttled
		t.row(clip(p.Name, 28), share(n.Delivered+n.Bounced+n.Expired+n.Suppressed+n.Cancelled+n.InDoubt, n.Targeted),
			count(n.Targeted), count(n.Delivered), count(n.Deferred), count(n.Bounced),
			count(n.Expired+n.Suppressed+n.Cancelled+n.InDoubt), count(p.Throttled), pace, lanes, endWords(p, live.At), state)
	}
	n := live.Campaign.Counters
	t.sum("all", share(n.Final(), n.Targeted), count(n.Targeted), count(n.Delivered), count(n.Deferred), count(n.Bounced),
		count(n.Expired+n.Suppressed+n.Cancelled+n.InDoubt), count(throttled),
		fmt.Sprintf("%.1f", ratePerSecond(live, before)), "", "", "")
	return t
}

// share draws how much of a provider's mail is final, in ten steps.
func share(part, whole int64) string {
	steps := int64(0)
	if whole > 0 {
		steps = part * 10 / whole
	}
	return strings.Repeat("█", int(steps)) + strings.Repeat("░", int(10-steps))
}

// paceWords says how a provider stands.
func paceWords(p pacing.Pace, now time.Time) string {
	switch {
	case p.HoldUntil.After(now):
		return fmt.Sprintf("held %s more: %s", p.HoldUntil.Sub(now).Round(time.Second), p.Reason)
	case p.Hi > 0:
		return fmt.Sprintf("limit near %.1f/s: %s", p.Hi, p.Reason)
	}
	return p.Reason
}

// feed merges what happened to the campaign and to the paces, newest last.
func feed(live service.Live, most int) []string {
	var lines []string
	for i := min(len(live.Pace), most) - 1; i >= 0; i-- {
		e := live.Pace[i]
		lines = append(lines, fmt.Sprintf("%s  %s: %s", e.At.Local().Format("15:04:05"), e.Name, clip(e.Reason, 110)))
	}
	return lines
}

// clip shortens text to at most n characters.
func clip(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return string(runes[:n-1]) + "…"
}
