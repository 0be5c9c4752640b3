package service

import (
	"context"
	"encoding/json"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
)

// Door is how somebody came in.
type Door string

// The doors.
const (
	Pages       Door = "pages"
	CommandLine Door = "command line"
	API         Door = "API"
)

// Actor is who changes something: for the audit log, and for those who ask
// later why a provider was held.
type Actor struct {
	Name string // an account, a person's login, a token's name
	Door Door
}

// String returns the actor as notes show it: "ana, command line".
func (a Actor) String() string { return a.Name + ", " + string(a.Door) }

// audit records that an actor changed something.
func (s *Service) audit(ctx context.Context, by Actor, at time.Time, action, subject, note string, detail any) error {
	written, err := json.Marshal(detail)
	if err != nil {
		return err
	}
	return s.Store.AddAudit(ctx, postgres.AuditEntry{At: at, Actor: by.Name, Door: string(by.Door), Action: action,
		Subject: subject, Note: note, Detail: written})
}
