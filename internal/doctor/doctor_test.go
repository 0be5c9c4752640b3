package doctor_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/internal/dnsclient"
	"github.com/headwaymail/headway/internal/doctor"
	"github.com/headwaymail/headway/internal/sandbox"
)

// internet starts a DNS with some records.
func internet(t *testing.T, records ...string) *dnsclient.Resolver {
	t.Helper()
	file, problems, err := sandbox.Load(strings.NewReader(
		"providers:\n  - {name: North, domains: [north.test]}\ndns: {special: [{domain: mute.test, kind: servfail}]}\n"), "test.yaml")
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	world, err := sandbox.Start(context.Background(), file, sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := world.Stop(); err != nil {
			t.Error(err)
		}
	})
	for _, r := range records {
		if err := world.AddRecord(r); err != nil {
			t.Fatal(err)
		}
	}
	resolver, err := dnsclient.New(dnsclient.Config{Servers: []netip.AddrPort{netip.MustParseAddrPort(world.DNSAddr())},
		LoopbackOnly: true, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return resolver
}

// good is everything as it should be.
func good() doctor.Domain {
	return doctor.Domain{Name: "mill.test", BounceDomain: "bounces.mill.test", Listens: true,
		Keys:    []doctor.Record{{Name: "hw._domainkey.mill.test", Type: "TXT", Value: "v=DKIM1; k=rsa; p=QUJDREVG"}},
		Machine: machine()}
}

func machine() doctor.Machine {
	return doctor.Machine{Source: netip.MustParseAddr("198.51.100.7"), HELO: "mail.mill.test"}
}

// published are the records that go with it, by check.
func published() map[string][]string {
	return map[string][]string{
		"spf":   {"bounces.mill.test TXT v=spf1 ip4:198.51.100.7 -all"},
		"dkim":  {"hw._domainkey.mill.test TXT v=DKIM1; k=rsa; p=QUJDREVG"},
		"dmarc": {"_dmarc.mill.test TXT v=DMARC1; p=none; rua=mailto:reports@mill.test"},
		"mx":    {"bounces.mill.test MX 10 mail.mill.test."},
		"helo":  {"mail.mill.test A 198.51.100.7"},
		"ptr":   {"7.100.51.198.in-addr.arpa PTR mail.mill.test."},
	}
}

func TestCheckDomain(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change  func(*doctor.Domain)
		instead map[string][]string // of what is published, by check
		check   string
		want    doctor.Verdict
		says    string
		publish string // the value of the record to publish
	}{
		"SPF good":             {check: "spf", want: doctor.Pass, says: "198.51.100.7 may send"},
		"SPF missing":          {instead: map[string][]string{"spf": nil}, check: "spf", want: doctor.Fail, says: "No SPF record", publish: "v=spf1 ip4:198.51.100.7 -all"},
		"SPF of others":        {instead: map[string][]string{"spf": {"bounces.mill.test TXT v=spf1 include:other.test ~all", "other.test TXT v=spf1 ip4:203.0.113.0/24 -all"}}, check: "spf", want: doctor.Fail, says: "softfail", publish: "v=spf1 ip4:198.51.100.7 include:other.test ~all"},
		"SPF by include":       {instead: map[string][]string{"spf": {"bounces.mill.test TXT v=spf1 include:other.test -all", "other.test TXT v=spf1 ip4:198.51.100.0/24 -all"}}, check: "spf", want: doctor.Pass},
		"SPF by mx":            {instead: map[string][]string{"spf": {"bounces.mill.test TXT v=spf1 mx -all"}}, check: "spf", want: doctor.Pass},
		"SPF twice":            {instead: map[string][]string{"spf": {"bounces.mill.test TXT v=spf1 -all", "bounces.mill.test TXT v=spf1 +all"}}, check: "spf", want: doctor.Fail, says: "2 SPF records"},
		"SPF for everybody":    {instead: map[string][]string{"spf": {"bounces.mill.test TXT v=spf1 +all"}}, check: "spf", want: doctor.Warn, says: "everybody"},
		"SPF broken":           {instead: map[string][]string{"spf": {"bounces.mill.test TXT v=spf1 nonsense:x"}}, check: "spf", want: doctor.Fail, says: "cannot be evaluated"},
		"SPF behind NAT":       {change: func(d *doctor.Domain) { d.Machine.Source = netip.MustParseAddr("10.0.0.2") }, check: "spf", want: doctor.Pass},
		"SPF, no address":      {change: func(d *doctor.Domain) { d.Machine = doctor.Machine{} }, check: "spf", want: doctor.Fail, says: "not known"},
		"SPF, no answer":       {change: func(d *doctor.Domain) { d.BounceDomain = "b.mute.test" }, check: "spf", want: doctor.Unknown, says: "no answer"},
		"a relay that signs":   {change: func(d *doctor.Domain) { d.Keys, d.Machine.Signer = nil, "relay.test" }, check: "dkim", want: doctor.Pass, says: "relay.test signs"},
		"SPF of a relay":       {change: func(d *doctor.Domain) { d.Machine.Relay = "relay.test" }, check: "spf", want: doctor.Pass, says: "relay.test"},
		"DKIM good":            {check: "dkim", want: doctor.Pass},
		"DKIM folded":          {instead: map[string][]string{"dkim": {`hw._domainkey.mill.test TXT "v=DKIM1; k=rsa; p=QUJD" "REVG"`}}, check: "dkim", want: doctor.Pass},
		"DKIM missing":         {instead: map[string][]string{"dkim": nil}, check: "dkim", want: doctor.Fail, says: "no record at hw._domainkey", publish: "v=DKIM1; k=rsa; p=QUJDREVG"},
		"DKIM of another key":  {instead: map[string][]string{"dkim": {"hw._domainkey.mill.test TXT v=DKIM1; p=WFla"}}, check: "dkim", want: doctor.Fail, says: "another key"},
		"DKIM cut":             {instead: map[string][]string{"dkim": {"hw._domainkey.mill.test TXT v=DKIM1; p=QUJD"}}, check: "dkim", want: doctor.Fail, says: "cut after 4"},
		"DKIM revoked":         {instead: map[string][]string{"dkim": {"hw._domainkey.mill.test TXT v=DKIM1; p="}}, check: "dkim", want: doctor.Fail, says: "revokes"},
		"DKIM tested only":     {instead: map[string][]string{"dkim": {"hw._domainkey.mill.test TXT v=DKIM1; t=y; p=QUJDREVG"}}, check: "dkim", want: doctor.Warn, says: "t=y"},
		"no key":               {change: func(d *doctor.Domain) { d.Keys = nil }, check: "dkim", want: doctor.Fail, says: "no key"},
		"DMARC good":           {check: "dmarc", want: doctor.Pass, says: "policy of mill.test is none; reports go to reports@mill.test"},
		"DMARC above":          {change: func(d *doctor.Domain) { d.Name = "news.mill.test" }, check: "dmarc", want: doctor.Pass},
		"DMARC missing":        {instead: map[string][]string{"dmarc": nil}, check: "dmarc", want: doctor.Fail, publish: "v=DMARC1; p=none; rua=mailto:dmarc@mill.test"},
		"DMARC without policy": {instead: map[string][]string{"dmarc": {"_dmarc.mill.test TXT v=DMARC1; rua=mailto:a@mill.test"}}, check: "dmarc", want: doctor.Fail, says: "no policy"},
		"DMARC read by nobody": {instead: map[string][]string{"dmarc": {"_dmarc.mill.test TXT v=DMARC1;p=Reject"}}, check: "dmarc", want: doctor.Warn, says: "reject"},
		"path good":            {check: "return_path", want: doctor.Pass},
		"path elsewhere":       {change: func(d *doctor.Domain) { d.BounceDomain = "bounces.other.test" }, check: "return_path", want: doctor.Warn, says: "not below mill.test"},
		"no path":              {change: func(d *doctor.Domain) { d.BounceDomain = "" }, check: "return_path", want: doctor.Fail},
		"MX good":              {check: "mx", want: doctor.Pass, says: "mail.mill.test"},
		"MX missing":           {instead: map[string][]string{"mx": nil}, check: "mx", want: doctor.Fail, publish: "10 mail.mill.test"},
		"MX to nowhere":        {instead: map[string][]string{"mx": {"bounces.mill.test MX 10 gone.mill.test."}}, check: "mx", want: doctor.Fail, says: "gone.mill.test has no address"},
		"MX, nobody listens":   {change: func(d *doctor.Domain) { d.Listens = false }, check: "mx", want: doctor.Warn, says: "listens"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := published()
			for check, records := range tc.instead {
				all[check] = records
			}
			var records []string
			for _, some := range all {
				records = append(records, some...)
			}
			d := good()
			if tc.change != nil {
				tc.change(&d)
			}
			f := find(t, doctor.CheckDomain(t.Context(), internet(t, records...), d), tc.check)
			if f.Verdict != tc.want || !strings.Contains(f.Words, tc.says) {
				t.Errorf("%s: %s (%s), want %s: %q", f.Verdict, f.Words, f.Fix, tc.want, tc.says)
			}
			if tc.publish != "" && f.Record.Value != tc.publish {
				t.Errorf("to publish: %q, want %q", f.Record.Value, tc.publish)
			}
			if f.Verdict != doctor.Pass && f.Fix == "" {
				t.Error("it does not say what to do")
			}
		})
	}
}

