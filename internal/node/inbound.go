package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/headwaymail/headway/campaign/token"
	"github.com/headwaymail/headway/internal/inbound"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
)

// inboundCloseWithin is how long mails under way have at the end.
const inboundCloseWithin = 3 * time.Second

// InboundAddress returns where the node takes mail that comes back, empty when
// it does not.
func (n *Node) InboundAddress() string {
	if n.inbound == nil {
		return ""
	}
	return n.inbound.Addr().String()
}

// openInbound begins to take mail that comes back.
func (n *Node) openInbound() error {
	c := n.Config
	if !c.Has("inbound") || c.Inbound.Listen == "" {
		return nil
	}
	certificates, err := starttls(c.Inbound.Certificate, c.Inbound.Key)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.Inbound.Listen)
	if err != nil {
		return fmt.Errorf("inbound.listen: %w", err)
	}
	n.inbound = inbound.Listen(listener, inbound.Config{Domain: c.Sending.BounceDomain, Name: c.Sending.HELOName, Tokens: n.tokens,
		Store: n.keepInbound, TLS: certificates, Log: n.Log})
	n.Log.Info("mail that comes back is taken", "listen", listener.Addr().String(), "domain", c.Sending.BounceDomain)
	return nil
}

// starttls returns the settings of STARTTLS, nil without a certificate. The
// files are read at each handshake, so that they can be renewed.
func starttls(certificate, key string) (*tls.Config, error) {
	if certificate == "" {
		return nil, nil
	}
	read := func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(certificate, key)
		return &pair, err
	}
	if _, err := read(nil); err != nil {
		return nil, fmt.Errorf("inbound.certificate: %w", err)
	}
	return &tls.Config{GetCertificate: read, MinVersion: tls.VersionTLS12}, nil
}

// keepInbound stores a mail together with the job that reads it.
func (n *Node) keepInbound(ctx context.Context, m inbound.Mail) error {
	purpose := postgres.PurposeRole
	switch m.Purpose {
	case token.Bounce:
		purpose = postgres.PurposeBounce
	case token.MailtoUnsubscribe:
		purpose = postgres.PurposeUnsubscribe
	}
	err := n.Service.KeepInbound(ctx, postgres.InboundMail{At: m.At, Purpose: purpose, Campaign: m.Claims.Campaign, Contact: m.Claims.Contact,
		Remote: m.Remote, HELO: m.HELO, From: m.From, Size: m.Size, Raw: m.Raw})
	if errors.Is(err, service.ErrInboundFull) {
		return inbound.ErrBusy
	}
	return err
}

func (n *Node) closeInbound() {
	if n.inbound == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), inboundCloseWithin)
	defer cancel()
	if err := n.inbound.Close(ctx); err != nil && !errors.Is(err, net.ErrClosed) {
		n.Log.Warn("the listener for inbound mail did not end well", "error", err)
	}
	n.inbound = nil
}
