package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"
)

// Domain is a domain in From, with everything that mail from it leans on.
type Domain struct {
	Name         string
	Keys         []Record // the TXT records that publish our signing keys
	BounceDomain string   // of the return path; empty while it is not set
	Machine      Machine
	// Listens says that Headway takes the mail that comes back, so that the MX of
	// the return path should lead to it.
	Listens bool
}

// CheckDomain checks SPF, DKIM, DMARC, the return path and its MX, in this order.
func CheckDomain(ctx context.Context, r Resolver, d Domain) []Finding {
	checks := []func(context.Context, Resolver) Finding{d.spf, d.dkim, d.dmarc, d.returnPath, d.mx}
	return together(ctx, r, checks)
}

// together runs checks at the same time and keeps their order.
func together(ctx context.Context, r Resolver, checks []func(context.Context, Resolver) Finding) []Finding {
	findings := make([]Finding, len(checks))
	var running sync.WaitGroup
	for i, check := range checks {
		running.Go(func() { findings[i] = check(ctx, r) })
	}
	running.Wait()
	return findings
}

// organizational is the registered domain that a name belongs to: by which DMARC
// in its relaxed form compares (RFC 7489 §3.2).
func organizational(name string) string {
	if org, err := publicsuffix.EffectiveTLDPlusOne(name); err == nil {
		return org
	}
	return name
}

// returnPath checks that the return path belongs to the domain in From, so that
// a pass of SPF counts for DMARC as well.
func (d Domain) returnPath(context.Context, Resolver) Finding {
	f := Finding{ID: "return_path", Title: "Return path"}
	switch {
	case d.BounceDomain == "":
		return f.fail("No domain is set to which failure reports go.",
			"Set sending.bounce_domain in the settings, for instance to bounces."+organizational(d.Name)+".")
	case organizational(d.BounceDomain) != organizational(d.Name):
		return f.warn(fmt.Sprintf("Reports go to %s, which is not below %s: SPF then does not count for DMARC, and DKIM alone must hold.",
			d.BounceDomain, organizational(d.Name)),
			"Set sending.bounce_domain to a domain such as bounces."+organizational(d.Name)+".")
	}
	return f.pass(fmt.Sprintf("Reports go to %s, which aligns with %s.", d.BounceDomain, d.Name))
}

// mx checks that mail to the return path leads somewhere.
func (d Domain) mx(ctx context.Context, r Resolver) Finding {
	f := Finding{ID: "mx", Title: "MX for bounces"}
	if d.BounceDomain == "" {
		return f.fail("There is no return path yet.", "Set sending.bounce_domain first.")
	}
	f.Record = Record{d.BounceDomain, "MX", "10 " + orExample(d.Machine.HELO, "mail."+organizational(d.BounceDomain))}
	const fix = "Publish this record; the host is the one where inbound.listen takes mail."
	answer, err := r.MX(ctx, d.BounceDomain)
	switch {
	case nothing(err), err == nil && (answer.Implicit || answer.Null):
		return f.fail("No MX record leads mail for "+d.BounceDomain+" anywhere: failure reports and unsubscribe mails are lost.", fix)
	case err != nil:
		return f.open(err)
	}
	for _, h := range answer.Hosts {
		f.Found = append(f.Found, fmt.Sprintf("%d %s", h.Preference, h.Host))
	}
	for _, h := range answer.Hosts {
		if _, err := r.Addrs(ctx, h.Host); nothing(err) {
			return f.fail("The MX host "+h.Host+" has no address.", "Publish an A record for "+h.Host+".")
		}
	}
	if !d.Listens {
		return f.warn("Reports are led to "+answer.Hosts[0].Host+", but no Headway listens for them.",
			"Set inbound.listen in the settings of the machine that the MX names, for instance to 0.0.0.0:25.")
	}
	return f.pass("Reports are led to " + answer.Hosts[0].Host + ".")
}

func orExample(text, example string) string {
	if text == "" {
		return example
	}
	return text
}

// tags reads "v=DKIM1; k=rsa; p=…" (RFC 6376 §3.2). Names are lower case; blanks
// are dropped, inside values too, as keys may be folded.
func tags(record string) map[string]string {
	found := make(map[string]string)
	for part := range strings.SplitSeq(record, ";") {
		name, value, ok := strings.Cut(part, "=")
		if ok {
			found[strings.ToLower(strings.TrimSpace(name))] = strings.Join(strings.Fields(value), "")
		}
	}
	return found
}

// begins returns the records that begin with a version, in whatever case.
func begins(records []string, version string) []string {
	return slices.DeleteFunc(slices.Clone(records), func(r string) bool {
		squeezed := strings.Join(strings.Fields(r), "")
		return len(squeezed) < len(version) || !strings.EqualFold(squeezed[:len(version)], version)
	})
}
