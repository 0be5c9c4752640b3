// Package receiver is one receiving mail provider as data and a state machine
// in virtual time.
//
// It stands at the far end of a newsletter's journey, where in life a stranger
// decides whether to take a message. The pacing simulator plays controllers
// against it a million messages at a time; the sandbox puts the same
// descriptions behind real sockets. A receiver decides like this:
//
//  1. [Spec] describes the provider: latency, limits, lanes, moods, mailboxes.
//     [Spec.Check] explains every mistake in it.
//  2. [New] makes a [Receiver] from a description, a seed and a start time.
//     The same three and the same calls give the same answers, always.
//  3. [Receiver.Connect] answers a new connection: outages of that host first,
//     then the caps on lanes, then the limits that speak at connect, then noise.
//  4. [Receiver.Mail] answers MAIL: outage, messages per connection, limits
//     that speak there, noise.
//  5. [Receiver.Rcpt] answers RCPT: outage, recipients per message, the
//     mailbox itself, greylisting, limits, noise.
//  6. [Receiver.Data] answers DATA before the 354, [Receiver.Dot] the final
//     dot; a message is accepted if and only if Dot says 250.
//  7. Each [Answer] carries the reply as on the wire, how long the server takes
//     to say it, whether it then closes the connection, and the [Cause], which
//     no sender would be told.
//
// Limits that speak at the same phase are asked together: a command is counted
// by all of them or, when one refuses, by none (except those that count
// refusals). A limit counts the commands that it lets pass, whether or not the
// message is accepted in the end.
//
// The package does not open sockets, sleep, read the clock, parse SMTP or
// classify replies, and it knows nothing of senders beyond their address. A
// Receiver is not safe for use by several goroutines.
package receiver
