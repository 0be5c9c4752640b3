// Package mailserver runs other people's mail programs as Debian packages them,
// beside Headway and never instead of it: receivers to send to, a sender to be
// compared with, a verifier of signatures.
//
//  1. A [Program] is installed, or its package was only unpacked into a folder:
//     the packages of mail servers exclude each other. [Program.Ready] says in one
//     line why a program cannot be run here.
//  2. [Start] makes a folder for it and lays out there what it reads: the usual
//     settings of the program, which stand in this package, then those of whoever
//     starts it. The queue and the log are in that folder, too.
//  3. The program runs as the machine that it is told to be, in namespaces of its
//     own: with the accounts that its package would have made, without a name
//     server, with the unpacked files where their package puts them. Nothing
//     outside changes.
//  4. Start returns when the program listens. Otherwise the error repeats what it
//     said and logged.
//  5. [Server.Close] ends it with everything that it started, whoever that runs
//     as, and removes the folder. So does the end of the process that called
//     Start, but for the folder.
//
// What a program does with mail, its limits, its TLS and where it passes mail on,
// is its user's business, and so is reading its log.
package mailserver
