// Package bench tries hard to break Headway, and measures it, from the outside:
// it runs the real binary against a simulated internet and compares what the
// ledger says with what the receivers hold.
//
// Kill (kill.go) ends the binary with SIGKILL at random moments in the middle of
// a campaign.
//
// Pacing (pacing.go) measures how fast mail goes through the whole product to
// receivers that limit it, and how often they say no:
//
//  1. a ground (ground.go): a database of its own, a simulated internet, an office
//     that imports and launches; the nodes that send are processes (victim.go);
//  2. a journal of what each receiver saw (pacing_journal.go), beside which stand
//     the pacer's decisions, so that a figure that is missed can be explained;
//  3. what a sender that knows everything could have had accepted
//     (pacing_possible.go);
//  4. simulated receivers, cold and from what was learned (pacing_receivers.go);
//     several nodes on one database (pacing_nodes.go); kills in a hold and in a
//     window (pacing_kill.go);
//  5. the throttles of real mail servers (mta.go), with Postfix as another sender
//     of the same work (mta_rival.go, pacing_servers.go).
//
// Ledger (ledger.go, ledger_moods.go) plays scenarios in which senders are known
// to lose mail, Faults (faults.go, names_door.go, volume.go, faketime.go) every
// fault that can be staged; both count at the receivers. Throughput, Session,
// Launch and Nodes measure speed beside its targets (figure.go), to a receiver as
// fast as we can make one (sink.go), with paces as if learned (learned.go).
//
// Seed (seed.go) fills a database as after two years, and Pages (pages.go, with the
// list of them in page_list.go and a browser's way of loading in page_visit.go)
// loads every page of it.
//
// Nothing here is part of the product's own work.
package bench
