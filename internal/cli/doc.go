// Package cli is the command line: one file per command, each with its options,
// its run function and its output as text and as JSON. Commands call the same
// service as the pages do.
//
// Exit codes: 0 all went well; 1 it did not, and one line on standard error says
// why; 2 the command line itself cannot be used; 3 something was found that
// should not be (`check`, `demo --exit`, `bench kill`).
package cli
