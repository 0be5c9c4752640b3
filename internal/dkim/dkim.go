// Package dkim holds the keys of our sending domains and signs messages with
// them (RFC 6376, RFC 8301, RFC 8463).
//
// It stands between rendering and sending:
//
//  1. an operator makes a key ([GenerateRSA], [GenerateEd25519]), keeps it as
//     PEM and publishes the TXT record of [NewRecord];
//  2. a lane renders a message and, just before it is sent, has it signed by
//     [Pool.Sign]: never earlier, because a signature costs more than all the
//     rest of a message;
//  3. the signature comes back as header fields in front of the message.
//
// Canonicalisation is relaxed/relaxed: relays re-fold headers and strip trailing
// spaces, and neither changes what a reader sees. The header fields that a
// reader or a provider acts upon are named once more than they occur, so that
// nobody can add a second From or another unsubscribe link to a signed message.
//
// The package verifies nothing, looks nothing up and stores no keys. Messages
// must come with CRLF line ends: what is hashed is what is sent.
package dkim
