// Package dnsclient answers the questions that delivery and verification put
// to the DNS, remembers the answers for as long as their owners allow, and
// never mixes up "there is none" with "nobody could say".
//
// It stands at the beginning of every delivery: the address's domain becomes
// mail hosts, and these become addresses to connect to. A question travels so:
//
//  1. the name is brought to its wire form: lower case, A-labels for
//     internationalised names (RFC 5891), no trailing dot;
//  2. the cache is asked; entries live for the smallest TTL of their records,
//     within [MinTTL] and [MaxTTL], and negative ones as RFC 2308 says;
//  3. callers who ask for the same thing at the same time share one query;
//  4. the configured servers are asked in turn over UDP with EDNS0, over TCP
//     when the answer was cut, and without EDNS0 where a server refuses it;
//  5. CNAME chains are followed, inside the answer or by further queries;
//  6. the outcome is records, or an [Error] whose cause says which kind of
//     nothing it is: [ErrNoDomain], [ErrNoRecords], [ErrNoMailHost],
//     [ErrBadName], or a temporary failure.
//
// It does not walk the tree from the root: it is a stub that needs recursive
// servers (in the sandbox, the sandbox's own). It does not check DNSSEC
// signatures: the AD bit is passed on as the server said it, and is worth as
// much as the path to that server. It does not decide what a missing domain
// means for an address: that is list hygiene's work.
package dnsclient
