// Package node puts the parts of one process together and takes them apart
// again, in this order:
//
//  1. the database: the user's own, or the embedded one, brought to the newest
//     schema (database.go);
//  2. the pages, so that the address in unsubscribe links is known (pages.go);
//  3. the node enters its name, and its engine and job queue begin to work
//     (node.go);
//  4. on a signal, lanes finish the message in flight, records are written,
//     connections are closed, mail in hand and jobs go back, and the database is
//     stopped if nobody else uses it.
//
// A node that the others took for dead begins again under a new name.
package node
