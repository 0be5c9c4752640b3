package engagement_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headwaymail/headway/campaign/engagement"
)

const (
	safari  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
	chrome  = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
	firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
)

var at = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

func TestVisits(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		visit engagement.Visit
		want  engagement.Rule
	}{
		"a phone":             {engagement.Visit{Agent: safari}, engagement.Person},
		"a desktop":           {engagement.Visit{Agent: chrome}, engagement.Person},
		"Firefox":             {engagement.Visit{Agent: firefox}, engagement.Person},
		"Edge":                {engagement.Visit{Agent: chrome + " Edg/131.0.0.0"}, engagement.Person},
		"Thunderbird":         {engagement.Visit{Kind: engagement.Open, Agent: "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.4.0"}, engagement.Person},
		"Outlook":             {engagement.Visit{Kind: engagement.Open, Agent: "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; Win64; x64; Trident/7.0; Microsoft Outlook 16.0.17928; ms-office; MSOffice 16)"}, engagement.Person},
		"Apple Mail":          {engagement.Visit{Kind: engagement.Open, Agent: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"}, engagement.Person},
		"a Cubot phone":       {engagement.Visit{Agent: "Mozilla/5.0 (Linux; Android 12; CUBOT P50) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36"}, engagement.Person},
		"HEAD":                {engagement.Visit{Agent: chrome, Method: "HEAD"}, engagement.Head},
		"Sec-Purpose":         {engagement.Visit{Agent: chrome, Purpose: "prefetch;prerender"}, engagement.Prefetch},
		"X-Moz":               {engagement.Visit{Agent: firefox, Purpose: "Prefetch"}, engagement.Prefetch},
		"X-Purpose":           {engagement.Visit{Agent: safari, Purpose: "preview"}, engagement.Prefetch},
		"no agent":            {engagement.Visit{Agent: " "}, engagement.NoAgent},
		"Apple's protection":  {engagement.Visit{Kind: engagement.Open, Agent: "Mozilla/5.0"}, engagement.AppleMPP},
		"Google's proxy":      {engagement.Visit{Kind: engagement.Open, Agent: "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"}, engagement.Proxy},
		"Yahoo's proxy":       {engagement.Visit{Kind: engagement.Open, Agent: "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"}, engagement.Proxy},
		"Barracuda":           {engagement.Visit{Agent: chrome + " BarracudaCentral"}, engagement.Scanner},
		"Office looks ahead":  {engagement.Visit{Agent: "Microsoft Office Existence Discovery"}, engagement.Scanner},
		"Slack":               {engagement.Visit{Agent: "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"}, engagement.Previewer},
		"WhatsApp":            {engagement.Visit{Agent: "WhatsApp/2.23.20.0"}, engagement.Previewer},
		"Google's crawler":    {engagement.Visit{Agent: "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}, engagement.Crawler},
		"another robot":       {engagement.Visit{Agent: "SomeBot/1.0"}, engagement.Crawler},
		"with an address":     {engagement.Visit{Agent: "Checker 3 (+https://checker.example)"}, engagement.Crawler},
		"a headless browser":  {engagement.Visit{Agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/131.0.0.0 Safari/537.36"}, engagement.Crawler},
		"curl":                {engagement.Visit{Agent: "curl/8.5.0"}, engagement.Library},
		"Go":                  {engagement.Visit{Agent: "Go-http-client/2.0"}, engagement.Library},
		"within a second":     {engagement.Visit{Agent: chrome, Delivered: at.Add(-time.Second)}, engagement.TooSoon},
		"before the delivery": {engagement.Visit{Agent: chrome, Delivered: at.Add(time.Second)}, engagement.TooSoon},
		"an open soon":        {engagement.Visit{Kind: engagement.Open, Agent: chrome, Delivered: at.Add(-time.Second)}, engagement.TooSoon},
		"an open a bit later": {engagement.Visit{Kind: engagement.Open, Agent: chrome, Delivered: at.Add(-3 * time.Second)}, engagement.Person},
		"a click later":       {engagement.Visit{Agent: chrome, Delivered: at.Add(-6 * time.Second)}, engagement.Person},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := test.visit
			if v.At = at; v.Kind == "" {
				v.Kind, v.Link = engagement.Click, 1
			}
			if v.Method == "" {
				v.Method = "GET"
			}
			if got := engagement.Judge([]engagement.Visit{v})[0]; got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
			if test.want.Machine() == (test.want.Words() == "") {
				t.Errorf("no words, or words for a person: %q", test.want.Words())
			}
		})
	}
}

func TestFollowingEverything(t *testing.T) {
	t.Parallel()
	type click struct {
		link  int
		after time.Duration
	}
	for name, test := range map[string]struct {
		clicks []click
		want   []bool // machine
	}{
		"two links at once":               {[]click{{1, 0}, {2, 0}}, []bool{false, false}},
		"three links within the window":   {[]click{{1, 0}, {2, time.Second}, {3, 2 * time.Second}}, []bool{true, true, true}},
		"three links, slowly":             {[]click{{1, 0}, {2, 2 * time.Second}, {3, 4 * time.Second}}, []bool{false, false, false}},
		"one link many times":             {[]click{{1, 0}, {1, 0}, {1, 0}, {1, 0}}, []bool{false, false, false, false}},
		"a person after a scanner":        {[]click{{1, 0}, {2, 0}, {3, 0}, {2, time.Minute}}, []bool{true, true, true, false}},
		"only those of the burst":         {[]click{{1, 0}, {1, 10 * time.Second}, {2, 11 * time.Second}, {3, 12 * time.Second}}, []bool{false, true, true, true}},
		"each three of them in a sliding": {[]click{{1, 0}, {2, 2 * time.Second}, {3, 3 * time.Second}, {4, 5 * time.Second}}, []bool{true, true, true, true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var visits []engagement.Visit
			for _, c := range test.clicks {
				visits = append(visits, engagement.Visit{Kind: engagement.Click, Link: c.link, At: at.Add(c.after), Method: "GET", Agent: chrome})
			}
			var got []bool
			for _, rule := range engagement.Judge(visits) {
				got = append(got, rule.Machine())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("machines (-want +got):\n%s", diff)
			}
		})
	}
}

// Who asks with HEAD and then for the page is one program.
func TestAskingWithHeadFirst(t *testing.T) {
	t.Parallel()
	visit := func(method, agent string, after time.Duration) engagement.Visit {
		return engagement.Visit{Kind: engagement.Click, Link: 1, At: at.Add(after), Method: method, Agent: agent}
	}
	got := engagement.Judge([]engagement.Visit{visit("GET", chrome, -time.Second), visit("HEAD", chrome, 0), visit("GET", safari, time.Second),
		visit("GET", chrome, 2*time.Second), visit("GET", chrome, time.Minute)})
	want := []engagement.Rule{engagement.Head, engagement.Head, engagement.Person, engagement.Head, engagement.Person}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}

// What a reader did long before or after changes no judgement.
func TestVisitsFarApartAreJudgedAlone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		groups := rapid.SliceOfN(rapid.SliceOfN(rapid.IntRange(1, 5), 1, 6), 1, 4).Draw(t, "groups")
		var all []engagement.Visit
		var alone []engagement.Rule
		now := at
		for _, links := range groups {
			var group []engagement.Visit
			for _, link := range links {
				group = append(group, engagement.Visit{Kind: engagement.Click, Link: link, At: now, Method: rapid.SampledFrom([]string{"GET", "GET", "HEAD"}).Draw(t, "method"),
					Agent: rapid.SampledFrom([]string{chrome, safari, "curl/8.5.0", ""}).Draw(t, "agent")})
				now = now.Add(time.Duration(rapid.IntRange(0, 1000).Draw(t, "ms")) * time.Millisecond)
			}
			all, alone = append(all, group...), append(alone, engagement.Judge(group)...)
			now = now.Add(engagement.Window + time.Millisecond)
		}
		if got := engagement.Judge(all); !slices.Equal(got, alone) {
			t.Fatalf("together %q, alone %q", got, alone)
		}
	})
}

func BenchmarkJudge(b *testing.B) {
	var visits []engagement.Visit
	for i := range 20 {
		visits = append(visits, engagement.Visit{Kind: engagement.Click, Link: i, At: at, Method: "GET", Agent: chrome + strconv.Itoa(i)})
	}
	b.ReportAllocs()
	for b.Loop() {
		engagement.Judge(visits)
	}
}
