// Package recurrence says when a campaign that repeats goes out.
//
// It stands between a schedule and its runs. A [Rule] is made of three things:
// an RRULE of RFC 5545 such as "FREQ=WEEKLY;BYDAY=TU", a start, which gives the
// time of day and from which intervals are counted, and a time zone.
//
//  1. [Parse] reads the rule and says plainly what is wrong with a bad one
//     (parse.go);
//  2. [Rule.After] and [Rule.Upto] list runs. The rule is worked out on the
//     clock on the wall of its zone, and each run then turned into a moment:
//     nine o'clock stays nine o'clock when clocks are changed (rule.go);
//  3. [Rule.Terms] moves what belongs to the first run, such as a time to finish
//     by, to another one;
//  4. [Rule.Words] says it as people do (words.go).
//
// It makes no runs and knows nothing of campaigns; what is done about runs that
// were missed is decided by whoever asks. Which days a rule means is worked out
// by github.com/teambition/rrule-go.
package recurrence
