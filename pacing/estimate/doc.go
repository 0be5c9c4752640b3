// Package estimate says when the mail that waits at a provider will be done,
// and why then and not sooner.
//
// It stands between the pacer, whose state it reads, and whoever shows an end
// or plans for one: live pages, "finish by". What it does, in order:
//
//  1. [Work] is what a campaign has left at one provider: mail that may go
//     now, mail that was put off with the times at which it is due, and what
//     other campaigns have waiting there, by weight (share.go).
//  2. The pace ahead comes from two sides. What was accepted lately says how
//     fast mail really goes, pauses and holds included: the next hour is
//     likely to be like the last one (pace.go). What the pacer knows says what
//     will change: a hold ends, a quota begins anew, a warm-up grows, a lane
//     is no faster than its messages (course.go).
//  3. The work is let run down that course until none is left; mail that was
//     put off joins when it is due (run.go). Of what goes out towards the end
//     a part will be put off once more: the tail (tail.go).
//  4. [For] gives the end with a low and a high bound, and the reason in words
//     (words.go). [Together] is the same for all providers of a campaign.
//
// When too little was sent to say anything, it says so. The package promises
// nothing: how far off it is, is measured over the simulated receivers
// (`headway simulate --calibration`). It reads no clock and no database, and
// decides nothing about the pace.
package estimate
