// Package sandbox is a simulated internet on loopback: a DNS server, receiving
// mail servers and the people behind the mailboxes, all described by one YAML
// file and driven by its seed.
//
// It stands where the real internet would stand in the journey of a
// newsletter, so that everything before it can be tried whole: the demo, the
// scenario tests and a user who wants to see what Headway does before any
// stranger gets mail.
//
//  1. [Load] reads the file and explains every mistake in it by line and
//     column; [Check] prints that. [Default] is the internet of the demo.
//  2. [File.Contacts] derives the contact list from the seed, bad rows
//     included, and [File.WriteCSV] writes it; both know the truth about each
//     row, so that a run can be judged afterwards.
//  3. [Start] gives every simulated host its own 127.x.y.z, all on one port,
//     and starts the name server.
//  4. Every decision of a receiver is made by package pacing/receiver; go-smtp
//     speaks the protocol behind a thin front that refuses at connect, closes
//     and delays as the receiver wants.
//  5. Each message that gets a 250 has its DKIM signature verified and is
//     recorded before the 250 is written, in memory and, if wanted, in a file
//     that outlives the process.
//  6. People read their mail: some unsubscribe with one click after a while,
//     others when [Sandbox.UnsubscribeLater] tells them to.
//  7. [Sandbox.Stop] ends everything.
//
// It sends no mail, decides no pace, and cannot leave the machine: it listens
// and dials on loopback only.
package sandbox
