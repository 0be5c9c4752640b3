package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/headwaymail/headway/campaign/message"
	"github.com/headwaymail/headway/internal/delivery"
	"github.com/headwaymail/headway/internal/postgres"
)

// Letter is a campaign's message as one reader gets it, but for the signature.
type Letter struct {
	Reader   postgres.Reader
	Rendered message.Rendering
	Raw      []byte
	LeaveURL string   // leads nowhere: looking at a preview must unsubscribe nobody
	ViewURL  string   // leads nowhere, too
	Fields   []string // merge fields that the message reads
}

// Letter composes the message of a campaign for the contact with an address, or
// for the first reader of its lists when the address is empty. An error of
// [message.Errors] says what is wrong with the content; one of
// [postgres.ErrNotFound] that nobody has this address.
func (s *Service) Letter(ctx context.Context, c postgres.Campaign, as string) (Letter, error) {
	reader, err := s.reader(ctx, c.ID, as)
	if err != nil {
		return Letter{}, err
	}
	return s.compose(c, reader)
}

func (s *Service) compose(c postgres.Campaign, reader postgres.Reader) (Letter, error) {
	compiled, err := message.Compile(s.source(c))
	if err != nil {
		return Letter{}, err
	}
	l := Letter{Reader: reader, Fields: compiled.Fields(), LeaveURL: s.publicURL() + "/u/preview", ViewURL: s.publicURL() + "/v/preview"}
	fields := make(map[string]any, len(reader.Fields)+1)
	for name, value := range reader.Fields {
		fields[name] = value
	}
	fields["email"] = reader.Address
	to := message.Recipient{Address: reader.Address, Fields: fields, UnsubscribeURL: l.LeaveURL, ViewURL: l.ViewURL,
		MessageID: "preview@" + c.Content.FromDomain(), Date: now()}
	if l.Rendered, err = compiled.Naive(to); err != nil {
		return Letter{}, err
	}
	l.Raw, err = compiled.Append(nil, to)
	return l, err
}

// source is what a campaign's message is compiled from, with images as readers
// load them, and nothing that counts readers.
func (s *Service) source(c postgres.Campaign) message.Source {
	source := delivery.MessageSource(c, c.Content.FromDomain())
	source.PublicURL = s.publicURL()
	return source
}

// publicURL is where unsubscribe links lead. In the sandbox it need not be set.
func (s *Service) publicURL() string {
	if s.Config.Web.PublicURL == "" {
		return "http://127.0.0.1:8080"
	}
	return strings.TrimRight(s.Config.Web.PublicURL, "/")
}

// somebody stands for a reader while no list has any.
var somebody = postgres.Reader{Address: "reader@example.com"}

func (s *Service) reader(ctx context.Context, id int64, as string) (postgres.Reader, error) {
	if strings.TrimSpace(as) == "" || as == somebody.Address {
		readers, err := s.Store.Readers(ctx, id, 1)
		if err != nil || len(readers) == 0 {
			return somebody, err
		}
		return readers[0], nil
	}
	parsed, err := s.parseAddress(as)
	if err != nil {
		return postgres.Reader{}, errors.Join(err, postgres.ErrNotFound)
	}
	return s.Store.Reader(ctx, parsed.Key())
}

// MergeField is a field that a message may show.
type MergeField struct {
	Name    string
	Filled  int    // of the readers that were looked at
	Looked  int    // how many these are
	Example string // what one of them has there
}

// MergeFields returns the fields that a campaign's readers have, or contacts at
// large while it has no lists, the most filled first. Some readers are looked at,
// not all.
func (s *Service) MergeFields(ctx context.Context, id int64) ([]MergeField, error) {
	readers, err := s.Store.Readers(ctx, id, readersLooked)
	if err == nil && len(readers) == 0 {
		readers, err = s.Store.NewestReaders(ctx, readersLooked)
	}
	if err != nil {
		return nil, err
	}
	found := make(map[string]*MergeField)
	for _, r := range readers {
		for name, value := range r.Fields {
			text := strings.TrimSpace(fmt.Sprint(value))
			if text == "" {
				continue
			}
			if found[name] == nil {
				found[name] = &MergeField{Name: name, Looked: len(readers), Example: cut(text, 40)}
			}
			found[name].Filled++
		}
	}
	fields := []MergeField{}
	for _, f := range found {
		fields = append(fields, *f)
	}
	slices.SortFunc(fields, func(a, b MergeField) int {
		return cmp.Or(cmp.Compare(b.Filled, a.Filled), cmp.Compare(a.Name, b.Name))
	})
	return fields, nil
}

// Problems returns what keeps a campaign's message from being composed.
func (s *Service) Problems(c postgres.Campaign) message.Errors {
	var errs message.Errors
	if _, err := s.compose(c, somebody); !errors.As(err, &errs) {
		return nil
	}
	return errs
}
