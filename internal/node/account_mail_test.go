package node

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/headwaymail/headway/internal/auth"
	"github.com/headwaymail/headway/internal/sandbox"
	"github.com/headwaymail/headway/internal/service"
)

var joinLink = regexp.MustCompile(`http://127\.0\.0\.1:\d+/join/([A-Za-z0-9_-]{43})`)

// An invitation and a way to a new password travel as mail like all others, and
// the links in them are good once.
func TestAccountMail(t *testing.T) {
	t.Parallel()
	internet, domains := quick(1)
	r := newRig(t, internet)
	r.config.Roles = []string{"web", "lanes", "bulk"}
	r.config.Web.Listen = "127.0.0.1:0"
	n := r.node()
	ctx := t.Context()
	ann, bob := "ann@"+domains[0], "bob@"+domains[0]
	by := service.Actor{Name: "Ann {{ once }}\nBcc: eve@" + domains[0], Door: service.Pages}
	r.must(n.Service.FirstOwner(ctx, service.NewUser{Address: ann, Name: "Ann"}, "four unrelated words"))

	over, err := n.Service.InviteByMail(ctx, service.NewUser{Address: "early@" + domains[0], Role: auth.Analyst}, n.URL(), by)
	if r.must(err); over.Mailed || over.Secret == "" || !strings.Contains(over.Why, "No domain can send yet") {
		t.Errorf("without a sending domain: %+v", over)
	}
	record, err := n.Service.GenerateDKIM(ctx, "sender.test", "")
	r.must(err)
	r.sandbox.AddTXT(record.Name, record.Value)
	over, err = n.Service.InviteByMail(ctx, service.NewUser{Address: bob, Name: "Bob", Role: auth.Editor}, n.URL(), by)
	if r.must(err); !over.Mailed || over.Secret != "" {
		t.Fatalf("not mailed: %+v", over)
	}
	mail := r.letter(bob, 1)
	if mail.DKIM.Result != sandbox.DKIMPass || !mail.DKIM.Aligned {
		t.Errorf("its signature: %+v", mail.DKIM)
	}
	text := string(mail.Body)
	for _, part := range []string{"invites you to work with Headway", "From: Headway <headway@sender.test>"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in\n%s", part, text)
		}
	}
	for _, part := range []string{"\nList-Unsubscribe:", "\nList-ID:", "\nBcc:", "/u/"} {
		if strings.Contains(text, part) {
			t.Errorf("%q is in\n%s", part, text)
		}
	}
	link := linkIn(t, text)
	if stored := r.number(`select count(*) from campaigns where content::text like '%' || $1 || '%'`, link); stored != 0 {
		t.Error("the database holds the secret of the link")
	}
	browser := newBrowser(t)
	if a := browser.get(n.URL() + "/join/" + link); a.StatusCode != http.StatusOK {
		t.Errorf("the link: %s", a.Status)
	}
	if a := browser.post(n.URL()+"/join/"+link, url.Values{"password": {"harbour lantern clover"}}); a.Request.URL.Path != "/" {
		t.Errorf("after choosing a password: %s at %s", a.Status, a.Request.URL)
	}
	if a := browser.get(n.URL() + "/join/" + link); a.StatusCode != http.StatusGone {
		t.Errorf("the link is good twice: %s", a.Status)
	}

	// A forgotten password: the answer is the same for everybody.
	answers := map[string]string{}
	for _, address := range []string{bob, "nobody@" + domains[0]} {
		a := newBrowser(t).post(n.URL()+"/forgot", url.Values{"address": {address}})
		body, err := io.ReadAll(a.Body)
		r.must(err)
		answers[strings.ReplaceAll(string(body), address, "X")] += address + " "
		if a.StatusCode != http.StatusOK || !strings.Contains(string(body), "a mail is on its way") {
			t.Errorf("%s: %s\n%s", address, a.Status, body)
		}
	}
	if len(answers) != 1 {
		t.Errorf("the answer tells who works here: %v", answers)
	}
	reset := r.letter(bob, 2)
	if !strings.Contains(string(reset.Body), "Somebody asked for a new password") {
		t.Errorf("got\n%s", reset.Body)
	}
	if got := r.number(`select count(*) from campaigns where name like 'New password%'`); got != 1 {
		t.Errorf("%d mails for two questions, of which one was about nobody", got)
	}
	second := linkIn(t, string(reset.Body))
	if second == link {
		t.Error("the same secret again")
	}
	r.must(n.Service.ChoosePassword(ctx, second, "another lantern clover"))
	for i := range 10 {
		if a := newBrowser(t).post(n.URL()+"/forgot", url.Values{"address": {bob}}); a.StatusCode == http.StatusTooManyRequests {
			if i < 2 {
				t.Errorf("throttled at question %d", i+2)
			}
			return
		}
	}
	t.Error("nobody stops who asks again and again")
}

// letter waits for the nth message that an address got.
func (r *rig) letter(address string, n int) (found sandbox.Message) {
	r.t.Helper()
	r.until(time.Minute, "a message to "+address, func() bool {
		got := 0
		for _, m := range r.sandbox.Received() {
			if m.Recipient == address {
				if got++; got == n {
					found = m
					return true
				}
			}
		}
		return false
	})
	return found
}

func linkIn(t *testing.T, text string) string {
	t.Helper()
	unfolded := strings.NewReplacer("=\r\n", "", "=3D", "=").Replace(text)
	found := joinLink.FindStringSubmatch(unfolded)
	if found == nil {
		t.Fatalf("no link in\n%s", text)
	}
	return found[1]
}

// newBrowser keeps cookies, follows redirects and names its origin.
func newBrowser(t *testing.T) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	return &browser{t, &http.Client{Jar: jar, Transport: transport}}
}

type browser struct {
	t      *testing.T
	client *http.Client
}

func (b *browser) get(address string) *http.Response {
	b.t.Helper()
	a, err := b.client.Get(address)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { a.Body.Close() })
	return a
}

func (b *browser) post(address string, form url.Values) *http.Response {
	b.t.Helper()
	a, err := b.client.PostForm(address, form)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { a.Body.Close() })
	return a
}
