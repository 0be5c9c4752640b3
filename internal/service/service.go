package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/jobs"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/secret"
	"github.com/headwaymail/headway/listhygiene/address"
)

// Service does what people ask for.
type Service struct {
	Store  *postgres.Store
	Queue  *jobs.Queue
	Config config.Config
	Log    *slog.Logger

	box        *secret.Box
	logins     *logins
	ends       estimates
	audiences  slow[int64, postgres.AudienceCount]
	figures    figures
	life       lifetime
	end        context.CancelFunc
	paces      paceStates
	views      views
	targets    targets
	images     images
	pictures   sync.Mutex // held while a picture is decoded
	erasureKey []byte
	checkups   checkups
	reach      func(ctx context.Context, domain string) (host, greeting string, err error) // may be nil
	bar        func(keys ...string)                                                        // keeps mail in hand from going out; may be nil
}

// New returns the service of a database. It refuses a database whose secrets
// were sealed with another key.
func New(ctx context.Context, store *postgres.Store, queue *jobs.Queue, c config.Config, log *slog.Logger) (*Service, error) {
	box, err := secret.Open(c.SecretKey, c.Data)
	if err != nil {
		return nil, err
	}
	s := &Service{Store: store, Queue: queue, Config: c, Log: log, box: box, logins: newLogins(), images: images{slots: make(chan struct{}, imageLoads)}}
	if err := s.checkKey(ctx); err != nil {
		return nil, err
	}
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	s.life, s.end = newLifetime(running), end
	s.checkups.resolver = sync.OnceValues(s.openResolver)
	if s.erasureKey, err = s.openErasureKey(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Close ends what is counted in the background.
func (s *Service) Close() { s.end() }

// BarWith hands over how a lane's mail in hand is kept from an address.
func (s *Service) BarWith(bar func(keys ...string)) { s.bar = bar }

const keyFingerprint = "key fingerprint"

func (s *Service) checkKey(ctx context.Context) error {
	if err := s.Store.SetInstanceValue(ctx, keyFingerprint, s.box.Fingerprint()); err != nil {
		return err
	}
	stored, err := s.Store.InstanceValue(ctx, keyFingerprint)
	if err != nil {
		return err
	}
	if string(stored) != string(s.box.Fingerprint()) {
		return errors.New("this database was set up with another secret key: its signing keys cannot be opened; " +
			"give the right one with secret_key or as secret.key in the data folder")
	}
	return nil
}

// policy says which addresses may be mailed: reserved names only in the sandbox.
func (s *Service) policy() address.Policy {
	return address.Policy{AllowReserved: s.Config.Sandbox.Enabled}
}

// parseAddress reads an address that a person typed.
func (s *Service) parseAddress(text string) (address.Address, error) {
	parsed, err := s.policy().Parse(address.Tidy(text).Text)
	if err != nil {
		return parsed, &badAddress{fmt.Errorf("%q cannot be mailed: %w", text, err)}
	}
	return parsed, nil
}

// ErrAddress says that what a person typed is no address that can be mailed.
var ErrAddress = errors.New("no address that can be mailed")

// badAddress is an [ErrAddress] that says why.
type badAddress struct{ why error }

func (b *badAddress) Error() string   { return b.why.Error() }
func (b *badAddress) Unwrap() []error { return []error{ErrAddress, b.why} }

// now is the time of everything that people do.
func now() time.Time { return time.Now() }
