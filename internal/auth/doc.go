// Package auth knows who works with Headway, and what each may do: passwords,
// roles, and the random secrets of sessions and links.
//
// It stands behind the login page:
//
//  1. a password is kept as an argon2id hash (RFC 9106), so slow to guess that
//     a stolen database is not a list of passwords;
//  2. who logs in gets a session: 32 random bytes in a cookie, of which only the
//     SHA-256 is kept;
//  3. a [Role] says what the person may do, an [Ability] what a page asks for;
//  4. invitations and password resets are links with such secrets, good once;
//  5. a [Throttle] slows whoever tries passwords, by account and by address.
//
// It keeps nothing itself: internal/postgres has the rows, internal/service the
// rules of who may change whom, internal/web the cookie.
package auth
