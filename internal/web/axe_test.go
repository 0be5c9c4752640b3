package web

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// axeVariable names the environment variable with the path of axe.min.js, of the
// npm package axe-core. .ci/run fetches it.
const axeVariable = "HEADWAY_AXE"

// What is asked of every page in light: all rules of WCAG 2.2 A and AA, and the
// good practice on top. In dark only colours differ.
const (
	axeInLight = `{resultTypes: ["violations"]}`
	axeInDark  = `{resultTypes: ["violations"], runOnly: {type: "rule", values: ["color-contrast", "link-in-text-block"]}}`
)

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
	for _, tour := range tours {
		for _, stop := range tour.stops {
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

func violations(t *testing.T, ctx context.Context, options string) (found []violation) {
	t.Helper()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](
		`axe.run(document, `+options+`).then(r => JSON.stringify(r.violations))`, chromedp.EvalAwaitPromise))
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
