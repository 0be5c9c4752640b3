// Package verification turns what is known about an address into a verdict: the
// claim that it takes mail, does not, or is not known to, with the reasons.
//
// It stands between import and launch in the journey of a newsletter:
//
//  1. a look at the DNS has said what a domain does with mail ([Domain]); one
//     look serves all its contacts, and [NextLook] says when the next is due;
//  2. the ledger has said what became of our own messages ([History]);
//  3. a [Judge], which holds the lists of disposable and free-mail domains, puts
//     both together with what the address gives away by itself ([Facts]) and
//     returns a [Result]: verdict, ordered reasons, attributes, evidence, and
//     until when it holds;
//  4. listhygiene.Policy makes of the verdict the decision to mail.
//
// Proof beats guesses: an accepted message or a confirmed subscription outweighs
// a role name, and only a host's own refusal, or a domain that is gone, outweighs
// proof. A domain that was not found once is not condemned: see [Gone].
//
// It asks no DNS, opens no connection and never calls a mail host to try an
// address: large providers forbid such calls and answer them falsely.
package verification
