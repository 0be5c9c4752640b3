// Package pacing finds, for each receiving provider, the pace it accepts:
// as fast as possible, with almost no refusals.
//
// No receiver tells its limits. Pacing measures them. It stands between the
// lanes, which ask for permits and report what servers said, and whoever
// shows or schedules the sending. What happens at one provider, in order:
//
//  1. [New] starts from a [Profile]: a few messages a second, doubled after
//     every short clean epoch (rate.go).
//  2. Lanes send only with permits. [Take] cuts them from the rate as time
//     slots, so that several takers never get more than the rate together
//     (permit.go).
//  3. Every outcome comes back as an [Event]. [Step] sorts refusals by whose
//     trouble they are: a recipient's never slows a provider, a lane's never
//     changes the rate (step.go, lanes.go, opening.go, perlane.go).
//  4. One burst of refusals is one episode: a pause, and a measurement
//     (episode.go). Between two moments at which a limiter was seen empty it
//     accepted exactly its refill rate; so two refusals measure a limit that
//     others hunt for ever (measure.go).
//  5. The rate then stays just under the limit. A small budget of refusals,
//     earned by accepted mail, pays for a look above it now and then
//     (budget.go).
//  6. When nothing passes any more, or the server says when to come back, the
//     provider is held; single messages knock at moments at which blocks
//     usually end (hold.go, knock.go), and the rate comes back by what the
//     block was (comeback.go).
//  7. Every change is a [Decision] with its reason in plain words; [State.Pace]
//     says at any time what may be done and why.
//
// Everything is a value: the same [State], events and time give the same new
// state and decisions. The package opens no connection, reads no clock, keeps
// no goroutine and no database; it does not read reply texts either (package
// reply does) and does not plan the retries of single messages.
package pacing
