package doctor

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
)

// Machine is where mail leaves from.
type Machine struct {
	Source    netip.Addr // as it is set; may be unspecified or private, behind a translation of addresses
	HELO      string     // the name that it gives
	Relay     string     // the relay that takes all mail instead, by its key; empty for none
	Signer    string     // the relays that sign all mail (DKIM) in place of our keys; empty for none
	Sandboxed bool       // loopback addresses are the Internet here
}

var errNoSource = errors.New("the address that mail leaves from is not known")

// outside is the address that receivers see: the source, or where that says
// nothing about the world outside, the address of the HELO name.
func (m Machine) outside(ctx context.Context, r Resolver) (netip.Addr, error) {
	if a := m.Source.Unmap(); a.IsValid() && (m.Sandboxed || a.IsGlobalUnicast() && !a.IsPrivate()) {
		return a, nil
	}
	if m.HELO == "" {
		return netip.Addr{}, errNoSource
	}
	answer, err := r.Addrs(ctx, m.HELO)
	if err != nil {
		return netip.Addr{}, err
	}
	return answer.Addrs[0], nil
}

// CheckMachine checks the name that the machine gives, and the name that its
// address has, in this order. Mail that leaves by a relay needs neither.
func CheckMachine(ctx context.Context, r Resolver, m Machine) []Finding {
	if m.Relay != "" {
		return []Finding{{ID: "relay", Title: "Relay", Verdict: Pass,
			Words: "All mail leaves by the relay " + m.Relay + ", so receivers see its address and names, not ours." + m.signs()}}
	}
	return together(ctx, r, []func(context.Context, Resolver) Finding{m.helo, m.ptr})
}

// signs says whether relays sign.
func (m Machine) signs() string {
	if m.Signer == "" {
		return ""
	}
	return " It goes there unsigned, as " + m.Signer + " signs it."
}

// helo checks that the name leads to the address (RFC 5321 §4.1.4).
func (m Machine) helo(ctx context.Context, r Resolver) Finding {
	f := Finding{ID: "helo", Title: "HELO name"}
	if m.HELO == "" || !m.Source.IsValid() {
		return f.fail("The machine's name and address are not set.",
			"Set sending.source to the address that mail leaves from, and sending.helo_name to the name that it has in DNS.")
	}
	answer, err := r.Addrs(ctx, m.HELO)
	if err != nil && !nothing(err) {
		return f.open(err)
	}
	f.Found = texts(answer.Addrs)
	from, fromErr := m.outside(ctx, r)
	if fromErr == nil {
		f.Record = addressRecord(m.HELO, from)
	}
	switch {
	case len(answer.Addrs) == 0:
		return f.fail(m.HELO+" has no address in DNS.", "Publish an A record that leads to this machine.")
	case fromErr == nil && !slices.Contains(answer.Addrs, from):
		return f.fail(m.HELO+" leads to "+strings.Join(f.Found, ", ")+", and mail leaves from "+from.String()+".", "Publish this record, or correct sending.source.")
	}
	return f.pass(m.HELO + " leads to " + from.String() + ".")
}

// ptr checks that the address has a name that leads back to it, which large
// receivers ask of everybody.
func (m Machine) ptr(ctx context.Context, r Resolver) Finding {
	f := Finding{ID: "ptr", Title: "Reverse name (PTR)"}
	from, err := m.outside(ctx, r)
	if err != nil {
		return f.fail("The address that mail leaves from is not known yet.", "Set sending.source and sending.helo_name first.")
	}
	f.Record = Record{from.String(), "PTR", orExample(m.HELO, "the name of this machine")}
	answer, err := r.Names(ctx, from)
	if err != nil && !nothing(err) {
		return f.open(err)
	}
	f.Found = answer.Names
	const fix = "Ask whoever gave you the address, mostly the hosting company, to set this; it cannot be set in your own zone."
	switch {
	case len(answer.Names) == 0:
		return f.fail(from.String()+" has no name: many receivers refuse mail from it.", fix)
	case slices.Contains(answer.Names, strings.ToLower(m.HELO)):
		return f.pass(from.String() + " is called " + m.HELO + ".")
	}
	for _, name := range answer.Names {
		if back, err := r.Addrs(ctx, name); err == nil && slices.Contains(back.Addrs, from) {
			return f.warn(from.String()+" is called "+name+", but the machine calls itself "+m.HELO+".", "Set sending.helo_name to "+name+", or have the name changed.")
		}
	}
	return f.fail(from.String()+" is called "+answer.Names[0]+", which does not lead back to it.", fix)
}

func addressRecord(name string, a netip.Addr) Record {
	if a.Is6() {
		return Record{name, "AAAA", a.String()}
	}
	return Record{name, "A", a.String()}
}

func texts(addrs []netip.Addr) []string {
	var all []string
	for _, a := range addrs {
		all = append(all, a.String())
	}
	return all
}
