// Package web is the pages: what a team sees of its campaigns, and what readers
// come to from a message.
//
//  1. A request passes the guards: security headers, then, unless the address
//     is public, the password, the same-origin rule and a look at the host name
//     (guard.go).
//  2. Its handler reads what was asked for, calls internal/service and fills a
//     view model: typed, with every figure that the page shows (campaign.go,
//     provider.go, …). The same view model is the page, the JSON and the CSV.
//  3. The page is drawn by html/template (render.go). It is whole without
//     scripts.
//  4. With scripts, the page asks for its live part: the server draws that part
//     once per tick, however many people look, and sends it to all of them as
//     server-sent events (stream.go, snapshot.go).
//
// What readers come to needs no login: the links to unsubscribe and to choose
// what they get, where GET shows and POST acts (unsubscribe.go, preferences.go),
// a newsletter in the browser (view.go), links that are counted (counted.go), and
// images (public_image.go).
//
// The package holds no rules of mailing, writes no SQL and keeps nothing but
// the last snapshots, from which rates are measured.
package web
