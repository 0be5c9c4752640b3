package web

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// axeVariable names the environment variable with the path of axe.min.js, of the
// npm package axe-core. .ci/run fetches it.
const axeVariable = "HEADWAY_AXE"

// What is asked of every page in light: all rules of WCAG 2.2 A and AA, and the
// good practice on top. In dark only colours differ. Of a long table or list the
// first rows stand for the others, which are drawn alike; the newsletter in its
// frame is not a page of ours.
const (
	axeWhere   = `{exclude: [["tbody tr:nth-child(n+6)"], [".feed li:nth-child(n+10)"], [".replies > li:nth-child(n+6)"]]}`
	axeInLight = `{resultTypes: ["violations"], preload: false, iframes: false}`
	axeInDark  = `{resultTypes: ["violations"], preload: false, iframes: false, runOnly: {type: "rule", values: ["color-contrast", "link-in-text-block"]}}`
)

// twins are drawn by the same templates, with the same parts, as another page that
// axe-core looks at: for pictures only.
var twins = []string{"campaigns-search", "report-deferred", "report-large", "campaign-scheduled", "campaign-paused", "campaign-cancelled",
	"campaign-large", "preview-dark", "preview-text", "compose", "provider-held", "schedule", "setup", "empty-upload", "empty-contacts",
	"empty-segment", "lift", "list-action", "empty-campaigns", "empty-lists", "empty-imports", "empty-suppressions", "empty-segments",
	"empty-templates", "empty-providers", "empty-replies", "empty-compose", "campaigns-none", "campaign-finished", "reset", "link-over"}

// violation is what axe-core finds wrong, with where it is.
type violation struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Help   string `json:"help"`
	Nodes  []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// checkWithAxe lets axe-core look at every page in both themes. It is injected
// by the DevTools protocol, which the pages' own policy does not concern.
func checkWithAxe(t *testing.T, ctx context.Context, tours []tour) {
	path := os.Getenv(axeVariable)
	if path == "" {
		t.Skip(axeVariable + " is not set: axe-core does not look at the pages")
	}
	script, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%s: %v", axeVariable, err)
	}
	if err := light.begin(ctx); err != nil {
		t.Fatal(err)
	}
	checkAxeFinds(t, ctx, string(script))
	for _, tour := range tours {
		for _, stop := range tour.stops {
			if slices.Contains(twins, stop.name) {
				continue
			}
			tour.visit(ctx, stop)
			if _, err := chromedp.Run(ctx, chromedp.Evaluate[chromedp.Void](string(script)+"; undefined")); err != nil {
				t.Fatal(err)
			}
			for _, v := range []struct {
				view
				options string
			}{{light, axeInLight}, {dark, axeInDark}} {
				if err := v.paint(ctx); err != nil {
					t.Fatal(err)
				}
				for _, found := range violations(t, ctx, v.options) {
					judge(t, stop.name+", "+v.name, found)
				}
			}
		}
	}
}

// checkAxeFinds makes sure that what is wrong would be found: a picture without
// words, and grey on grey.
func checkAxeFinds(t *testing.T, ctx context.Context, script string) {
	t.Helper()
	const bad = `data:text/html,<html lang="en"><title>Bad</title><main><h1>Bad</h1><img src="data:,"><p style="color:%23aaa;background:%23999">grey</p></main>`
	if err := chromedp.Do(ctx, chromedp.Navigate(bad), chromedp.Evaluate[chromedp.Void](script+"; undefined")); err != nil {
		t.Fatal(err)
	}
	found := make(map[string]bool)
	for _, v := range violations(t, ctx, axeInLight) {
		found[v.ID+" "+v.Impact] = true
	}
	if !found["image-alt critical"] || !found["color-contrast serious"] {
		t.Fatalf("axe-core finds only %v", found)
	}
}

func violations(t *testing.T, ctx context.Context, options string) (found []violation) {
	t.Helper()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](
		`axe.run(`+axeWhere+`, `+options+`).then(r => JSON.stringify(r.violations))`, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		t.Fatal(err)
	}
	return found
}

// judge fails for what keeps people out, and tells of the rest.
func judge(t *testing.T, where string, v violation) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s (%s): %s", where, v.ID, v.Impact, v.Help)
	for _, n := range v.Nodes[:min(len(v.Nodes), 3)] {
		fmt.Fprintf(&b, "\n    %.200s\n    %s", n.HTML, strings.ReplaceAll(n.Summary, "\n", " "))
	}
	if v.Impact == "serious" || v.Impact == "critical" {
		t.Error(b.String())
	} else {
		t.Log(b.String())
	}
}
