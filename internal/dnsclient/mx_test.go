package dnsclient

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

const soa = "@ IN SOA ns.test. root.test. 1 3600 600 86400 60\n"

func TestMX(t *testing.T) {
	t.Parallel()
	long := ""
	for range 4 {
		long += "a23456789012345678901234567890123456789012345678901234567890123."
	}
	s := serve(t, soa+`
two        MX 20 b.two
           MX 10 A.two
           MX 10 aa.two
           MX 30 a.two
null       MX 0 .
nullandmx  MX 0 .
           MX 10 mx.two
implicit   A 127.0.0.9
implicit6  AAAA ::1
nothing    TXT "only text"
alias      CNAME two
chain      CNAME alias
dangling   CNAME gone
loop       CNAME pool
pool       CNAME loop
xn--bcher-kva MX 5 mx.books
`, nil)
	clock := newClock()
	r := ask(t, clock, s)
	two := []MX{{"a.two.test", 10}, {"aa.two.test", 10}, {"b.two.test", 20}}
	for name, tc := range map[string]struct {
		domain    string
		want      MXAnswer
		wantErr   error
		temporary bool
		ttl       time.Duration
	}{
		"sorted, lower case, each once": {domain: "two.test", want: MXAnswer{Hosts: two}, ttl: 5 * time.Minute},
		"case and final dot":            {domain: "TWO.Test.", want: MXAnswer{Hosts: two}, ttl: 5 * time.Minute},
		"null MX":                       {domain: "null.test", want: MXAnswer{Null: true}, ttl: 5 * time.Minute},
		"null MX beside a real one":     {domain: "nullandmx.test", want: MXAnswer{Hosts: []MX{{"mx.two.test", 10}}}, ttl: 5 * time.Minute},
		"implicit by A":                 {domain: "implicit.test", want: MXAnswer{Implicit: true, Hosts: []MX{{"implicit.test", 0}}}, ttl: time.Minute},
		"implicit by AAAA":              {domain: "implicit6.test", want: MXAnswer{Implicit: true, Hosts: []MX{{"implicit6.test", 0}}}, ttl: time.Minute},
		"neither MX nor address":        {domain: "nothing.test", wantErr: ErrNoMailHost, ttl: time.Minute},
		"no such domain":                {domain: "gone.test", wantErr: ErrNoDomain, ttl: time.Minute},
		"alias":                         {domain: "alias.test", want: MXAnswer{Hosts: two}, ttl: 5 * time.Minute},
		"alias of an alias":             {domain: "chain.test", want: MXAnswer{Hosts: two}, ttl: 5 * time.Minute},
		"alias to nowhere":              {domain: "dangling.test", wantErr: ErrNoDomain, ttl: time.Minute},
		"aliases in a circle":           {domain: "loop.test", temporary: true, ttl: MinTTL},
		"internationalised":             {domain: "Bücher.test", want: MXAnswer{Hosts: []MX{{"mx.books.test", 5}}}, ttl: 5 * time.Minute},
		"empty":                         {domain: "", wantErr: ErrBadName},
		"empty label":                   {domain: "a..test", wantErr: ErrBadName},
		"space":                         {domain: "a b.test", wantErr: ErrBadName},
		"too long":                      {domain: long + "test", wantErr: ErrBadName},
		"long label":                    {domain: long[:60] + long, wantErr: ErrBadName},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := r.MX(t.Context(), tc.domain)
			if wantSome := tc.wantErr != nil || tc.temporary; (err != nil) != wantSome || tc.wantErr != nil && !errors.Is(err, tc.wantErr) {
				t.Fatalf("error %v, want %v", err, tc.wantErr)
			}
			if Temporary(err) != tc.temporary {
				t.Errorf("temporary is %v for %v", Temporary(err), err)
			}
			if tc.ttl > 0 {
				tc.want.Expires = clock.Now().Add(tc.ttl)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMXFailures(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		bend reply
		want string
	}{
		"SERVFAIL": {
			bend: func(q, a *dns.Msg, _ string) *dns.Msg { a.Rcode = dns.RcodeServerFailure; return a },
			want: "answered SERVFAIL",
		},
		"REFUSED without the question": {
			bend: func(q, a *dns.Msg, _ string) *dns.Msg { a.Rcode, a.Question = dns.RcodeRefused, nil; return a },
			want: "answered REFUSED",
		},
		"referral": {
			bend: func(q, a *dns.Msg, _ string) *dns.Msg {
				ns, _ := dns.NewRR("test. NS ns.test.")
				a.Answer, a.Ns = nil, []dns.RR{ns}
				return a
			},
			want: "answered with a referral: it does not resolve for us",
		},
		"cut over TCP": {
			bend: func(q, a *dns.Msg, _ string) *dns.Msg { a.Truncated = true; return a },
			want: "cut its answer over TCP, too",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, soa+"two MX 10 mx.two\n", tc.bend)
			clock := newClock()
			r := ask(t, clock, s)
			got, err := r.MX(t.Context(), "two.test")
			want := "MX of two.test: server " + s.addr.String() + ": " + tc.want
			if err == nil || err.Error() != want || !Temporary(err) {
				t.Fatalf("error %q (temporary %v), want %q", err, Temporary(err), want)
			}
			if got.Expires != clock.Now().Add(MinTTL) {
				t.Errorf("failure is kept until %v", got.Expires)
			}
			asked := s.times()["MX two.test"]
			r.MX(t.Context(), "two.test")
			if again := s.times(); len(again) != 0 || asked < rounds {
				t.Errorf("asked %d times at first, then %v although the failure was fresh", asked, again)
			}
		})
	}
}
