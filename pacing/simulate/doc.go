// Package simulate plays pacing policies against receivers in virtual time:
// an hour of sending in a fraction of a second, the same for the same seed.
//
// It shows what the controller of package pacing is worth, beside models of
// how others pace. One run goes like this:
//
//  1. A [Scenario] describes the receiver as data, in the format of the
//     sandbox's providers; thirty to develop against, cold starts and
//     held-out ones are built in ([Sets], [Named]), others are read with [Load].
//
//  2. A [Contender] makes the policy: the controller ([Envelope]) or a rival
//     ([Rivals]).
//
//  3. [Run] lets a sender with mail without end, 40 lanes and 50 messages a
//     second at most follow the policy. Replies are read by the rules of
//     package reply, or hidden (opaque).
//
//  4. What was accepted is compared with what an all-knowing sender could
//     have had (goodput), and refusals that it would not have met are counted
//     (deferrals). One without the other says nothing: rude senders look good
//     until the receiver remembers.
//
//  5. [Play] does this for many and gives a [Table]; [Targets] judges it,
//     [Fallen] compares it with an earlier one, [Ablation] switches parts
//     off, [Plot] draws one run.
//
//  6. [Nodes] plays several nodes that share one state, [Killed] one that dies
//     and comes back with what was saved.
//
// It opens no socket, reads no clock and knows nothing of databases.
package simulate