func TestCheckMachine(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		records []string
		machine doctor.Machine
		check   string
		want    doctor.Verdict
		says    string
	}{
		"name good":             {[]string{"mail.mill.test A 198.51.100.7"}, machine(), "helo", doctor.Pass, "leads to 198.51.100.7"},
		"name elsewhere":        {[]string{"mail.mill.test A 198.51.100.8"}, machine(), "helo", doctor.Fail, "leads to 198.51.100.8"},
		"name unknown":          {nil, machine(), "helo", doctor.Fail, "no address"},
		"nothing set":           {nil, doctor.Machine{}, "helo", doctor.Fail, "not set"},
		"reverse good":          {[]string{"mail.mill.test A 198.51.100.7", "7.100.51.198.in-addr.arpa PTR mail.mill.test."}, machine(), "ptr", doctor.Pass, "is called mail.mill.test"},
		"reverse missing":       {nil, machine(), "ptr", doctor.Fail, "has no name"},
		"reverse, another":      {[]string{"vm7.host.test A 198.51.100.7", "7.100.51.198.in-addr.arpa PTR vm7.host.test."}, machine(), "ptr", doctor.Warn, "calls itself"},
		"reverse, one-way":      {[]string{"7.100.51.198.in-addr.arpa PTR vm7.host.test."}, machine(), "ptr", doctor.Fail, "does not lead back"},
		"behind NAT":            {[]string{"mail.mill.test A 198.51.100.7", "7.100.51.198.in-addr.arpa PTR mail.mill.test."}, doctor.Machine{Source: netip.MustParseAddr("0.0.0.0"), HELO: "mail.mill.test"}, "ptr", doctor.Pass, ""},
		"IPv6":                  {[]string{"mail.mill.test AAAA 2001:db8::7", "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR mail.mill.test."}, doctor.Machine{Source: netip.MustParseAddr("2001:db8::7"), HELO: "mail.mill.test"}, "ptr", doctor.Pass, ""},
		"a relay that signs":    {nil, doctor.Machine{Relay: "smtp.relay.test", Signer: "smtp.relay.test"}, "relay", doctor.Pass, "unsigned"},
		"a relay needs no name": {nil, doctor.Machine{Relay: "smtp.relay.test"}, "relay", doctor.Pass, "smtp.relay.test"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := find(t, doctor.CheckMachine(t.Context(), internet(t, tc.records...), tc.machine), tc.check)
			if f.Verdict != tc.want || !strings.Contains(f.Words, tc.says) {
				t.Errorf("%s: %s, want %s: %q", f.Verdict, f.Words, tc.want, tc.says)
			}
		})
	}
}

