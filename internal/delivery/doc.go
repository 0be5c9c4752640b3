// Package delivery takes deliveries from the ledger to the receiving servers'
// final replies. One [Engine] works in each node.
//
// What it does with a delivery, in order:
//
//  1. the reconciler (reconcile.go) compares due mail with open lanes every
//     second, and whenever it is told to, and asks River for the lanes that are
//     missing;
//  2. a lane (lane.go) is one River job: it works for one provider until
//     nothing is due or its slice ends;
//  3. the lane takes permits from its provider's gate (gate.go) and claims as
//     many deliveries as it has permits, from the campaign whose turn it is
//     (turns.go). Who must not be mailed is left out in the claim. The node's
//     broker (broker.go) fills the gates: about twice a second it exchanges what
//     happened for permits (purse.go), lanes and openings (opening.go), at all
//     providers at once. Each pace is an envelope (envelope.go) in the database,
//     where the nodes also tell each other what they do (shared.go);
//  4. each message is composed and signed (compose.go) and sent over the lane's
//     connection (connection.go) when its permit allows;
//  5. the outcome is committed (writer.go), in groups over all lanes, before
//     the lane sends its next message; the reply goes to the gate. Refusals of a
//     sending domain (domains.go) or of a campaign's content (content.go) slow
//     nobody else;
//  6. what is final by other ways (cancelled, expired, finished) is swept up
//     (sweep.go), and so are claims that were lost on their way (claims.go).
//
// Around it: watch.go keeps in mind what every lane must know before each send
// (campaigns that were paused, people who just left). Whether this node lives, and
// what dead nodes held, is the business of internal/node.
//
// It does not know SMTP (internal/smtpout), does not decide paces (pacing) or
// retries (campaign), and holds no SQL (internal/postgres).
package delivery
