// Package mtasts finds out which recipient domains ask for encryption with a
// certificate that holds, and at which mail hosts (MTA-STS, RFC 8461).
//
// It stands before a session is opened. A domain's policy is found so:
//
//  1. the TXT record at _mta-sts.<domain> says that there is a policy, and
//     which edition (§3.1); most domains have none, and that is the end of it;
//  2. a policy of that edition that was fetched before, by this node or another,
//     is used until its max_age is over (§5.1);
//  3. else it is fetched by HTTPS from mta-sts.<domain>, with a certificate that
//     must hold, without following redirects, at most 64 KB (§3.3);
//  4. where that fails, an earlier edition stays in force while it lasts: an
//     attacker who can only block must not be able to take a policy away;
//  5. mode "enforce" becomes a [smtpout.TLSPolicy]; "testing" and "none" ask for
//     nothing.
//
// It sends no reports (RFC 8460) and knows nothing of DANE.
package mtasts
