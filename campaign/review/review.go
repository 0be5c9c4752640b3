// Package review looks at a newsletter as a whole before it goes out.
//
// It stands between the composing of a campaign and its launch:
//
//  1. the caller compiles the content with campaign/message, renders it for one
//     reader and gathers what else is known into [Facts];
//  2. [Check] looks at each rule once, in the order in which people read a
//     message, and returns one [Item] for each: fine, worth a look, or in the way;
//  3. [Blocks] says whether anything is in the way.
//
// The rules are those of the large providers for bulk mail (Gmail, Yahoo and
// Outlook.com, 2024 to 2026), of RFC 5322 and RFC 8058, and of good manners.
//
// The package follows no links, asks no DNS and knows nothing of pages: an item
// names the part that it is about, and callers know where that is edited.
package review

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/campaign/message"
)

// Level says how an item turned out.
type Level string

// The levels.
const (
	Fine  Level = "fine"
	Warn  Level = "warn"  // may go out all the same
	Block Level = "block" // must not go out
)

// Part is what an item is about, and where it is mended.
type Part string

// The parts. Those of a message have the names that campaign/message gives them.
const (
	PartSetup    Part = "setup"    // of this installation
	PartAudience Part = "audience" // the lists
	PartSchedule Part = "schedule" // start and end
	PartContent  Part = "content"  // anything of the message
	PartTest     Part = "test"     // the preview
)

// Item is one line of the checklist.
type Item struct {
	Level Level
	Part  Part
	Field message.Part // within PartContent; may be empty
	Title string       // what was looked at: "Unsubscribe link"
	Words string       // what was found
	Fix   string       // what to do; empty when it is fine
}

// Facts are what is known of a campaign.
type Facts struct {
	Content  campaign.Content
	Settings campaign.Settings
	Start    time.Time // when it is to start; zero for now

	Problem  error // of [message.Compile]; the fields below are empty then
	Rendered message.Rendering
	Raw      []byte // the whole message to one reader
	LeaveURL string // of that reader
	ViewURL  string // where that reader sees it in a browser
	Fields   []FieldUse
	Lost     []string // images of our own that the message shows and that are not there

	Missing []string // what the installation lacks, with what to do
	Signing []string // relays that sign what they take: it goes to them unsigned
	SignAll bool     // all mail leaves by these
	Sources int      // lists and segments that are chosen
	Tested  bool
	Reached int64 // who will receive; -1 when that is not known yet
}

// FieldUse is a merge field of the message.
type FieldUse struct {
	Name    string
	Looked  int // readers who were looked at
	Without int // of these: who have nothing there
}

const (
	// clipped is the size of HTML behind which Gmail cuts a message off.
	clipped = 102 << 10
	// refused is what many servers take at most (10 MB).
	refused = 10 << 20
)

// Check returns the checklist.
func Check(f Facts, now time.Time) []Item {
	items := setup(f)
	items = append(items, sender(f), words(f))
	if f.Problem == nil {
		items = append(items, oneClick(f), leaveLink(f))
	}
	items = append(items, postal(f))
	if f.Problem == nil {
		items = append(items, links(f), images(f), fields(f), size(f))
	}
	items = append(items, test(f), audience(f), schedule(f, now))
	if !f.Settings.Window.IsZero() {
		items = append(items, window(f, now))
	}
	return items
}

// Blocks returns the items that are in the way.
func Blocks(items []Item) []Item {
	return slices.DeleteFunc(slices.Clone(items), func(i Item) bool { return i.Level != Block })
}

func setup(f Facts) []Item {
	if len(f.Missing) == 0 {
		return []Item{{Level: Fine, Part: PartSetup, Title: "Sending", Words: signature(f) + ", and the installation is set up."}}
	}
	var items []Item
	for _, m := range f.Missing {
		what, fix, _ := strings.Cut(m, ": ")
		items = append(items, Item{Level: Block, Part: PartSetup, Title: "Sending", Words: "Missing: " + what + ".", Fix: sentence(fix)})
	}
	return items
}

