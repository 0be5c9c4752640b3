package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestPassword(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Password = "correct horse" })
	b.sample(10)
	basic := func(name, password string) []string {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.SetBasicAuth(name, password)
		return []string{"Authorization", r.Header.Get("Authorization")}
	}
	for name, test := range map[string]struct {
		path   string
		header []string
		status int
	}{
		"none":             {"/", nil, 401},
		"wrong":            {"/", basic("headway", "battery staple"), 401},
		"wrong name":       {"/", basic("admin", "correct horse"), 401},
		"half of it":       {"/", basic("headway", "correct"), 401},
		"right":            {"/", basic("headway", "correct horse"), 200},
		"metrics":          {"/metrics", nil, 401},
		"metrics, right":   {"/metrics", basic("headway", "correct horse"), 200},
		"no such page":     {"/nothing", nil, 401},
		"live part":        {"/campaigns/1/live", nil, 401},
		"download":         {"/campaigns/1/report?format=csv", nil, 401},
		"health is public": {"/healthz", nil, 200},
		"readiness":        {"/readyz", nil, 200},
		"unsubscribe":      {"/u/" + b.link(1, 1), nil, 200},
	} {
		t.Run(name, func(t *testing.T) {
			a := b.do(http.MethodGet, b.site.URL+test.path, "", test.header...)
			if a.StatusCode != test.status {
				t.Errorf("%s, want %d", a.Status, test.status)
			}
			if got := a.Header.Get("WWW-Authenticate"); (got != "") != (test.status == 401) {
				t.Errorf("WWW-Authenticate: %q", got)
			}
		})
	}
	if a := b.do(http.MethodPost, b.site.URL+"/campaigns/1/pause", "", "Sec-Fetch-Site", "same-origin"); a.StatusCode != 401 {
		t.Errorf("a button without the password: %s", a.Status)
	}
}

// Without a password, only requests from this machine that name it are answered:
// a foreign site whose name resolves to 127.0.0.1 is not, nor is another machine
// that says "localhost".
func TestForeignNames(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for host, status := range map[string]int{"127.0.0.1:8080": 200, "localhost:8080": 200, "localhost": 200, "[::1]:8080": 200,
		"127.0.0.2": 200, "headway.localhost": 200, "evil.test": 421, "evil.test:8080": 421, "127.0.0.1.evil.test": 421,
		"192.168.0.7:8080": 421, "": 421} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host, r.RemoteAddr = host, "127.0.0.1:4711"
		w := httptest.NewRecorder()
		b.server.Handler().ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("Host %q: %d, want %d", host, w.Code, status)
		}
		if r.RemoteAddr = "192.0.2.1:4711"; status == http.StatusOK {
			w := httptest.NewRecorder()
			if b.server.Handler().ServeHTTP(w, r); w.Code != http.StatusMisdirectedRequest {
				t.Errorf("another machine that says %q: %d", host, w.Code)
			}
		}
	}
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sample(10)
	for _, test := range []struct {
		site, method, path string
		status             int
		says               string
	}{
		{b.site.URL, "GET", "/", 200, "Dashboard"},
		{b.site.URL, "HEAD", "/", 200, ""},
		{b.site.URL, "GET", "/campaigns/1", 200, "Autumn letter"},
		{b.site.URL, "GET", "/campaigns/1.json", 200, "Autumn letter"},
		{b.site.URL, "GET", "/campaigns/99", 404, "There is nothing here"},
		{b.site.URL, "GET", "/campaigns/99/live", 404, "There is nothing here"},
		{b.site.URL, "GET", "/campaigns/one", 404, "There is nothing here"},
		{b.site.URL, "GET", "/campaigns/99999999999999999999", 404, "There is nothing here"},
		{b.site.URL, "GET", "/nothing", 404, "There is nothing here"},
		{b.site.URL, "POST", "/", 405, "That does not work here"},
		{b.site.URL, "DELETE", "/campaigns/1", 405, "That does not work here"},
		{b.site.URL, "GET", "/assets/vendor/htmx.min.js", 200, "htmx"},
		{b.site.URL, "GET", "/assets/vendor/README.md", 404, "no such file"},
		{b.site.URL, "GET", "/metrics", 200, "go_goroutines"},
		{b.site.URL, "GET", "/healthz", 200, "ok"},
		{b.public.URL, "GET", "/healthz", 200, "ok"},
		{b.public.URL, "GET", "/assets/headway.css", 200, "--ground"},
		{b.public.URL, "GET", "/assets/vendor/htmx.min.js", 404, "no such file"},
		{b.public.URL, "GET", "/", 404, "There is nothing here"},
		{b.public.URL, "GET", "/metrics", 404, "There is nothing here"},
		{b.public.URL, "GET", "/campaigns/1", 404, "There is nothing here"},
		{b.public.URL, "GET", "/readyz", 404, "There is nothing here"},
		{b.public.URL, "GET", "/u/", 404, "There is nothing here"},
	} {
		a := b.do(test.method, test.site+test.path, "", "Sec-Fetch-Site", "same-origin")
		if a.StatusCode != test.status {
			t.Errorf("%s %s: %s, want %d", test.method, test.path, a.Status, test.status)
		}
		b.contains(a, test.says)
		if strings.Contains(a.body, "Method Not Allowed") || strings.Contains(a.body, "404 page not found") {
			t.Errorf("%s %s answers in the library's words", test.method, test.path)
		}
		if a.StatusCode == 405 && a.Header.Get("Allow") == "" {
			t.Errorf("%s %s does not say what it takes", test.method, test.path)
		}
		policy := a.Header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s %s: the policy %q lacks %s", test.method, test.path, policy, part)
			}
		}
		if strings.Contains(policy, "unsafe") || a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s %s: %v", test.method, test.path, a.Header)
		}
		if len(a.Cookies()) > 0 {
			t.Errorf("%s %s sets a cookie", test.method, test.path)
		}
		if !strings.HasPrefix(test.path, "/assets/") && a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s: Cache-Control %q", test.method, test.path, a.Header.Get("Cache-Control"))
		}
	}
}

