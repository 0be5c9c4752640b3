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

	// How many days a report looks back.
	daysDefault = 30
	daysMost    = 3650
)

// page is the part of a collection that a call asks for.
type page struct {
	limit int
	after int64 // where the page before ended; 0 at the beginning
	days  int   // how far back a report looks
}

// readQuery reads limit, cursor and days, and refuses what a route does not take
// or takes otherwise.
func readQuery(query url.Values, r route) (page, error) {
	p := page{limit: pageDefault, days: daysDefault}
	own := make(map[string]parameter)
	for _, parameter := range r.parameters() {
		own[parameter.name] = parameter
	}
	for name, values := range query {
		parameter, known := own[name]
		if known = known || r.paged && (name == "limit" || name == "cursor") || r.spans() && name == "days"; !known {
			return p, &Problem{Status: http.StatusBadRequest, Code: "unknown_parameter", Field: name,
				Detail: fmt.Sprintf("this address takes no parameter %q", name)}
		}
		if len(values) != 1 && !parameter.repeatable {
			return p, &Problem{Status: http.StatusBadRequest, Code: "invalid_parameter", Field: name,
				Detail: fmt.Sprintf("%s is given %d times", name, len(values))}
		}
	}
	for _, parameter := range r.parameters() {
		if err := parameter.check(query[parameter.name]); err != nil {
			return p, err
		}
	}
	if err := readNumber(query, "limit", pageMost, &p.limit); err != nil {
		return p, err
	}
	if err := readNumber(query, "days", daysMost, &p.days); err != nil {
		return p, err
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

// readNumber reads a parameter from 1 to most, if it is given.
func readNumber(query url.Values, name string, most int, into *int) error {
	text := query.Get(name)
	if text == "" {
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return &Problem{Status: http.StatusBadRequest, Code: "invalid_parameter", Field: name,
			Detail: fmt.Sprintf("%s is %q; it must be a number from 1 to %d", name, text, most)}
	}
	*into = n
	return nil
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
