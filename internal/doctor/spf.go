package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"blitiri.com.ar/go/spf"
)

// spf evaluates the record of the return path's domain for the address that
// mail leaves from: receivers ask there (RFC 7208 §2.4), not at the From domain.
func (d Domain) spf(ctx context.Context, r Resolver) Finding {
	f := Finding{ID: "spf", Title: "SPF"}
	if d.BounceDomain == "" {
		return f.fail("There is no return path yet, and SPF is asked of its domain.", "Set sending.bounce_domain first.")
	}
	if d.Machine.Relay != "" {
		return d.relayedSPF(ctx, r, f)
	}
	from, err := d.Machine.outside(ctx, r)
	if err != nil {
		f.Record = Record{d.BounceDomain, "TXT", "v=spf1 ip4:192.0.2.10 -all"}
		return f.fail("The address that mail leaves from is not known.",
			"Set sending.source, or give "+orExample(d.Machine.HELO, "sending.helo_name")+" an A record; the record then names that address in place of 192.0.2.10.")
	}
	answer, err := r.TXT(ctx, d.BounceDomain)
	if err != nil && !nothing(err) {
		return f.open(err)
	}
	records := begins(answer.Records, "v=spf1")
	f.Found = records
	f.Record = Record{d.BounceDomain, "TXT", spfWith(records, from)}
	switch len(records) {
	case 0:
		return f.fail("No SPF record says that "+from.String()+" may send for "+d.BounceDomain+".", "Publish this record.")
	case 1:
	default:
		return f.fail(fmt.Sprintf("There are %d SPF records, so none counts (RFC 7208 §4.5).", len(records)), "Keep one, and delete the others.")
	}
	result, err := spf.CheckHostWithSender(from.AsSlice(), d.Machine.HELO, "b@"+d.BounceDomain,
		spf.WithContext(ctx), spf.WithResolver(evaluator{r}))
	return f.judgeSPF(d, from, result, err)
}

func (f Finding) judgeSPF(d Domain, from netip.Addr, result spf.Result, err error) Finding {
	switch result {
	case spf.Pass:
		if strings.Contains(strings.ToLower(f.Found[0]), "+all") {
			return f.warn("The record lets everybody send for "+d.BounceDomain+".", "End it with -all instead of +all.")
		}
		f.Record = Record{d.BounceDomain, "TXT", f.Found[0]}
		return f.pass(from.String() + " may send for " + d.BounceDomain + ".")
	case spf.TempError:
		return f.open(err)
	case spf.PermError:
		if errors.Is(err, spf.ErrLookupLimitReached) {
			return f.fail("The record needs more than ten look-ups, so receivers give up on it.", "Name networks by ip4: instead of include:, or drop what you do not use.")
		}
		return f.fail(fmt.Sprintf("The record cannot be evaluated: %v.", err), "Publish this one instead.")
	}
	return f.fail("The record does not name "+from.String()+": receivers get "+string(result)+".", "Publish this record instead; it is yours with the address added.")
}

// relayedSPF asks only that there is a record: which addresses a relay sends
// from is the relay's knowledge.
func (d Domain) relayedSPF(ctx context.Context, r Resolver, f Finding) Finding {
	answer, err := r.TXT(ctx, d.BounceDomain)
	if err != nil && !nothing(err) {
		return f.open(err)
	}
	if f.Found = begins(answer.Records, "v=spf1"); len(f.Found) == 1 {
		return f.pass("There is a record; mail leaves by the relay " + d.Machine.Relay + ", so it must name that one's addresses.")
	}
	return f.fail("No SPF record names the relay "+d.Machine.Relay+".", "Publish the record that the relay's operator gives for "+d.BounceDomain+".")
}

// spfWith returns the record to publish: the one that is there with an address
// added, or a new one that names nothing else.
func spfWith(records []string, from netip.Addr) string {
	mechanism := "ip4:" + from.String()
	if from.Is6() {
		mechanism = "ip6:" + from.String()
	}
	if len(records) != 1 {
		return "v=spf1 " + mechanism + " -all"
	}
	words := strings.Fields(records[0])
	return strings.Join(append([]string{words[0], mechanism}, words[1:]...), " ")
}
