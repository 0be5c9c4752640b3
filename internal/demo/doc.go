// Package demo sends a real campaign into a simulated internet and then checks
// every recipient. It goes the whole way of a newsletter:
//
//  1. a database of its own, and the sandbox that a YAML file describes
//     (world.go);
//  2. a DKIM key; a contact list derived from that file, bad rows included,
//     through the real importer; an earlier newsletter to those readers who will
//     leave in the middle of the next (prepare.go);
//  3. the newsletter itself, shown live by whoever runs the demo (demo.go);
//  4. the verification (verify.go): what the ledger says against what the
//     simulated receivers hold.
//
// A demo that was killed is continued by the next one, as long as its campaign
// is unfinished and the description is the same.
package demo
