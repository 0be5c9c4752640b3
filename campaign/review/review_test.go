package review

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/campaign/message"
)

var now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

const leave = "https://news.example.com/u/token"

// factsOf compiles a newsletter as a caller would.
func factsOf(t *testing.T, c campaign.Content) Facts {
	t.Helper()
	f := Facts{Content: c, Settings: campaign.DefaultSettings(), LeaveURL: leave, Sources: 1, Tested: true, Reached: 12}
	compiled, err := message.Compile(message.Source{FromName: c.FromName, FromAddress: c.FromAddress, Subject: c.Subject,
		Markdown: c.Markdown, HTML: c.HTML, Text: c.Text, PostalAddress: c.PostalAddress, ListID: "news.example.com"})
	if f.Problem = err; err != nil {
		return f
	}
	to := message.Recipient{Address: "ann@example.com", UnsubscribeURL: leave, MessageID: "1@example.com", Date: now}
	if f.Rendered, err = compiled.Naive(to); err != nil {
		t.Fatal(err)
	}
	if f.Raw, err = compiled.Append(nil, to); err != nil {
		t.Fatal(err)
	}
	for _, name := range compiled.Fields() {
		f.Fields = append(f.Fields, FieldUse{Name: name, Looked: 10, Without: 3})
	}
	return f
}

func good() campaign.Content {
	return campaign.Content{FromName: "The Weekly", FromAddress: "news@example.com", Subject: "Leaves",
		Markdown: "Hello. [Read](https://example.com/a)", PostalAddress: "1 Harbour Lane"}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		content func(*campaign.Content)
		facts   func(*Facts)
		want    []string // level and title of what is not fine
	}{
		"nothing to say":           {},
		"no address":               {content: func(c *campaign.Content) { c.PostalAddress = "" }, want: []string{"warn Postal address"}},
		"somebody's name":          {content: func(c *campaign.Content) { c.FromAddress = "me@gmail.com" }, want: []string{"block Sender"}},
		"name is an address":       {content: func(c *campaign.Content) { c.FromName = "ceo@bank.example" }, want: []string{"warn Sender"}},
		"no sender":                {content: func(c *campaign.Content) { c.FromAddress = "" }, want: []string{"block Sender", "block Message"}},
		"no subject":               {content: func(c *campaign.Content) { c.Subject = "" }, want: []string{"block Message"}},
		"broken Liquid":            {content: func(c *campaign.Content) { c.Markdown = "{{ first_name" }, want: []string{"block Message"}},
		"relative link":            {content: func(c *campaign.Content) { c.Markdown = "[a](/page)" }, want: []string{"block Links"}},
		"link to nowhere":          {content: func(c *campaign.Content) { c.Markdown = "[a](#)" }, want: []string{"block Links"}},
		"shortened link":           {content: func(c *campaign.Content) { c.Markdown = "[a](https://bit.ly/x)" }, want: []string{"warn Links"}},
		"link in clear":            {content: func(c *campaign.Content) { c.Markdown = "[a](http://example.com)" }, want: []string{"warn Links"}},
		"script in a link":         {content: func(c *campaign.Content) { c.HTML, c.Markdown = `<a href="javascript:alert(1)">a</a>`, "" }, want: []string{"block Links"}},
		"picture undescribed":      {content: func(c *campaign.Content) { c.Markdown = `<img src="https://example.com/a.png">` }, want: []string{"warn Images"}},
		"picture with empty words": {content: func(c *campaign.Content) { c.Markdown = `![](https://example.com/a.png)` }, want: []string{"warn Images"}},
		"picture described":        {content: func(c *campaign.Content) { c.Markdown = `![Leaves](https://example.com/a.png)` }},
		"a spacer": {content: func(c *campaign.Content) {
			c.Markdown = `<img src="https://example.com/a.png" width="1" height="9" alt="">`
		}},
		"picture lost":        {facts: func(f *Facts) { f.Lost = []string{"aaaa-1x1.png"} }, want: []string{"block Images"}},
		"field unfilled":      {content: func(c *campaign.Content) { c.Markdown = "Hi {{ first_name }}" }, want: []string{"warn Merge fields"}},
		"field with fallback": {content: func(c *campaign.Content) { c.Markdown = `Hi {{ first_name | default: "you" }}` }},
		"large":               {content: func(c *campaign.Content) { c.Markdown = strings.Repeat("Leaves fall. ", 9000) }, want: []string{"warn Size"}},
		"no way out in HTML": {content: func(c *campaign.Content) {
			c.HTML, c.Markdown = `<p title="{{ unsubscribe_url }}">Hi</p>`, ""
		}, want: []string{"block Unsubscribe link"}},
		"not by https":       {facts: func(f *Facts) { f.Raw = []byte("From: a\r\n\r\nList-Unsubscribe-Post: x") }, want: []string{"block One-click unsubscribe"}},
		"no key":             {facts: func(f *Facts) { f.Missing = []string{"a DKIM key for example.com: make one"} }, want: []string{"block Sending"}},
		"no list":            {facts: func(f *Facts) { f.Sources = 0 }, want: []string{"block Audience"}},
		"nobody":             {facts: func(f *Facts) { f.Reached = 0 }, want: []string{"block Audience"}},
		"not counted":        {facts: func(f *Facts) { f.Reached = -1 }},
		"untested":           {facts: func(f *Facts) { f.Tested = false }, want: []string{"warn Test message"}},
		"outside its window": {facts: func(f *Facts) { f.Settings.Window = elsewhen }, want: []string{"warn Window"}},
		"ended already":      {facts: func(f *Facts) { f.Settings.FinishBy = now.Add(-time.Hour) }, want: []string{"block Finish by"}},
		"ends before it starts": {facts: func(f *Facts) {
			f.Settings.FinishBy, f.Start = now.Add(time.Hour), now.Add(2*time.Hour)
		}, want: []string{"block Finish by"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := good()
			if test.content != nil {
				test.content(&c)
			}
			f := factsOf(t, c)
			if test.facts != nil {
				test.facts(&f)
			}
			var got []string
			for _, i := range Check(f, now) {
				if i.Title == "" || i.Words == "" || (i.Fix == "") != (i.Level == Fine) {
					t.Errorf("%+v says too little or too much", i)
				}
				if i.Level != Fine {
					got = append(got, string(i.Level)+" "+i.Title)
				}
			}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// elsewhen is a window that is closed now, and opens a quarter before now a day later.
var elsewhen = campaign.Window{Days: campaign.WindowDays, From: now.Add(-time.Hour).UTC().Format("15:04"), To: now.Add(-time.Minute).UTC().Format("15:04"), Zone: "UTC"}

// Who signs is said in words.
func TestWhoSigns(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		signing []string
		all     bool
		want    string
	}{
		"keys":           {nil, false, "A DKIM key signs for example.com, and"},
		"a relay, all":   {[]string{"smtp.example.net"}, true, "the relay smtp.example.net signs for example.com"},
		"a relay, parts": {[]string{"smtp.example.net"}, false, "except what goes to the relay smtp.example.net"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := factsOf(t, good())
			f.Signing, f.SignAll = test.signing, test.all
			if item := Check(f, now)[0]; item.Level != Fine || !strings.Contains(item.Words, test.want) {
				t.Errorf("%s: %s", item.Level, item.Words)
			}
		})
	}
}
