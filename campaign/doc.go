// Package campaign holds what is sent, to whom and when: the rules of a
// campaign's life, without a database, a network or a clock of its own.
//
// A campaign's journey, and the file that holds each step's rules:
//
//  1. it is drafted with [Content] and [Settings] (content.go, settings.go) and
//     compiled once by package campaign/message;
//  2. it is scheduled at a time in a time zone (schedule.go) and launched: the
//     [Audience] is counted, and each recipient becomes one delivery;
//     its messages go out at any time, or within a [Window] (window.go, hours.go);
//  3. each delivery walks from queued to one final [DeliveryState]
//     (delivery.go); [Decide] turns the result of an attempt into the next
//     state and, for deferred mail, the time of the next try (retry.go);
//  4. [Counters] add the deliveries up, and always add up themselves
//     (counters.go);
//  5. the campaign is finished when every delivery is final (state.go).
//
// It does not decide how fast mail goes out (package pacing), who must not be
// mailed (package listhygiene) or how anything is stored (internal/postgres).
package campaign
