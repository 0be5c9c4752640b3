package service_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/postgres/storetest"
	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/listhygiene/corpustest"
	"github.com/headwaymail/headway/listhygiene/risk"
)

func newService(t *testing.T) *service.Service {
	t.Helper()
	ctx := context.Background()
	store := storetest.Open(t, 4)
	c := config.Default()
	c.SecretKey = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32))
	s, err := service.New(ctx, store, nil, c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A list takes the place of the one before only when all of it is good, and an
// address of our own networks is asked only when that is allowed.
func TestUpdateRiskList(t *testing.T) {
	t.Parallel()
	s := newService(t)
	site := http.NewServeMux()
	serve := func(path, body string) {
		site.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) })
	}
	serve("/good", "# throw-away\ntrash.example.org\nbin.example.net\n")
	serve("/page", "<html>\n<body>not found\n")
	serve("/empty", "")
	serve("/huge", strings.Repeat("a.example.org\n", 17<<20/14))
	site.Handle("GET /away", http.RedirectHandler("/good", http.StatusFound))
	server := httptest.NewServer(site)
	defer server.Close()
	file := filepath.Join(t.TempDir(), "list.txt")
	if err := os.WriteFile(file, []byte("old.example.org\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	holds := func(domain string) bool {
		lists, err := s.Store.RiskLists(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return lists.IsDisposable(domain)
	}
	for _, tt := range []struct {
		name, source string
		allow        bool
		kind         risk.Kind
		want         string // part of the error; empty: loaded
		there, gone  string
	}{
		{"a file", file, false, risk.KindDisposable, "", "old.example.org", "mailinator.com"},
		{"loopback is refused", server.URL + "/good", false, risk.KindDisposable, "--allow-private", "old.example.org", "trash.example.org"},
		{"a web page", server.URL + "/page", true, risk.KindDisposable, "none of", "old.example.org", "trash.example.org"},
		{"nothing", server.URL + "/empty", true, risk.KindDisposable, "empty", "old.example.org", "trash.example.org"},
		{"too large", server.URL + "/huge", true, risk.KindDisposable, "larger than", "old.example.org", "trash.example.org"},
		{"not there", server.URL + "/none", true, risk.KindDisposable, "404", "old.example.org", "trash.example.org"},
		{"another kind", server.URL + "/good", true, "grey", "no kind of list", "old.example.org", "trash.example.org"},
		{"a redirect", server.URL + "/away", true, risk.KindDisposable, "", "trash.example.org", "old.example.org"},
	} {
		l, err := s.UpdateRiskList(t.Context(), service.RiskListUpdate{Kind: tt.kind, Source: tt.source, AllowPrivate: tt.allow})
		if tt.want == "" && (err != nil || l.Entries == 0) || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, %v; want %q", tt.name, l, err, tt.want)
		}
		if !holds(tt.there) || holds(tt.gone) {
			t.Errorf("%s: afterwards %s is %v and %s is %v", tt.name, tt.there, holds(tt.there), tt.gone, holds(tt.gone))
		}
	}
}

// The public lists of the corpora are read whole.
func TestUpdateRiskListsOfTheCorpora(t *testing.T) {
	t.Parallel()
	disposable, free := corpustest.Path(t, "lists/disposable_email_blocklist.conf"), corpustest.Path(t, "lists/freemail-free.txt")
	s := newService(t)
	for kind, path := range map[risk.Kind]string{risk.KindDisposable: disposable, risk.KindFree: free} {
		l, err := s.UpdateRiskList(t.Context(), service.RiskListUpdate{Kind: kind, Source: path})
		if err != nil || l.Entries < 1000 {
			t.Errorf("%s: %d entries, %v", kind, l.Entries, err)
		}
		t.Logf("%s: %d entries", kind, l.Entries)
	}
}