// signature says who signs the messages.
func signature(f Facts) string {
	domain, relays := domainOf(f.Content.FromAddress), strings.Join(f.Signing, ", ")
	switch {
	case f.SignAll:
		return "Messages leave unsigned: the relay " + relays + " signs for " + domain
	case relays != "":
		return "A DKIM key signs for " + domain + ", except what goes to the relay " + relays + ", which signs it"
	}
	return "A DKIM key signs for " + domain
}

// guarded are domains whose owner has receivers refuse or quarantine what others
// send in their name (DMARC p=reject, p=quarantine).
var guarded = []string{"gmail.com", "googlemail.com", "yahoo.com", "ymail.com", "aol.com", "outlook.com", "hotmail.com",
	"live.com", "msn.com", "icloud.com", "me.com", "mac.com", "proton.me", "protonmail.com", "gmx.net", "gmx.de", "web.de", "mail.ru"}

func sender(f Facts) Item {
	i := Item{Level: Fine, Part: PartContent, Field: message.PartFrom, Title: "Sender"}
	domain := domainOf(f.Content.FromAddress)
	_, named, isAddress := strings.Cut(f.Content.FromName, "@")
	switch {
	case domain == "":
		i.Level, i.Words, i.Fix = Block, "There is no From address.", "Write the address that the newsletter comes from."
	case slices.Contains(guarded, domain):
		i.Level, i.Words, i.Fix = Block, "Receivers refuse what others send in the name of "+domain+".", "Write from an address at a domain of your own."
	case isAddress && !strings.EqualFold(strings.Trim(named, " >"), domain):
		i.Level, i.Words, i.Fix = Warn, "The From name looks like an address of another domain.", "Write the name of a person or of your newsletter."
	case strings.TrimSpace(f.Content.FromName) == "":
		i.Level, i.Words, i.Fix = Warn, "There is no From name: inboxes show the bare address.", "Write the name that readers know you by."
	default:
		i.Words = f.Content.FromName + " <" + f.Content.FromAddress + ">"
	}
	return i
}

// words are the mistakes that keep the message from being composed.
func words(f Facts) Item {
	i := Item{Level: Fine, Part: PartContent, Title: "Message", Words: "It can be composed, with HTML and plain text."}
	var several message.Errors
	switch {
	case f.Problem == nil && f.Rendered.HTML == "":
		i.Words = "It can be composed, as plain text."
	case errors.As(f.Problem, &several) && len(several) > 0:
		first := several[0]
		i.Level, i.Field, i.Words, i.Fix = Block, first.Part, sentence(first.Where()+first.Problem), sentence(first.Advice)
		if more := len(several) - 1; more > 0 {
			i.Words += fmt.Sprintf(" There %s more.", plural(more, "is 1", "are"))
		}
	case f.Problem != nil:
		i.Level, i.Words, i.Fix = Block, sentence(f.Problem.Error()), "Mend it in the content."
	}
	return i
}

func oneClick(f Facts) Item {
	i := Item{Level: Fine, Part: PartSetup, Title: "One-click unsubscribe", Words: "The header that Gmail and Yahoo ask for is there (RFC 8058)."}
	head, _, _ := strings.Cut(string(f.Raw), "\r\n\r\n")
	if !strings.Contains(head, "\r\nList-Unsubscribe-Post:") {
		i.Level, i.Words, i.Fix = Block, "The header that Gmail and Yahoo ask for is missing (RFC 8058).", "Set web.public_url to an https address."
	}
	return i
}

func leaveLink(f Facts) Item {
	i := Item{Level: Fine, Part: PartContent, Title: "Unsubscribe link", Words: "It is visible in every part."}
	var without []string
	if !strings.Contains(f.Rendered.Text, f.LeaveURL) {
		without = append(without, "plain text")
	}
	if h := f.Rendered.HTML; h != "" && !slices.ContainsFunc(anchors(h), func(a anchor) bool { return a.href == f.LeaveURL }) {
		without = append(without, "HTML")
	}
	if len(without) > 0 {
		i.Level, i.Words, i.Fix = Block, "It is not shown in the "+strings.Join(without, " and the ")+".", "Put {{ unsubscribe_url }} into a link of the content."
	}
	return i
}

