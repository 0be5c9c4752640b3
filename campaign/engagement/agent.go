package engagement

import (
	"regexp"
	"strings"
)

// agents are words by which programs introduce themselves (User-Agent, RFC 9110
// §10.1.5), in lower case, as their makers document them or as server logs show
// them. A word must not stand in the agent of any browser or mail program that
// people use.
var agents = []struct {
	rule  Rule
	words []string
}{
	{Proxy, []string{"googleimageproxy", "ggpht.com", "yahoomailproxy", "outlookimageproxy", "mailru-imageproxy", "yandeximageresizer"}},
	{Scanner, []string{"barracuda", "mimecast", "proofpoint", "messagelabs", "symantec", "fireeye", "trendmicro", "trend micro", "sophos",
		"forcepoint", "websense", "zscaler", "ironport", "cloudmark", "bitdefender", "virustotal", "urlscan", "phishtank", "netcraft",
		"office existence discovery", "office protocol discovery", "ms-office-scanner", "safelinks", "avanan", "vadesecure", "checkphish"}},
	{Previewer, []string{"slackbot", "slack-imgproxy", "facebookexternalhit", "facebot", "twitterbot", "whatsapp/", "telegrambot", "discordbot",
		"linkedinbot", "skypeuripreview", "pinterestbot", "redditbot", "embedly", "iframely", "microsoftpreview", "mattermost", "viber/"}},
	{Crawler, []string{"googlebot", "adsbot", "bingbot", "applebot", "duckduckbot", "yandexbot", "baiduspider", "slurp", "crawler", "spider",
		"archive.org_bot", "headlesschrome", "phantomjs", "uptimerobot", "pingdom", "lighthouse"}},
	{Library, []string{"curl/", "wget/", "python-requests", "python-urllib", "python-httpx", "aiohttp", "go-http-client", "java/", "apache-httpclient",
		"libwww-perl", "lwp::", "node-fetch", "undici", "axios/", "postmanruntime", "scrapy", "guzzlehttp", "ruby", "php/", "powershell", "restsharp",
		"winhttp", "jakarta", "faraday"}},
}

// robot finds the word bot as robots carry it: Examplebot/1.0, a bot; +https://….
// There are telephones of a maker whose name ends like that.
var robot = regexp.MustCompile(`bot[/;]|bot$|\+https?://`)

// agentRule judges how a program introduces itself.
func agentRule(agent string) Rule {
	agent = strings.ToLower(strings.TrimSpace(agent))
	switch agent {
	case "":
		return NoAgent
	case "mozilla/5.0": // nothing else: what Apple's relays send
		return AppleMPP
	}
	for _, a := range agents {
		for _, word := range a.words {
			if strings.Contains(agent, word) {
				return a.rule
			}
		}
	}
	if robot.MatchString(agent) {
		return Crawler
	}
	return Person
}

// isPrefetch reports whether a request says that nobody is looking yet: in
// Sec-Purpose (Fetch §3.7), or in what browsers sent before.
func isPrefetch(purpose string) bool {
	purpose = strings.ToLower(purpose)
	return strings.Contains(purpose, "prefetch") || strings.Contains(purpose, "prerender") || strings.Contains(purpose, "preview")
}
