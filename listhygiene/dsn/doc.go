// Package dsn reads the mails that come back to a return path: failure reports,
// complaints, automatic answers and wishes to leave.
//
// It stands at the very end of a newsletter's journey, days after a server took
// the message:
//
//  1. [Read] bounds the mail, unifies its newlines and walks its MIME parts, with
//     limits on their depth and number;
//  2. it says what kind of mail it is: a feedback report (RFC 5965) is a
//     complaint; per-recipient fields (RFC 3464, RFC 6533) or the words of mail
//     software make a failure, a delay or a success; RFC 3834 marks, and subjects
//     in many languages, make an automatic answer;
//  3. for failures it lists each recipient with everything said about it: the
//     Diagnostic-Code, a reply quoted in the text, the text, the Status;
//  4. [Report.Judge] asks the rules of pacing/reply about these in that order and
//     takes the first that rests on words, and else the first that rests on a
//     code;
//  5. [Report.Tokens] lists where our signed token may stand, the most reliable
//     place first.
//
// It does not check tokens, decide what becomes of an address (listhygiene/bounce
// does) or keep anything: the same mail always gives the same report. A mail
// proves nothing by itself: who believes a report must have checked a token.
package dsn
