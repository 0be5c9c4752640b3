// Package migrations holds the database schema as goose SQL files.
//
// They are applied in order by internal/postgres, together with River's own
// line of migrations, by `headway migrate` and at every start of a node.
package migrations

import "embed"

// Files are the migrations, named NNNNN_what.sql.
//
//go:embed *.sql
var Files embed.FS
