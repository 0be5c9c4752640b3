package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"syscall"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene/risk"
	"github.com/headwaymail/headway/listhygiene/verification"
)

const (
	// riskListSize bounds a public list: the largest known ones have 3 MB.
	riskListSize = 16 << 20
	// riskListWithin bounds a download.
	riskListWithin = time.Minute
)

// RiskListUpdate says which list is loaded from where.
type RiskListUpdate struct {
	Kind   risk.Kind
	Source string // an http or https URL, or the path of a file
	// AllowPrivate lets a URL lead to loopback and private addresses.
	AllowPrivate bool
}

// UpdateRiskList loads a public list of disposable or free-mail domains or of
// role names. Only a list that could be read as a whole and holds entries takes
// the place of the one before.
func (s *Service) UpdateRiskList(ctx context.Context, u RiskListUpdate) (postgres.RiskList, error) {
	body, err := fetchList(ctx, u)
	if err != nil {
		return postgres.RiskList{}, fmt.Errorf("the %s list was not changed: %w", u.Kind, err)
	}
	var lists risk.Lists
	entries, err := lists.Load(u.Kind, bytes.NewReader(body))
	if err != nil {
		return postgres.RiskList{}, fmt.Errorf("the %s list was not changed: %s: %w", u.Kind, u.Source, err)
	}
	l := postgres.RiskList{Kind: string(u.Kind), Source: u.Source, Entries: entries, LoadedAt: now()}
	l.Version, err = s.Store.SaveRiskList(ctx, l, string(bytes.ToValidUTF8(bytes.ReplaceAll(body, []byte{0}, nil), nil)), l.LoadedAt)
	return l, err
}

func fetchList(ctx context.Context, u RiskListUpdate) ([]byte, error) {
	source, err := url.Parse(u.Source)
	if err != nil || source.Scheme != "http" && source.Scheme != "https" {
		file, err := os.Open(u.Source)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		return readList(file)
	}
	ctx, cancel := context.WithTimeout(ctx, riskListWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.Source, nil)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{DialContext: (&net.Dialer{Control: guardDial(u.AllowPrivate)}).DialContext, DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", source.Host, response.Status)
	}
	return readList(response.Body)
}

func readList(r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, riskListSize+1))
	if err != nil {
		return nil, err
	}
	if len(body) > riskListSize {
		return nil, fmt.Errorf("the list is larger than %d MB", riskListSize>>20)
	}
	return body, nil
}

// errPrivate says that a URL leads into our own networks.
var errPrivate = errors.New("it is a private address; allow that with --allow-private")

// guardDial is the last look before a socket connects, when names have been
// resolved and redirects followed.
func guardDial(allowPrivate bool) func(string, string, syscall.RawConn) error {
	return func(_, to string, _ syscall.RawConn) error {
		if allowPrivate {
			return nil
		}
		at, err := netip.ParseAddrPort(to)
		if err != nil || !verification.IsPublic(at.Addr()) {
			return fmt.Errorf("%s is not asked: %w", to, errPrivate)
		}
		return nil
	}
}
