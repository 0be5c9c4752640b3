package risk

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Kind says what a public list holds.
type Kind string

// The kinds of lists.
const (
	KindDisposable Kind = "disposable" // domains of addresses that are thrown away
	KindFree       Kind = "free"       // domains that offer mailboxes to anyone
	KindRole       Kind = "role"       // local parts that name a task, not a person
)

// Kinds returns every kind.
func Kinds() []Kind { return []Kind{KindDisposable, KindFree, KindRole} }

// Load puts a public list in the place of the one of its kind and returns the
// number of its entries. On an error the lists stay as they were.
func (l *Lists) Load(kind Kind, r io.Reader) (int, error) {
	switch kind {
	case KindDisposable, KindFree:
		set, _, err := ReadSet(r)
		if err != nil {
			return 0, err
		}
		if len(set) == 0 {
			return 0, fmt.Errorf("the list of %s domains is empty", kind)
		}
		if kind == KindDisposable {
			l.Disposable = set
		} else {
			l.Free = set
		}
		return len(set), nil
	case KindRole:
		roles, err := readRoles(r)
		if err != nil {
			return 0, err
		}
		l.Roles = roles
		return len(roles), nil
	}
	return 0, fmt.Errorf("%q is no kind of list; there are disposable, free and role", kind)
}

// longestRole bounds a line of a list of roles: a local part has 64 octets.
const longestRole = 64

// readRoles reads one local part a line, with comments after # and empty lines.
func readRoles(r io.Reader) (map[string]bool, error) {
	roles := make(map[string]bool)
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "\ufeff"), "#")
		line = strings.TrimSuffix(strings.TrimSpace(line), "@")
		if line == "" {
			continue
		}
		if len(line) > longestRole || strings.ContainsAny(line, " <>@,;\t") {
			return nil, fmt.Errorf("line %d of the list of roles is no local part; one a line is needed", n)
		}
		roles[plainRole(line)] = true
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read list of roles: %w", err)
	}
	if len(roles) == 0 {
		return nil, fmt.Errorf("the list of roles is empty")
	}
	return roles, nil
}
