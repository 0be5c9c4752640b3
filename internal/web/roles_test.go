package web

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/headwaymail/headway/internal/auth"
)

// wildcard is a part of a route that stands for anything.
var wildcard = regexp.MustCompile(`\{[a-z]+\}`)

// Every page, in every role, answers whom it is for and nobody else, says so before
// it looks whether what is asked for exists, and takes no form of another site.
func TestEveryEntranceAsksForItsRole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sample(10)
	b.post("/welcome", "address=ann%40mill.test&name=Ann&password="+pass)
	owner := b.cookie("ann@mill.test")
	visitors := []struct {
		role   auth.Role
		cookie string
	}{{"nobody", ""}, {auth.Analyst, b.joined(owner, "dee@mill.test", auth.Analyst)},
		{auth.Editor, b.joined(owner, "bob@mill.test", auth.Editor)}, {auth.Owner, owner}}
	posts := 0
	for pattern, e := range b.server.entrances() {
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.TrimSuffix(path, "{$}")
		for _, thing := range []string{"1", "999999999"} { // one that may be there, and one that is not
			at := b.site.URL + wildcard.ReplaceAllString(path, thing)
			for _, v := range visitors {
				var cookie []string
				if v.cookie != "" {
					cookie = []string{"Cookie", v.cookie}
				}
				if method == http.MethodPost {
					posts++
					for _, from := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.test"}, {"Origin", "null"}} {
						if a := b.do(method, at, "", append(from, cookie...)...); a.StatusCode != http.StatusForbidden && a.StatusCode != http.StatusUnauthorized {
							t.Errorf("%s as %s from %s: %s", pattern, v.role, from, a.Status)
						}
					}
				}
				may := v.role.May(e.ability)
				if may && (strings.HasSuffix(path, "/live") || strings.HasPrefix(path, "/people/")) {
					continue // a stream that stays open; what would lock us out, see TestPeople
				}
				a := b.do(method, at, "", append([]string{"Sec-Fetch-Site", "same-origin", "Content-Type", "application/x-www-form-urlencoded"}, cookie...)...)
				switch {
				case a.StatusCode >= http.StatusInternalServerError:
					t.Errorf("%s of %s as %s: %s\n%s", pattern, thing, v.role, a.Status, a.body)
				case v.cookie == "" && a.StatusCode != http.StatusUnauthorized && (a.StatusCode != http.StatusSeeOther || !strings.HasPrefix(a.Header.Get("Location"), "/login")):
					t.Errorf("%s for nobody: %s to %q", pattern, a.Status, a.Header.Get("Location"))
				case v.cookie != "" && may == (a.StatusCode == http.StatusForbidden):
					t.Errorf("%s, which asks to %s, as %s: %s", pattern, e.ability, v.role, a.Status)
				}
			}
		}
	}
	for _, path := range []string{"/login", "/logout", "/welcome", "/forgot", "/join/" + strings.Repeat("A", 43)} { // for those who are not logged in
		if a := b.do(http.MethodPost, b.site.URL+path, "", "Sec-Fetch-Site", "cross-site"); a.StatusCode != http.StatusForbidden {
			t.Errorf("POST %s from another site: %s", path, a.Status)
		}
	}
	if posts < 250 {
		t.Errorf("only %d posts were tried; the search is broken", posts)
	}
}
