// Package smtpout opens sessions with the mail hosts of a domain and sends
// messages over them, as fast as the wire allows and without ever guessing
// what became of a message.
//
// It stands between a lane, which decides what is sent and when, and the
// receiver. A message travels so:
//
//  1. [Dialer.Dial] asks for the domain's mail hosts, orders them by preference
//     (equals shuffled, those that failed lately last) and tries one after the
//     other until a host takes the session; of a host's addresses the next is
//     tried beside one that hangs, and one connection is kept;
//  2. greeting, EHLO (HELO where that is refused), and STARTTLS as the
//     [TLSPolicy] says; who did not want us, and at which stage, is in the
//     [Failure];
//  3. [Session.Send] sends one message to one recipient: with CHUNKING and
//     PIPELINING in one flight (MAIL, RCPT, BDAT LAST and the body: one round
//     trip), with PIPELINING in two, else command by command;
//  4. a reader of its own hears what the server says while the body is still
//     being written, so that a 421 in the middle, or between two messages, is
//     never lost behind a "broken pipe";
//  5. the [Outcome] carries the deciding reply with all its lines, whether the
//     session may be used again, and whether the message is in doubt: its last
//     byte was handed to the network and no final reply came.
//
// Everything is bounded: each write and each wait has a time-out, a transaction
// has a budget, replies have limits, and the end of a context takes effect at
// once, even inside a blocked write.
//
// It does not say what a reply means (pacing/reply does), how fast to send
// (pacing does), or whether to try again. It never changes a message, except
// for dot-stuffing and a line end at its end.
package smtpout
