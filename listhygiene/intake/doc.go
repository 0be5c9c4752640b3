// Package intake turns a file of contacts, however it was made, into rows that
// an import can stage.
//
// It stands at the very start of a newsletter's journey. An import
//
//  1. hands the first [SampleSize] bytes to [Sniff], which finds encoding,
//     newlines, delimiter and heading, or refuses the file with line and reason;
//     the user may change every guess and look again with [Preview];
//  2. maps columns with [AutoMap]: by the headings of known exporters, by common
//     headings in several languages, else by content;
//  3. reads with a [Reader], which keeps at most half a megabyte of the file in
//     memory: one bad row is one bad row, a stray quotation mark costs its own
//     line and never the rest of the file;
//  4. makes a [Row] of each record with a [Mapper]: address, fields, status,
//     consent, or a [Problem] with code, words and a suggestion;
//  5. counts outcomes in a [Report], and writes what was refused with a
//     [RejectWriter], so that it can be mended and uploaded again.
//
// Compressed files and workbooks are opened by package intake/unpack. Intake
// stores nothing, asks no list and no DNS, and does not know which contacts
// exist already.
package intake
