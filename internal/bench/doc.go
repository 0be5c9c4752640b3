// Package bench tries hard to break Headway, and measures it, from the outside:
// it runs the real binary against a simulated internet and compares what the
// ledger says with what the receivers hold.
//
// Kill (kill.go) ends the binary with SIGKILL at random moments in the middle of
// a campaign. Nothing here is part of the product's own work.
package bench
