package web

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/pacing"
)

// feedLine is one thing that happened, in plain words.
type feedLine struct {
	At       time.Time `json:"at"`
	When     string    `json:"-"`    // the same for people: with the day when it was not today
	Kind     string    `json:"kind"` // a campaign event's kind, or "pace " and a decision's
	Tone     string    `json:"-"`    // good, bad, hand, calm: the colour of its mark
	Provider int64     `json:"provider,omitempty"`
	Name     string    `json:"name,omitempty"` // of the provider
	Words    string    `json:"words"`
	Why      string    `json:"why,omitempty"`
	Number   int       `json:"-"` // of its mark on the chart; 0 without one
}

const (
	// feedLength bounds a feed.
	feedLength = 24
	// feedKept is how many of the campaign's own events stay in it, however
	// many changes of pace there are.
	feedKept = 10
)

// newFeed merges what happened to a campaign and to the pace of its providers,
// both newest first, into one feed, newest first.
func newFeed(events []postgres.CampaignEvent, paces []postgres.PaceEvent, now time.Time) []feedLine {
	lines := make([]feedLine, 0, feedLength)
	for _, e := range events[:min(len(events), feedKept)] {
		lines = append(lines, feedLine{At: e.At, Kind: e.Kind, Tone: campaignTone(e.Kind), Words: e.Words})
	}
	told := paceLines(paces)
	lines = append(lines, told[:min(len(told), feedLength-len(lines))]...)
	slices.SortStableFunc(lines, func(a, b feedLine) int { return b.At.Compare(a.At) })
	for i := range lines {
		lines[i].When = moment(lines[i].At, now)
	}
	return lines
}

func campaignTone(kind string) string {
	switch kind {
	case "warning", "stopped":
		return "bad"
	case "launched", "finished", "resume":
		return "good"
	}
	return "calm"
}

// paceLines puts changes of pace, newest first, into words. Steps upwards of
// one provider that follow each other become one line.
func paceLines(events []postgres.PaceEvent) []feedLine {
	var lines []feedLine
	climbs := make(map[int64]*climb) // by provider: the run of steps that is under way
	for _, e := range events {
		if e.Kind == string(pacing.Faster) {
			if c := climbs[e.Provider]; c != nil {
				c.steps++
				c.was = e.Was
				lines[c.line].Words, lines[c.line].Why = c.words(), ""
				continue
			}
			climbs[e.Provider] = &climb{line: len(lines), steps: 1, was: e.Was, now: e.Now}
		} else {
			delete(climbs, e.Provider)
		}
		lines = append(lines, paceLine(e))
	}
	return lines
}

// climb is a run of steps upwards.
type climb struct {
	line     int // its place in the feed
	steps    int
	was, now float64
}

func (c *climb) words() string {
	return fmt.Sprintf("went faster in %d steps: %s → %s", c.steps, rate(c.was), rate(c.now))
}

// paceLine puts one change of pace into words. The provider's name stands
// before it.
func paceLine(e postgres.PaceEvent) feedLine {
	line := feedLine{At: e.At, Kind: "pace " + e.Kind, Tone: "calm", Provider: e.Provider, Name: e.Name,
		Why: sentence(e.Reason, e.Reply)}
	if partial(e) {
		line.Words = partWords(e)
		return line
	}
	change := rate(e.Was) + " → " + rate(e.Now)
	switch pacing.DecisionKind(e.Kind) {
	case pacing.Started:
		line.Words, line.Why = "gets its first messages, at "+rate(e.Now), ""
	case pacing.Faster:
		line.Words, line.Tone = "went faster: "+change, "good"
	case pacing.Slower, pacing.Measured:
		line.Words, line.Tone = "asked us to slow down: "+change, "bad"
		if e.Now >= e.Was {
			line.Words, line.Tone = "was measured: "+change, "calm"
		}
	case pacing.Held:
		line.Words, line.Tone = "takes nothing now: held"+until(e.Until), "bad"
		if byHand(e) {
			line.Words, line.Tone = "was held by hand"+until(e.Until), "hand"
		}
	case pacing.Knocked:
		line.Words, line.Tone = "still refuses: held"+until(e.Until), "bad"
	case pacing.Released:
		line.Words, line.Tone = "takes mail again, at "+rate(e.Now), "good"
		if byHand(e) {
			line.Words, line.Tone = "was released by hand, at "+rate(e.Now), "hand"
		}
	case pacing.Laned:
		line.Words = lanedWords(e)
	case pacing.Overruled:
		line.Words, line.Tone = "was changed by hand: "+change, "hand"
	default:
		line.Words = e.Kind + ": " + change
	}
	return line
}

// lanedWords puts a change of connections into words: how many there may be, how
// many messages each carries, or at which hosts they end.
func lanedWords(e postgres.PaceEvent) string {
	switch {
	case e.Now == 0:
		return "is mailed at its other hosts for a while"
	case strings.Contains(e.Reason, "messages per lane"):
		return fmt.Sprintf("takes no more than %s over one connection", plural(int64(e.Now), "message", "messages"))
	case e.Was == e.Now:
		return "keeps to " + plural(int64(e.Now), "lane", "lanes")
	case e.Was == 0:
		return "takes no more than " + plural(int64(e.Now), "lane", "lanes")
	}
	return fmt.Sprintf("keeps other lanes: %g → %g", e.Was, e.Now)
}

// partial reports whether a change is about the mail of one sending domain or
// one campaign only: the provider's own pace stays as it is.
func partial(e postgres.PaceEvent) bool {
	return strings.HasPrefix(e.Kind, "domain ") || strings.HasPrefix(e.Kind, "campaign ")
}

// partWords puts such a change into words; which mail it is about stands in its
// reason.
func partWords(e postgres.PaceEvent) string {
	of, kind, _ := strings.Cut(e.Kind, " ")
	part := map[string]string{"domain": "one sending domain", "campaign": "one campaign"}[of]
	switch pacing.DecisionKind(kind) {
	case pacing.Held, pacing.Knocked:
		return "takes nothing of " + part + " now: held" + until(e.Until)
	case pacing.Released:
		return "takes mail of " + part + " again"
	}
	return "has another pace for " + part + ": " + rate(e.Was) + " → " + rate(e.Now)
}

// byHand reports whether an operator decided, not the pacer.
func byHand(e postgres.PaceEvent) bool {
	return e.Kind == string(pacing.Overruled) || strings.HasPrefix(e.Reason, "held by hand") || strings.HasPrefix(e.Reason, "released by hand")
}

// shortReply is how much of a reply stands in a sentence. The whole of it is on
// the provider's page and in the report.
const shortReply = 70

// sentence makes a pacer's reason one: "said 421 …" begins with who said it,
// and long words of the server are shortened.
func sentence(reason, reply string) string {
	if runes := []rune(reply); len(runes) > shortReply+10 {
		reason = strings.Replace(reason, reply, strings.TrimRight(string(runes[:shortReply]), " .,;:")+"…", 1)
	}
	if strings.HasPrefix(reason, "said ") {
		return "It " + reason
	}
	return capital(reason)
}

func until(t *time.Time) string {
	if t == nil {
		return ""
	}
	return " until " + clock(*t)
}
