package doctor

import (
	"context"
	"fmt"
	"strings"
)

// dmarc looks for a policy at the From domain and, where there is none, at its
// organizational domain (RFC 7489 §6.6.3).
func (d Domain) dmarc(ctx context.Context, r Resolver) Finding {
	f := Finding{ID: "dmarc", Title: "DMARC"}
	org := organizational(d.Name)
	f.Record = Record{"_dmarc." + org, "TXT", "v=DMARC1; p=none; rua=mailto:dmarc@" + org}
	for _, name := range []string{d.Name, org} {
		answer, err := r.TXT(ctx, "_dmarc."+name)
		if err != nil && !nothing(err) {
			return f.open(err)
		}
		if records := begins(answer.Records, "v=DMARC1"); len(records) > 0 {
			f.Found, f.Record.Name = records, "_dmarc."+name
			return f.judgeDMARC(name)
		}
	}
	return f.fail("There is no DMARC record for "+org+". Gmail and Yahoo ask bulk senders for one.",
		"Publish this record. It changes nothing for your mail yet, and brings reports to the address in it.")
}

func (f Finding) judgeDMARC(name string) Finding {
	if n := len(f.Found); n > 1 {
		return f.fail(fmt.Sprintf("There are %d DMARC records, so none counts.", n), "Keep one.")
	}
	found := tags(f.Found[0])
	switch policy := strings.ToLower(found["p"]); {
	case policy != "none" && policy != "quarantine" && policy != "reject":
		return f.fail("The record at _dmarc."+name+" has no policy that exists (p=).", "Publish this record instead.")
	case found["rua"] == "":
		return f.warn("The policy of "+name+" is "+policy+", and nobody gets its reports.", "Add rua=mailto: with an address that you read.")
	default:
		f.Record.Value = f.Found[0]
		return f.pass("The policy of " + name + " is " + policy + "; reports go to " + strings.ReplaceAll(found["rua"], "mailto:", "") + ".")
	}
}
