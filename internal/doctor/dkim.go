package doctor

import (
	"context"
	"fmt"
	"strings"
)

// dkim checks that every signing key can be found where receivers look for it,
// and that it is ours (RFC 6376 §3.6.2). Where relays sign, the key is theirs.
func (d Domain) dkim(ctx context.Context, r Resolver) Finding {
	f := Finding{ID: "dkim", Title: "DKIM"}
	if d.Machine.Signer != "" {
		return f.pass("The relay " + d.Machine.Signer + " signs, with a key that its operator publishes; ours are not used.")
	}
	if len(d.Keys) == 0 {
		return f.fail("There is no key to sign with.", "Make one on this page, or with `headway dkim generate "+d.Name+"`.")
	}
	for _, key := range d.Keys {
		if checked := f.dkimKey(ctx, r, key); checked.Verdict != Pass {
			return checked
		}
	}
	f.Record = d.Keys[0]
	return f.pass(fmt.Sprintf("The public key is published at %s, and is the one that signs.", d.Keys[0].Name))
}

func (f Finding) dkimKey(ctx context.Context, r Resolver, key Record) Finding {
	f.Record = key
	answer, err := r.TXT(ctx, key.Name)
	if err != nil && !nothing(err) {
		return f.open(err)
	}
	f.Found = answer.Records
	if len(answer.Records) == 0 {
		return f.fail("There is no record at "+key.Name+": no signature can be verified.", "Publish this record.")
	}
	if len(answer.Records) > 1 {
		return f.fail(fmt.Sprintf("There are %d records at %s; receivers may take either.", len(answer.Records), key.Name), "Keep this one only.")
	}
	there, ours := tags(answer.Records[0]), tags(key.Value)
	switch {
	case there["p"] == "":
		return f.fail("The record at "+key.Name+" holds no key: it revokes the one that signs.", "Publish this record instead.")
	case there["p"] != ours["p"]:
		return f.fail("The record at "+key.Name+" holds another key than the one that signs"+shortened(there["p"], ours["p"])+".", "Publish this record instead.")
	case testing(there["t"]):
		return f.warn("The record says that the domain only tests DKIM (t=y), so receivers may ignore it.", "Take t=y away.")
	}
	return f.pass("")
}

// testing reports whether a t= tag holds the flag y.
func testing(flags string) bool {
	for flag := range strings.SplitSeq(flags, ":") {
		if flag == "y" {
			return true
		}
	}
	return false
}

// shortened explains a key that was cut where a record's strings end: some DNS
// forms take 255 characters only.
func shortened(there, ours string) string {
	if strings.HasPrefix(ours, there) {
		return ", cut after " + fmt.Sprint(len(there)) + " characters"
	}
	return ""
}
