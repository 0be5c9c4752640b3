// Package api is the door for programs: JSON over HTTP at /api/v1, with the
// same service behind it as the pages and the command line.
//
//  1. A call passes [Server.ServeHTTP]. Its token, from the Authorization
//     header, must be in force and of a scope that the route asks for
//     (authenticate.go). Who fails too often waits (throttle.go).
//  2. The query and the body are read strictly: what is not known is refused
//     with its name and place (query.go, body.go).
//     A file of contacts is handed on as it comes (upload.go).
//  3. A call with an Idempotency-Key is made once; the same call made again
//     gets the same answer (idempotency.go).
//  4. The route's function calls internal/service and returns a value of the
//     package's own types, with names in snake_case (provider.go, campaign.go,
//     list.go), or a file of rows (csv.go). Every error becomes a problem by RFC 9457 (problem.go).
//  5. What all routes take and give is told by the OpenAPI document, which is
//     made from the table of routes and their Go types (routes.go, openapi.go,
//     schema.go).
//
// The package holds no rules and no SQL, and keeps nothing but the count of
// failed authentications.
package api
