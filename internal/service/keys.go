package service

import (
	"cmp"
	"context"
	"crypto"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"github.com/headwaymail/headway/campaign/token"
	"github.com/headwaymail/headway/internal/dkim"
	"github.com/headwaymail/headway/internal/dkim/libcrypto"
	"github.com/headwaymail/headway/internal/postgres"
)

// dkimBits is the size of new RSA keys: what receivers ask for today.
const dkimBits = 2048

// GenerateDKIM makes an RSA signing key for a domain and returns the DNS record
// to publish. The selector is made from the month when none is given.
func (s *Service) GenerateDKIM(ctx context.Context, domain, selector string) (dkim.Record, error) {
	key, err := dkim.GenerateRSA(dkimBits)
	if err != nil {
		return dkim.Record{}, err
	}
	return s.addDKIM(ctx, domain, cmp.Or(selector, "hw"+now().UTC().Format("200601")), "rsa", key)
}

// AddSendingDomain makes the signing key of a domain that has none yet.
func (s *Service) AddSendingDomain(ctx context.Context, domain string, by Actor) error {
	domain = sendingDomain(domain)
	keys, err := s.Store.DKIMKeys(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(keys, func(k postgres.DKIMKey) bool { return k.Domain == domain }) {
		return fmt.Errorf("%s has a signing key already; its record stands on this page", domain)
	}
	if _, err := s.GenerateDKIM(ctx, domain, ""); err != nil {
		return err
	}
	return s.audit(ctx, by, now(), "dkim.create", "domain "+domain, "", struct{}{})
}

// GenerateSecondDKIM makes an Ed25519 key for a domain that has an RSA key. Both
// sign then: few verifiers know Ed25519 yet (RFC 8463 §3).
func (s *Service) GenerateSecondDKIM(ctx context.Context, domain, selector string) (dkim.Record, error) {
	first, err := s.Store.DKIMKeys(ctx)
	if err != nil {
		return dkim.Record{}, err
	}
	if !slices.ContainsFunc(first, func(k postgres.DKIMKey) bool { return k.Domain == sendingDomain(domain) && k.Algorithm == "rsa" }) {
		return dkim.Record{}, fmt.Errorf("%s has no RSA key yet, and most receivers know no other; make that one first: headway dkim generate %[1]s",
			sendingDomain(domain))
	}
	key, err := dkim.GenerateEd25519()
	if err != nil {
		return dkim.Record{}, err
	}
	return s.addDKIM(ctx, domain, cmp.Or(selector, "hwed"+now().UTC().Format("200601")), "ed25519", key)
}

func sendingDomain(text string) string {
	return strings.ToLower(strings.TrimSuffix(strings.TrimSpace(text), "."))
}

func (s *Service) addDKIM(ctx context.Context, domain, selector, algorithm string, key crypto.Signer) (dkim.Record, error) {
	domain = sendingDomain(domain)
	if _, err := s.policy().Parse("postmaster@" + domain); err != nil {
		return dkim.Record{}, fmt.Errorf("%q is not a domain that mail can come from: %w", domain, err)
	}
	record, err := dkim.NewRecord(selector, domain, key)
	if err != nil {
		return dkim.Record{}, err
	}
	pem, err := dkim.EncodePEM(key)
	if err != nil {
		return dkim.Record{}, err
	}
	stored := postgres.DKIMKey{Domain: domain, Selector: selector, Algorithm: algorithm, Sealed: s.box.Seal(dkimName(domain, selector), pem)}
	if err := s.Store.AddDKIMKey(ctx, stored, now()); err != nil {
		return dkim.Record{}, err
	}
	return record, nil
}

func dkimName(domain, selector string) string { return "dkim " + selector + "._domainkey." + domain }

// DKIMRecords returns the DNS records of all active signing keys.
func (s *Service) DKIMRecords(ctx context.Context) ([]dkim.Record, error) {
	keys, err := s.Store.DKIMKeys(ctx)
	if err != nil {
		return nil, err
	}
	records := make([]dkim.Record, len(keys))
	for i, k := range keys {
		private, err := s.openDKIM(k)
		if err != nil {
			return nil, err
		}
		if records[i], err = dkim.NewRecord(k.Selector, k.Domain, private); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// Signers returns what signs for a From domain: its own keys, else those of the
// nearest domain above it, which still aligns for DMARC. None is no error.
func (s *Service) Signers(ctx context.Context, domain string) ([]*dkim.Signer, error) {
	keys, err := s.Store.DKIMKeys(ctx)
	if err != nil {
		return nil, err
	}
	for name := strings.ToLower(domain); strings.Contains(name, "."); _, name, _ = strings.Cut(name, ".") {
		var signers []*dkim.Signer
		for _, k := range keys {
			if k.Domain != name {
				continue
			}
			private, err := s.openDKIM(k)
			if err != nil {
				return nil, err
			}
			private, why := libcrypto.Accelerate(private)
			if why != nil {
				s.Log.Debug("a signing key is used by Go", "selector", k.Selector, "domain", k.Domain, "because", why)
			}
			signers = append(signers, &dkim.Signer{Domain: k.Domain, Selector: k.Selector, Key: private})
		}
		if len(signers) > 0 {
			return signers, nil
		}
	}
	return nil, nil
}

func (s *Service) openDKIM(k postgres.DKIMKey) (crypto.Signer, error) {
	pem, err := s.box.Open(dkimName(k.Domain, k.Selector), k.Sealed)
	if err != nil {
		return nil, err
	}
	return dkim.DecodePEM(pem)
}

// Tokens returns the keys that sign and verify tokens; the first is made when
// there is none.
func (s *Service) Tokens(ctx context.Context) (*token.Keyring, error) {
	stored, err := s.Store.TokenKeys(ctx)
	if err != nil {
		return nil, err
	}
	if len(stored) == 0 {
		var fresh [32]byte
		rand.Read(fresh[:])
		first := postgres.TokenKey{ID: 0, Sealed: s.box.Seal(tokenName(0), fresh[:])}
		if err := s.Store.AddTokenKey(ctx, first, now()); err != nil {
			return nil, err
		}
		if stored, err = s.Store.TokenKeys(ctx); err != nil {
			return nil, err
		}
	}
	keys := make(map[int][]byte, len(stored))
	current := 0
	for _, k := range stored {
		opened, err := s.box.Open(tokenName(k.ID), k.Sealed)
		if err != nil {
			return nil, err
		}
		current = int(k.ID)
		keys[current] = opened
	}
	return token.NewKeyring(current, keys)
}

func tokenName(id int16) string { return fmt.Sprintf("token key %d", id) }
