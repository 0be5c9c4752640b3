package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene"
	"github.com/headwaymail/headway/listhygiene/address"
)

// Suppressing is the wish that an address or a whole domain gets no mail.
type Suppressing struct {
	What    string                        // an address, or a domain: example.com or @example.com
	List    string                        // only this list; empty for everything
	Reason  listhygiene.SuppressionReason // defaults to manual
	Note    string                        // why, for others to read
	By      string                        // who; empty for the command line
	Expires time.Time                     // zero for good
}

// ErrSuppression is the cause of errors in what a person wants suppressed.
var ErrSuppression = errors.New("it cannot be suppressed")

// Suppress keeps an address or a domain from being mailed, from the next message
// on, and reports whether that is new.
func (s *Service) Suppress(ctx context.Context, w Suppressing) (added bool, err error) {
	entry, err := w.entry()
	if err != nil {
		return false, err
	}
	n, err := s.Store.Suppress(ctx, w.List, []postgres.NewSuppression{entry}, now())
	if err == nil && s.bar != nil && entry.Kind == "address" && w.List == "" {
		s.bar(entry.Key, entry.Canonical)
	}
	return n > 0, err
}

// entry checks what is wanted.
func (w Suppressing) entry() (postgres.NewSuppression, error) {
	e := postgres.NewSuppression{Reason: w.Reason}
	switch w.Reason {
	case "":
		e.Reason = listhygiene.Manual
	case listhygiene.Unsubscribed, listhygiene.Complained, listhygiene.Bounced, listhygiene.Manual, listhygiene.ImportedSuppression:
	case postgres.Paused: // of a file that we wrote
		if w.Expires.IsZero() {
			return e, fmt.Errorf("%w: a pause needs an end", ErrSuppression)
		}
	default:
		return e, fmt.Errorf("%w: %q is no reason; there are unsubscribed, complained, bounced, manual and imported_suppression", ErrSuppression, w.Reason)
	}
	if !w.Expires.IsZero() {
		e.ExpiresAt = &w.Expires
	}
	evidence, err := json.Marshal(struct {
		Note string `json:"note,omitempty"`
		By   string `json:"by,omitempty"`
	}{strings.TrimSpace(w.Note), w.By})
	if err != nil {
		return e, err
	}
	e.Evidence = evidence
	e.Kind, e.Key, e.Canonical, err = suppressible(w.What)
	if e.Kind == "address" && !e.Reason.MatchesCanonical() {
		e.Canonical = ""
	}
	return e, err
}

// suppressible takes apart what is to be suppressed or lifted. Reserved names
// are no reason to refuse: what must not be mailed may be any name.
func suppressible(text string) (kind, key, canonical string, err error) {
	policy := address.Policy{AllowReserved: true}
	text = address.Tidy(text).Text
	if domain := strings.TrimPrefix(text, "@"); !strings.Contains(domain, "@") {
		name, err := policy.ParseDomain(strings.ToLower(domain))
		if err != nil {
			return "", "", "", fmt.Errorf("%w: %q is neither an address nor a domain: %w", ErrSuppression, text, err)
		}
		return "domain", name, "", nil
	}
	parsed, err := policy.Parse(text)
	if err != nil {
		return "", "", "", fmt.Errorf("%w: %q is no address: %w", ErrSuppression, text, err)
	}
	return "address", parsed.Key(), parsed.Canonical(), nil
}

// Lifting is the wish that an address or a domain may be mailed again.
type Lifting struct {
	What string
	List string // empty: lift what holds everywhere
	Note string // why; needed
	By   string
}

// Lift lifts suppressions, with a written reason that is kept. Complaints are
// never lifted: [postgres.ErrNotLiftable].
func (s *Service) Lift(ctx context.Context, l Lifting) error {
	if strings.TrimSpace(l.Note) == "" {
		return fmt.Errorf("%w: lifting a suppression needs a note that says why", ErrSuppression)
	}
	kind, key, _, err := suppressible(l.What)
	if err != nil {
		return err
	}
	err = s.Store.Lift(ctx, postgres.Lift{Kind: kind, Key: key, List: l.List, Note: strings.TrimSpace(l.Note), By: l.By, At: now()})
	if errors.Is(err, postgres.ErrNotFound) {
		return fmt.Errorf("%s is not suppressed %s: %w", key, scopeWords(l.List), postgres.ErrNotFound)
	}
	return err
}

func scopeWords(list string) string {
	if list == "" {
		return "everywhere"
	}
	return fmt.Sprintf("for the list %q", list)
}
