package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/headwaymail/headway/campaign/token"
)

// letters launches a campaign with a body to the sample's list.
func (b *bundle) letters(content string) int64 {
	b.Helper()
	id := b.sample(20)
	b.exec(`update campaigns set content = content || $2::jsonb where id = $1`, id, content)
	b.exec(`update contacts set fields = '{"first_name": "Ana <b>Łucja</b>", "site": "javascript:alert(1)"}' where id = 1`)
	b.exec(`update contacts set fields = '{"first_name": "Bert"}' where id = 2`)
	return id
}

const letter = `{"markdown": "# Dear {{ first_name | default: \"reader\" }}\n\n{{ email }}\n\n[Site]({{ site }}) [Page]({{ view_url }}) <script>alert(1)</script>\n\n[Leave]({{ unsubscribe_url }})"}`

func (b *bundle) mint(p token.Purpose, id, contact int64) string {
	return b.tokens.Mint(token.Claims{Purpose: p, Campaign: id, Contact: contact, Day: time.Now()})
}

func TestViewShowsTheReadersOwnLetter(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.letters(letter)
	path := "/v/" + b.mint(token.View, id, 1)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		a := b.do(method, b.public.URL+path, "")
		if a.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", method, a.Status)
		}
		for name, want := range map[string]string{"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow", "Cache-Control": "no-store",
			"Set-Cookie": "", "Content-Security-Policy": viewPolicy, "Content-Type": "text/html; charset=utf-8", "X-Content-Type-Options": "nosniff"} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", method, name, got, want)
			}
		}
	}
	a := b.do(http.MethodGet, b.public.URL+path, "")
	b.contains(a, "Dear Ana &lt;b&gt;Łucja&lt;/b&gt;", "reader1@d1-2.test", path, "/u/message")
	for _, hidden := range []string{"Bert", "reader2@", `href="javascript:`, b.link(id, 1)} {
		if strings.Contains(a.body, hidden) {
			t.Errorf("the page holds %q:\n%s", hidden, a.body)
		}
	}
	if other := b.do(http.MethodGet, b.public.URL+"/v/"+b.mint(token.View, id, 2), ""); !strings.Contains(other.body, "Dear Bert") || strings.Contains(other.body, "Ana") {
		t.Errorf("the second reader sees\n%s", other.body)
	}
	b.exec(`update campaigns set state = 'finished', finished_at = now() where id = $1`, id)
	b.contains(b.do(http.MethodGet, b.public.URL+path, ""), "Dear Ana")
	if n := b.traces(); n != 0 {
		t.Errorf("looking left %d traces", n)
	}
}

func TestViewForgetsWhoWasErased(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.letters(letter)
	if _, err := b.server.service.Erase(t.Context(), "reader1@d1-2.test"); err != nil {
		t.Fatal(err)
	}
	a := b.do(http.MethodGet, b.public.URL+"/v/"+b.mint(token.View, id, 1), "")
	if a.StatusCode != http.StatusOK || !strings.Contains(a.body, "Dear reader") || strings.Contains(a.body, "Ana") || strings.Contains(a.body, "reader1@") {
		t.Errorf("%s\n%s", a.Status, a.body)
	}
}

func TestViewOfPlainText(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.letters(`{"markdown": "", "text": "Dear {{ first_name }},\n\n<script>alert(1)</script>\n\nhttps://a.test/?x=1&y=2. javascript:alert(1)\n"}`)
	a := b.do(http.MethodGet, b.public.URL+"/v/"+b.mint(token.View, id, 1), "")
	b.contains(a, "Dear Ana &lt;b&gt;", "&lt;script&gt;", `<a href="https://a.test/?x=1&amp;y=2">https://a.test/?x=1&amp;y=2</a>. javascript:alert(1)`, "What the leaves say", "The Weekly")
	if got := a.Header.Get("Content-Security-Policy"); got != publicPolicy {
		t.Errorf("policy %q", got)
	}
}

func TestViewRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.letters(letter)
	good := b.mint(token.View, id, 1)
	draft := b.draft("Not sent")
	for name, test := range map[string]struct {
		method, path string
		status       int
	}{
		"forged":                {http.MethodGet, "/v/" + good[:len(good)-3] + "aaa", http.StatusNotFound},
		"cut":                   {http.MethodGet, "/v/" + good[:len(good)-5], http.StatusNotFound},
		"longer":                {http.MethodGet, "/v/" + good + "a", http.StatusNotFound},
		"nothing":               {http.MethodGet, "/v/", http.StatusNotFound},
		"an unsubscribe link":   {http.MethodGet, "/v/" + b.link(id, 1), http.StatusNotFound},
		"a Message-ID":          {http.MethodGet, "/v/" + b.mint(token.MessageID, id, 1), http.StatusNotFound},
		"a draft":               {http.MethodGet, "/v/" + b.mint(token.View, draft, 1), http.StatusNotFound},
		"no such campaign":      {http.MethodGet, "/v/" + b.mint(token.View, 999, 1), http.StatusNotFound},
		"to leave with":         {http.MethodGet, "/u/" + good, http.StatusNotFound},
		"posted":                {http.MethodPost, "/v/" + good, http.StatusMethodNotAllowed},
		"the link of a preview": {http.MethodGet, "/v/preview", http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			a := b.do(test.method, b.public.URL+test.path, "")
			if a.StatusCode != test.status || strings.Contains(a.body, "Ana") {
				t.Errorf("%s\n%s", a.Status, a.body)
			}
		})
	}
	b.contains(b.do(http.MethodGet, b.public.URL+"/u/message", ""), "Leave from the message itself")
	if log := b.log.String(); strings.Contains(log, good) {
		t.Error("the log holds the link")
	}
}
