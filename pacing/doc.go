// Package pacing finds, for each receiving provider, the pace it accepts:
// as fast as possible, with almost no refusals.
//
// No receiver tells its limits. Pacing measures them. It stands between the
// lanes, which ask for permits and report what servers said, and whoever
// shows or schedules the sending. What happens at one provider, in order:
//
//  1. [New] starts from a [Profile]: a few messages a second, doubled after
//     every short clean epoch (rate.go). A new source warms up under a daily
//     ceiling (warmup.go); after a silence the start is careful (age.go).
//  2. Lanes send only with permits. [Take] cuts them from the rate as time
//     slots, so that several takers never get more than the rate together
//     (permit.go).
//  3. Every outcome comes back as an [Event]. [Step] sorts refusals by whose
//     trouble they are (step.go), where the words are unknown by where and how
//     they came (infer.go). A recipient's trouble never slows a provider
//     (recipient.go); a host's is steered around (host.go); limits on lanes,
//     on openings and on messages per lane never change the rate (lanes.go,
//     laneless.go, opening.go, perlane.go); a sending domain's moves an
//     envelope of its own (domain.go).
//  4. Refusals that have nothing to do with our rate are let pass: a server's
//     own trouble (trouble.go), noise (noise.go).
//     All others of one burst are one episode: a pause, and a measurement
//     (episode.go). Between two moments at which a limiter was seen empty it
//     accepted exactly its refill rate; so two refusals measure a limit that
//     others hunt for ever (measure.go). Time in which the sender stalled or
//     had nothing to send is left out (offer.go).
//  5. The rate then stays just under the limit. A small budget of refusals,
//     earned by accepted mail, pays for a look above it now and then
//     (budget.go); a rate that was carried not long ago is looked for sooner
//     (carried.go).
//  6. When nothing passes any more, or the server says when to come back, the
//     provider is held; single messages knock at moments at which blocks
//     usually end (hold.go, knock.go).
//  7. How the block ended tells what it was: a quota per clock window
//     (window.go), per sliding window, or a volume that two blocks have in
//     common (sliding.go), or a server that goes away for moments whatever
//     the rate is (flap.go). The rate comes back accordingly (comeback.go).
//  8. Every change is a [Decision] with its reason in plain words; [State.Pace]
//     says at any time what may be done and why. An operator may hold,
//     release, cap or reset (operator.go).
//
// Everything is a value: the same [State], events and time give the same new
// state and decisions. The package opens no connection, reads no clock, keeps
// no goroutine and no database; it does not read reply texts either (package
// reply does) and does not plan the retries of single messages.
package pacing
