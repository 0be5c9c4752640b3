package node

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	gomessage "github.com/emersion/go-message"
	"github.com/emersion/go-smtp"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/service"
)

// mailbox is a mail server that keeps what it takes.
type mailbox struct {
	mu    sync.Mutex
	mails map[string][]byte // guarded by mu; by recipient
}

func (m *mailbox) NewSession(*smtp.Conn) (smtp.Session, error) {
	return &mailboxSession{mailbox: m}, nil
}

type mailboxSession struct {
	*mailbox
	to string
}

func (s *mailboxSession) Mail(string, *smtp.MailOptions) error { return nil }
func (s *mailboxSession) Reset()                               {}
func (s *mailboxSession) Logout() error                        { return nil }

func (s *mailboxSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	return nil
}

func (s *mailboxSession) Data(r io.Reader) error {
	mail, err := io.ReadAll(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails[s.to] = mail
	return err
}

// part returns the last part of a mail, decoded.
func (m *mailbox) part(t *testing.T, to string) string {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	entity, err := gomessage.Read(bytes.NewReader(m.mails[to]))
	if err != nil {
		t.Fatal(err)
	}
	last := ""
	for parts := entity.MultipartReader(); ; {
		part, err := parts.NextPart()
		if err != nil {
			return last
		}
		body, err := io.ReadAll(part.Body)
		if err != nil {
			t.Fatal(err)
		}
		last = string(body)
	}
}

// A newsletter is sent, somebody reads it, and what they do arrives in the report:
// the links of the mail as it was received lead where they should.
func TestReadersAreCounted(t *testing.T) {
	t.Parallel()
	box := &mailbox{mails: make(map[string][]byte)}
	server := smtp.NewServer(box)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	internet, domains := quick(1)
	r := newRig(t, internet)
	r.config.Roles, r.config.Web.Listen = []string{"lanes", "bulk", "web"}, "127.0.0.1:0"
	r.config.Sending.Relays = []string{"* smtp://" + listener.Addr().String()}
	n := r.node()
	r.launch(n, 3, domains...)
	settings := campaign.DefaultSettings()
	settings.Tracking.Opens = true
	id, err := n.Service.CreateCampaign(t.Context(), service.Draft{Name: "Sale", Lists: []string{"Readers"}, Settings: settings,
		Content: campaign.Content{FromAddress: "notes@sender.test", Subject: "Sale", PostalAddress: "1 Harbour Lane",
			Markdown: "[Shop](https://shop.test/autumn?a=1&b=2) [Page]({{ view_url }}) [Leave]({{ unsubscribe_url }})"}})
	r.must(err)
	r.must(n.Service.Launch(t.Context(), id))
	r.until(time.Minute, "finished", func() bool { return r.campaign(n, id).State == campaign.Finished })
	r.number(`with later as (update deliveries set updated_at = updated_at - interval '1 hour' returning 1) select count(*) from later`)

	get := func(url string) *http.Response {
		t.Helper()
		request, err := http.NewRequest(http.MethodGet, url, nil)
		r.must(err)
		request.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0")
		response, err := http.DefaultTransport.RoundTrip(request)
		r.must(err)
		t.Cleanup(func() { response.Body.Close() })
		return response
	}
	html := box.part(t, "reader1@"+domains[0])
	found := make(map[string]string) // the last link of each kind
	for _, m := range regexp.MustCompile(regexp.QuoteMeta(n.URL())+`/([a-z])/[a-z2-7]+`).FindAllStringSubmatch(html, -1) {
		found[m[1]] = m[0]
	}
	if strings.Contains(html, "shop.test") || len(found) != 4 {
		t.Fatalf("links %v in\n%s", found, html)
	}
	if click := get(found["c"]); click.StatusCode != http.StatusFound || click.Header.Get("Location") != "https://shop.test/autumn?a=1&b=2" {
		t.Errorf("the link: %s to %q", click.Status, click.Header.Get("Location"))
	}
	if open := get(found["o"]); open.Header.Get("Content-Type") != "image/gif" {
		t.Errorf("the image: %s %v", open.Status, open.Header)
	}
	page, err := io.ReadAll(get(found["v"]).Body)
	if err != nil || !strings.Contains(string(page), `href="https://shop.test/autumn?a=1&amp;b=2"`) || strings.Contains(string(page), "/c/") {
		t.Errorf("the page: %v\n%s", err, page)
	}
	if leave := get(found["u"]); leave.StatusCode != http.StatusOK {
		t.Errorf("to leave: %s", leave.Status)
	}
	sent := r.campaign(n, id)
	r.must(n.Stop()) // everything is recorded then
	again := r.node()
	did, err := again.Service.Readership(t.Context(), sent)
	if err != nil || did.Clicks.People != 1 || did.Opens.People != 1 || did.Clicks.Programs != 0 || len(did.Links) != 1 || did.Links[0].People != 1 {
		t.Errorf("readers did %+v, %v", did, err)
	}
	if checked, err := again.Database.Store.Check(t.Context()); err != nil || len(checked.Differences) > 0 {
		t.Errorf("the sums differ from the rows: %+v, %v", checked.Differences, err)
	}
}
