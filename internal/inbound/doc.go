// Package inbound listens for the mails that come back: failure reports,
// complaints and wishes to leave.
//
// It is where a newsletter's journey ends for those messages that were accepted
// and failed later:
//
//  1. a mail server connects; how many may, from one address and in all, and for
//     how long, is bounded;
//  2. RCPT is answered with 250 only for b.TOKEN and u.TOKEN at the bounce
//     domain, where TOKEN was signed by us and has not run out, and for
//     postmaster, abuse and fbl there. Everything else gets 550: it never relays;
//  3. the mail, of which the first 64 KB are kept, is handed to [Config.Store],
//     and only when that is done the answer is 250: a crash later loses nothing;
//  4. a job reads it (listhygiene/dsn) and does what follows.
//
// It never sends mail, so that nothing can make it answer somebody whose address
// was forged, and it understands nothing of what it takes.
package inbound
