package dkim

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/emersion/go-msgauth/dkim"
)

// Signer is a key with the place where its public half is published. It may be
// used by many goroutines.
type Signer struct {
	Domain   string // d=, aligned with the domain of From
	Selector string // s=
	Key      crypto.Signer
	Lifetime time.Duration // x=, how long the signature is good for; 0 for ever
}

// Sign appends to dst one DKIM-Signature field for each signer, in their order,
// and then the message, and returns the longer buffer. The message needs a From
// field and CRLF line ends. Now is when it is signed. On an error dst comes back
// as it was.
func Sign(dst, message []byte, now time.Time, signers ...*Signer) ([]byte, error) {
	end, err := headerEnd(message)
	if err != nil {
		return dst, err
	}
	names := headerNames(message[:end])
	signing := make([]*dkim.Signer, 0, len(signers))
	writers := make([]io.Writer, 0, len(signers))
	for _, s := range signers {
		d, err := s.start(names, now)
		if err != nil {
			return dst, errors.Join(err, closeAll(signing))
		}
		signing, writers = append(signing, d), append(writers, d)
	}
	if _, err := io.MultiWriter(writers...).Write(message); err != nil {
		return dst, errors.Join(fmt.Errorf("sign message: %w", err), closeAll(signing))
	}
	if err := closeAll(signing); err != nil {
		return dst, fmt.Errorf("sign message: %w", err)
	}
	for _, d := range signing {
		dst = append(dst, d.Signature()...)
	}
	return append(dst, message...), nil
}

func (s *Signer) start(names []string, now time.Time) (*dkim.Signer, error) {
	if err := checkNames(s.Selector, s.Domain); err != nil {
		return nil, err
	}
	if err := checkKey(s.Key); err != nil {
		return nil, err
	}
	options := &dkim.SignOptions{
		Domain:                 s.Domain,
		Selector:               s.Selector,
		Signer:                 s.Key,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed,
		BodyCanonicalization:   dkim.CanonicalizationRelaxed,
		HeaderKeys:             names,
	}
	if s.Lifetime > 0 {
		options.Expiration = now.Add(s.Lifetime)
	}
	return dkim.NewSigner(options)
}

func closeAll(signing []*dkim.Signer) error {
	var errs []error
	for _, d := range signing {
		errs = append(errs, d.Close())
	}
	return errors.Join(errs...)
}

// headerEnd returns the offset behind the empty line that ends the header.
func headerEnd(message []byte) (int, error) {
	i := bytes.Index(message, []byte("\r\n\r\n"))
	if i < 0 {
		return 0, errors.New("sign message: no empty line ends its header; lines must end in CRLF")
	}
	return i + len("\r\n\r\n"), nil
}
