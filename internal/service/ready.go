package service

import (
	"context"
	"fmt"
	"strings"

	"github.com/headwaymail/headway/internal/smtpout"
)

// NotReady says what is missing before real mail may be sent.
type NotReady struct {
	Missing []string // what, and how to set it
}

// Error lists everything that is missing.
func (e *NotReady) Error() string {
	return "sending is locked until this is set:\n  - " + strings.Join(e.Missing, "\n  - ")
}

// Ready returns a [*NotReady] error unless everything that mail needs is set: a
// public URL for the unsubscribe links, a source with its HELO name, a return
// path, and a DKIM key for the From domain, unless relays sign whatever way mail
// takes. In the sandbox only the key is needed: a node supplies the rest itself.
func (s *Service) Ready(ctx context.Context, fromDomain string) error {
	c := s.Config
	var missing []string
	if !c.Sandbox.Enabled {
		if c.Web.PublicURL == "" {
			missing = append(missing, "web.public_url: where unsubscribe links lead, e.g. https://news.example.com")
		}
		if c.Sending.Source == "" {
			missing = append(missing, "sending.source: the local IP address that mail is sent from")
		}
		if c.Sending.HELOName == "" {
			missing = append(missing, "sending.helo_name: the name that the source has in DNS, e.g. mail.example.com")
		}
		if c.Sending.BounceDomain == "" {
			missing = append(missing, "sending.bounce_domain: the domain of the return path, e.g. bounces.example.com")
		}
	}
	signers, err := s.Signers(ctx, fromDomain)
	if err != nil {
		return err
	}
	relays, err := s.relays()
	if err != nil {
		return err
	}
	if way := relays.Unsigned(); len(signers) == 0 && way != "" {
		lack := fmt.Sprintf("a DKIM key for %[1]s: make one with `headway dkim generate %[1]s`", fromDomain)
		if len(relays.Signing()) > 0 {
			lack += "; relays sign only a part of the mail: " + way
		}
		missing = append(missing, lack)
	}
	if len(missing) > 0 {
		return &NotReady{Missing: missing}
	}
	return nil
}

// relays are the rules by which mail leaves over relays.
func (s *Service) relays() (*smtpout.Relays, error) {
	rules, err := s.Config.Sending.RelayRules()
	return &smtpout.Relays{Rules: rules}, err
}

// signedBy names the relays that sign all mail in place of our keys; empty where
// some mail leaves without them.
func (s *Service) signedBy() (string, error) {
	relays, err := s.relays()
	if err != nil || relays.Unsigned() != "" {
		return "", err
	}
	return strings.Join(relays.Signing(), ", "), nil
}