func find(t *testing.T, findings []doctor.Finding, id string) doctor.Finding {
	t.Helper()
	for _, f := range findings {
		if f.ID == id {
			return f
		}
	}
	t.Fatalf("no check %s among %v", id, findings)
	return doctor.Finding{}
}

func TestCheckDomainKeepsItsOrder(t *testing.T) {
	t.Parallel()
	var ids []string
	for _, f := range doctor.CheckDomain(t.Context(), internet(t), good()) {
		ids = append(ids, f.ID)
	}
	if diff := cmp.Diff([]string{"spf", "dkim", "dmarc", "return_path", "mx"}, ids); diff != "" {
		t.Error(diff)
	}
}

func TestCheckAddress(t *testing.T) {
	t.Parallel()
	answer := func(status int, text string) string {
		site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/healthz" {
				t.Errorf("asked for %s", r.URL.Path)
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(text))
		}))
		t.Cleanup(site.Close)
		return site.URL
	}
	secured := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secured.Close)
	for name, tc := range map[string]struct {
		url  string
		want doctor.Verdict
		says string
	}{
		"ours":          {answer(200, "ok\n"), doctor.Pass, "answers"},
		"with a slash":  {answer(200, "ok\n") + "/", doctor.Pass, "answers"},
		"somebody else": {answer(200, "<!doctype html>"), doctor.Fail, "not Headway"},
		"an error":      {answer(502, "bad gateway"), doctor.Fail, "502"},
		"nobody":        {"http://127.0.0.1:1", doctor.Fail, "does not answer"},
		"own signature": {secured.URL, doctor.Fail, "certificate"},
		"not set":       {"", doctor.Fail, "No address is set"},
		"kept inside":   {"https://news.mill.test", doctor.Pass, "sandbox"},
	} {
		if f := doctor.CheckAddress(t.Context(), tc.url, true); f.Verdict != tc.want || !strings.Contains(f.Words, tc.says) {
			t.Errorf("%s: %s: %s, want %s: %q", name, f.Verdict, f.Words, tc.want, tc.says)
		}
	}
}

func TestWorst(t *testing.T) {
	t.Parallel()
	of := func(verdicts ...doctor.Verdict) (all []doctor.Finding) {
		for _, v := range verdicts {
			all = append(all, doctor.Finding{Verdict: v})
		}
		return all
	}
	if got := doctor.Worst(of(doctor.Pass, doctor.Fail, doctor.Unknown, doctor.Warn)); got != doctor.Fail {
		t.Error(got)
	}
	if got := doctor.Worst(of(doctor.Warn, doctor.Unknown)); got != doctor.Unknown {
		t.Error(got)
	}
	if got := doctor.Worst(nil); got != doctor.Pass {
		t.Error(got)
	}
}
