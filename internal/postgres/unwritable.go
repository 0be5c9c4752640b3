package postgres

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// IsUnwritable reports whether a statement was refused because a text that it was
// given is none: it holds a zero byte, bytes that are no UTF-8, or, in JSON, an
// escaped zero. That is a fault of whoever sent the text.
func IsUnwritable(err error) bool {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return false
	}
	switch refused.Code {
	case "22021", // character_not_in_repertoire
		"22P05": // untranslatable_character
		return true
	}
	return false
}
