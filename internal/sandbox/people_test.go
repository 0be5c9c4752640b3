package sandbox

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// desk is a sender's web server: it writes down who asks to leave and answers
// with the next of its statuses, the last one for good.
type desk struct {
	*httptest.Server
	mu       sync.Mutex
	statuses []int
	asked    []string // method, path and form of each request
}

func newDesk(t *testing.T, statuses ...int) *desk {
	d := &desk{statuses: statuses}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.asked = append(d.asked, r.Method+" "+r.URL.Path+" "+r.Header.Get("Content-Type")+" "+string(body))
		w.WriteHeader(d.statuses[0])
		if len(d.statuses) > 1 {
			d.statuses = d.statuses[1:]
		}
	}))
	t.Cleanup(d.Close)
	return d
}

// deliver hands a newsletter with an unsubscribe address to a recipient.
func deliver(t *testing.T, s *Sandbox, recipient, url string) {
	t.Helper()
	text := strings.Replace(newsletter, "http://127.0.0.1:1/u/abc", url, 1)
	dial(t, s, "127.0.0.1", 0).play("220 …\n> HELO me.test\n250 …\n> MAIL FROM:<a@sender.test>\n250 …\n> RCPT TO:<" + recipient + ">\n250 …\n> DATA\n354 …\n" +
		"> " + strings.ReplaceAll(text, "\r\n", `\n`) + ".\n250 …\n> QUIT\n221 …\n<EOF>\n")
}

func TestReadersUnsubscribeWithOneClick(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 500, 200) // the first click fails
	record := filepath.Join(t.TempDir(), "record.jsonl")
	text := one(plain, "people: {unsubscribe: 100%, after: 1ms, within: 1ms}")
	s := run(t, text, Options{RecordFile: record})
	deliver(t, s, "ana@northmail.test", d.URL+"/u/ana")
	deliver(t, s, "ANA@northmail.test", d.URL+"/u/again") // the same reader leaves once
	eventually(t, "the click is acknowledged", func() bool {
		u := s.Unsubscribes()
		return len(u) == 1 && u[0].Acked()
	})
	u := s.Unsubscribes()[0]
	if u.Recipient != "ana@northmail.test" || u.URL != d.URL+"/u/ana" || u.Status != 200 || u.Error != "" || !u.AckedAt.After(u.AskedAt) {
		t.Errorf("%+v", u)
	}
	const want = "POST /u/ana application/x-www-form-urlencoded List-Unsubscribe=One-Click"
	if len(d.asked) != 2 || d.asked[0] != want || d.asked[1] != want {
		t.Errorf("asked %q, want twice %q", d.asked, want)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	again := run(t, text, Options{RecordFile: record})
	if u := again.Unsubscribes(); len(u) != 1 || !u[0].Acked() {
		t.Errorf("after a restart: %+v", u)
	}
	deliver(t, again, "ana@northmail.test", d.URL+"/u/restart")
	if u := again.Unsubscribes(); len(u) != 1 || u[0].URL != d.URL+"/u/ana" {
		t.Errorf("after a restart, and another message: %+v", u)
	}
}

// A reader who had not clicked yet when the process was killed clicks after
// the next start.
func TestAClickIsNotForgottenOverARestart(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 204)
	record := filepath.Join(t.TempDir(), "record.jsonl")
	s := run(t, one(plain, "people: {unsubscribe: 100%, after: 1h}"), Options{RecordFile: record})
	deliver(t, s, "ana@northmail.test", d.URL+"/u/ana")
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	s = run(t, one(plain, "people: {unsubscribe: 100%, after: 1ms, within: 1ms}"), Options{RecordFile: record})
	eventually(t, "the click is acknowledged", func() bool { u := s.Unsubscribes(); return len(u) == 1 && u[0].Acked() })
}

func TestReadersLeaveInTheMiddleWhenTold(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 200)
	s := run(t, one(plain, "people: {later: 100%}"), Options{})
	deliver(t, s, "ana@northmail.test", d.URL+"/first/ana")
	deliver(t, s, "ben@northmail.test", d.URL+"/first/ben")
	deliver(t, s, "ana@northmail.test", d.URL+"/second/ana")
	if got := s.Unsubscribes(); len(got) != 0 {
		t.Errorf("before they are told: %+v", got)
	}
	if got := s.UnsubscribeLater(t.Context(), 50*time.Millisecond); got != 2 {
		t.Errorf("%d readers leave, want 2", got)
	}
	eventually(t, "both have left", func() bool {
		u := s.Unsubscribes()
		return len(u) == 2 && u[0].Acked() && u[1].Acked()
	})
	for _, u := range s.Unsubscribes() {
		if !strings.Contains(u.URL, "/first/") {
			t.Errorf("%s left from %s, want from the first message", u.Recipient, u.URL)
		}
	}
	if got := s.UnsubscribeLater(t.Context(), 0); got != 0 {
		t.Errorf("told again, %d readers leave, want 0", got)
	}
}

func TestThoseWhoLeaveLaterCanBeCalledOff(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 200)
	s := run(t, one(plain, "people: {later: 100%}"), Options{})
	deliver(t, s, "ana@northmail.test", d.URL+"/u/ana")
	ctx, cancel := context.WithCancel(t.Context())
	s.UnsubscribeLater(ctx, 24*time.Hour)
	cancel()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if got := s.Unsubscribes(); len(got) != 0 {
		t.Errorf("called off, and yet %+v", got)
	}
}

func TestClicksThatCannotBeMade(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ url, want string }{
		"off loopback":     {"http://192.0.2.1/u", "the sandbox dials loopback addresses only"},
		"unknown name":     {"http://www.sender.test/u", "www.sender.test has no address in the sandbox's DNS"},
		"no web address":   {"mailto:u@sender.test", "the message has no one-click unsubscribe"},
		"nobody listening": {"http://127.254.254.254:1/u", "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := run(t, one(plain, "people: {unsubscribe: 100%, after: 1ms, within: 1ms}"), Options{})
			deliver(t, s, "ana@northmail.test", test.url)
			eventually(t, "the failure is known", func() bool { u := s.Unsubscribes(); return len(u) == 1 && u[0].Error != "" })
			if u := s.Unsubscribes()[0]; !strings.Contains(u.Error, test.want) || u.Acked() {
				t.Errorf("%+v, want the error %q", u, test.want)
			}
		})
	}
}

func TestNamesOfTheSandboxCanBeClicked(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 200)
	port := d.URL[strings.LastIndexByte(d.URL, ':'):]
	s := run(t, one(plain, "people: {unsubscribe: 100%, after: 1ms, within: 1ms}")+"dns: {records: [www.sender.test A 127.0.0.1]}\n", Options{})
	deliver(t, s, "ana@northmail.test", "http://www.sender.test"+port+"/u")
	deliver(t, s, "ben@northmail.test", "http://localhost"+port+"/u")
	eventually(t, "both have left", func() bool {
		u := s.Unsubscribes()
		return len(u) == 2 && u[0].Acked() && u[1].Acked()
	})
}
