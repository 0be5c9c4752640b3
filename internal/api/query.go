package api

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

const (
	pageDefault = 50
	pageMost    = 200
)

// page is the part of a collection that a call asks for.
type page struct {
	limit int
	after int64 // where the page before ended; 0 at the beginning
}

// readQuery reads limit and cursor, and refuses what a route does not take.
func readQuery(query url.Values, r route) (page, error) {
	p := page{limit: pageDefault}
	for name, values := range query {
		if !r.paged || name != "limit" && name != "cursor" {
			return p, &Problem{Status: http.StatusBadRequest, Code: "unknown_parameter", Field: name,
				Detail: fmt.Sprintf("this address takes no parameter %q", name)}
		}
		if len(values) != 1 {
			return p, &Problem{Status: http.StatusBadRequest, Code: "invalid_parameter", Field: name,
				Detail: fmt.Sprintf("%s is given %d times", name, len(values))}
		}
	}
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > pageMost {
			return p, &Problem{Status: http.StatusBadRequest, Code: "invalid_parameter", Field: "limit",
				Detail: fmt.Sprintf("limit is %q; it must be a number from 1 to %d", text, pageMost)}
		}
		p.limit = n
	}
	if text := query.Get("cursor"); text != "" {
		decoded, err := base64.RawURLEncoding.DecodeString(text)
		if err == nil {
			p.after, err = strconv.ParseInt(string(decoded), 10, 64)
		}
		if err != nil || p.after < 1 {
			return p, &Problem{Status: http.StatusBadRequest, Code: "invalid_parameter", Field: "cursor",
				Detail: "the cursor is not one of ours; take it from the field next of the page before"}
		}
	}
	return p, nil
}

// cursor is where a page ended, for the next one.
func cursor(after int64) string {
	return base64.RawURLEncoding.EncodeToString(strconv.AppendInt(nil, after, 10))
}

// cut returns the part of a whole collection that the page asks for, and the
// cursor of the next one. Its cursors count.
func cut[T any](p page, all []T) ([]T, string) {
	from := min(int(p.after), len(all))
	upto := min(from+p.limit, len(all))
	next := ""
	if upto < len(all) {
		next = cursor(int64(upto))
	}
	return all[from:upto], next
}
