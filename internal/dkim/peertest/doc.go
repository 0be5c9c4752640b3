// Package peertest holds no code, only tests that hand what we sign to other
// people's software and read its verdict:
//
//  1. a newsletter is compiled, rendered and signed with an RSA and an Ed25519
//     key, as a lane does it;
//  2. OpenDKIM, as a milter of a Postfix that receives the message over SMTP,
//     says in Authentication-Results whether the signature holds;
//  3. dkimpy says the same of both signatures;
//  4. a message that was changed on the way must fail with each of them.
//
// Debian has them in the packages postfix, opendkim and python3-dkim. Where one
// is missing its tests are skipped with one line. Everything runs on loopback, and
// the mail programs beside the system's own (internal/mailserver).
package peertest
