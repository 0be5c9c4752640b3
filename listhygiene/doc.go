// Package listhygiene holds the rules about whom not to mail: its words here,
// its work in the packages below it.
//
// The way of an address through them:
//
//  1. intake reads the file in which it came and says which status the person
//     had there;
//  2. address checks its grammar and makes the keys on which duplicates and
//     suppressions are matched;
//  3. risk compares its domain and local part with what is known: typing
//     mistakes, disposable and free-mail domains, role names, relay aliases;
//  4. the verdict and its [Reason]s sum up what is known, and [Decide] makes of
//     them the [Decision] to send, to try in small slices first, or to hold;
//  5. a [Suppression] stands beside the verdict and beats it: [Reason]s for it,
//     its [Scope], and the keys it matches ([SuppressionReason.MatchesCanonical]);
//  6. bounce says what a refused delivery means for the address, and when
//     refusals add up to a suppression.
//
// These packages are pure: values in, values out, the time as an argument. They
// ask no DNS, read no database and send nothing. What a server's reply means is
// decided in pacing/reply alone.
package listhygiene
