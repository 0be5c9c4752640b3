package auth

import (
	"fmt"
	"strings"
)

// Role is what a person is here.
type Role string

// The roles, from the one that may do everything to the one that may only look.
const (
	Owner   Role = "owner"
	Editor  Role = "editor"
	Analyst Role = "analyst"
)

// Roles lists all roles in that order.
func Roles() []Role { return []Role{Owner, Editor, Analyst} }

// ParseRole reads a role from a form or a flag.
func ParseRole(text string) (Role, error) {
	for _, r := range Roles() {
		if strings.EqualFold(strings.TrimSpace(text), string(r)) {
			return r, nil
		}
	}
	return "", fmt.Errorf("%q is not a role; choose owner, editor or analyst", text)
}

// Ability is what a page asks of who opens it.
type Ability string

// What people can do here.
const (
	Look   Ability = "look at everything"               // campaigns, reports, contacts, providers
	Write  Ability = "work on campaigns and lists"      // compose, schedule, import, suppress
	Steer  Ability = "change how providers are paced"   // hold, release, cap
	Manage Ability = "manage people, keys and settings" // users, signing keys, API tokens, erasure
)

var abilities = map[Role][]Ability{
	Owner:   {Look, Write, Steer, Manage},
	Editor:  {Look, Write, Steer},
	Analyst: {Look},
}

// May reports whether somebody of this role has an ability.
func (r Role) May(a Ability) bool {
	for _, has := range abilities[r] {
		if has == a {
			return true
		}
	}
	return false
}
