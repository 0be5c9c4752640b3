// Package doctor looks at a sender as receivers do: what the DNS says about the
// domain in From, the return path, and the machine that mail comes from.
//
// It stands before the first newsletter:
//
//  1. the caller says who sends: the From domain with the records of its
//     signing keys, the return path's domain, and the machine ([Domain],
//     [Machine]);
//  2. each check asks the DNS, through a resolver that keeps answers for some
//     seconds only, because somebody is publishing records at this moment;
//  3. it becomes a [Finding]: a verdict, what was found, in words, what to do,
//     and the exact record to publish.
//
// SPF is not compared as text but evaluated, with the address that mail leaves
// from, as a receiver evaluates it (RFC 7208).
//
// Beside the DNS it opens the address of the public pages once, as a reader's
// browser does.
//
// It changes nothing, sends no mail and keeps nothing; it does not look into
// blocklists, and what a finding means for a launch is its caller's decision.
package doctor