func postal(f Facts) Item {
	if strings.TrimSpace(f.Content.PostalAddress) == "" {
		return Item{Level: Warn, Part: PartContent, Title: "Postal address", Words: "There is none.", Fix: "Many countries' law asks for one in every newsletter; add it."}
	}
	return Item{Level: Fine, Part: PartContent, Title: "Postal address", Words: "It stands at the end."}
}

func size(f Facts) Item {
	html, whole := len(f.Rendered.HTML), len(f.Raw)
	i := Item{Level: Fine, Part: PartContent, Title: "Size", Words: fmt.Sprintf("%d KB as sent.", (whole+1023)/1024)}
	switch {
	case whole > refused:
		i.Level, i.Words, i.Fix = Block, fmt.Sprintf("%d MB: many servers refuse more than 10 MB.", whole>>20), "Shorten it, and link to large pictures."
	case html > clipped:
		i.Level, i.Words, i.Fix = Warn, fmt.Sprintf("The HTML has %d KB: Gmail cuts it off at 102 KB, with the unsubscribe link.", html>>10), "Shorten it."
	}
	return i
}

func test(f Facts) Item {
	if !f.Tested {
		return Item{Level: Warn, Part: PartTest, Title: "Test message", Words: "None was sent.", Fix: "Send one to yourself and look at it in your inbox."}
	}
	return Item{Level: Fine, Part: PartTest, Title: "Test message", Words: "One was sent."}
}

func audience(f Facts) Item {
	i := Item{Level: Fine, Part: PartAudience, Title: "Audience"}
	switch {
	case f.Sources == 0:
		i.Level, i.Words, i.Fix = Block, "No list and no segment is chosen.", "Choose who receives it."
	case f.Reached == 0:
		i.Level, i.Words, i.Fix = Block, "Nobody who is chosen would receive it.", "Look at the audience: it says why."
	case f.Reached < 0:
		i.Words = "Being counted."
	default:
		i.Words = plural(int(f.Reached), "1 reader", "readers") + " will receive it."
	}
	return i
}

func schedule(f Facts, now time.Time) Item {
	i := Item{Level: Fine, Part: PartSchedule, Title: "Finish by", Words: "No time is set."}
	by, start := f.Settings.FinishBy, f.Start
	if start.IsZero() {
		start = now
	}
	switch {
	case by.IsZero():
	case !by.After(now):
		i.Level, i.Words, i.Fix = Block, "The time to finish by has passed.", "Choose a later one, or none."
	case !by.After(start):
		i.Level, i.Words, i.Fix = Block, "It should finish before it starts.", "Choose an earlier start or a later end."
	default:
		i.Words = campaign.WordsForWait(by.Sub(start)) + " after the start."
	}
	return i
}

// window says when mail goes out that starts outside its window.
func window(f Facts, now time.Time) Item {
	w := f.Settings.Window
	i := Item{Level: Fine, Part: PartSchedule, Title: "Window", Words: "Sent only " + w.Words() + "."}
	start := f.Start
	if start.IsZero() {
		start = now
	}
	if err := w.Check(); err != nil {
		return Item{Level: Block, Part: PartSchedule, Title: "Window", Words: err.Error() + ".", Fix: "Set it anew."}
	}
	if opens := w.Hours().Opens(start); opens.After(start) {
		i.Level, i.Fix = Warn, "It is closed at the start: mail goes out from "+campaign.WordsForStart(opens, w.Zone, now)+"."
	}
	return i
}

func domainOf(address string) string {
	_, domain, _ := strings.Cut(address, "@")
	return strings.ToLower(domain)
}

// plural says a number with its noun; one is said as it stands.
func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	if many == "are" {
		return "are " + grouped(n)
	}
	return grouped(n) + " " + many
}

// grouped writes a number with separators: 47,050.
func grouped(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// sentence begins with a capital letter and ends with a full stop.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}