// What went wrong inside is told to the log, not to the visitor.
func TestInternalErrorsStayInside(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sample(10)
	link := b.link(id, 1)
	b.exec(`alter table campaigns rename to elsewhere`)
	for _, path := range []string{"/campaigns/1", "/", "/u/" + link} {
		a := b.do(http.MethodGet, b.site.URL+path, "")
		if a.StatusCode != http.StatusInternalServerError {
			t.Errorf("%s: %s", path, a.Status)
		}
		b.contains(a, "Something went wrong")
		_, rest, _ := strings.Cut(a.body, "<code>")
		number, _, _ := strings.Cut(rest, "</code>")
		if len(number) != 8 || !strings.Contains(b.log.String(), "id="+number) {
			t.Errorf("%s: the number %q is not in the log", path, number)
		}
		for _, inside := range []string{"relation", "does not exist", "SQLSTATE", "42P01"} {
			if strings.Contains(a.body, inside) {
				t.Errorf("%s tells of %s", path, inside)
			}
		}
	}
	if !strings.Contains(b.log.String(), "SQLSTATE 42P01") {
		t.Error("the log does not tell the cause")
	}
	if strings.Contains(b.log.String(), link) {
		t.Error("the log holds an unsubscribe link")
	}
}

func TestPanics(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := httptest.NewRecorder()
	b.server.guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret words") })).
		ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	body, _ := io.ReadAll(w.Result().Body)
	if w.Code != http.StatusInternalServerError || strings.Contains(string(body), "secret words") {
		t.Errorf("%d\n%s", w.Code, body)
	}
	if !strings.Contains(b.log.String(), "secret words") {
		t.Error("the log does not tell the cause")
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	b := setup(t)
	check := func(path string, want int) {
		t.Helper()
		if a := b.do(http.MethodGet, b.site.URL+path, ""); a.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, a.Status, want)
		}
	}
	check("/healthz", 200)
	check("/readyz", 200)
	b.server.Close()
	check("/healthz", 200) // it still works for who is here
	check("/readyz", 503)  // but nobody new is to come
	b.store.Close()
	check("/healthz", 503)
}
