package node

import (
	"log/slog"

	"github.com/headwaymail/headway/campaign/token"
	"github.com/headwaymail/headway/internal/config"
	"github.com/headwaymail/headway/internal/service"
)

type pages struct{}

func openPages(c config.Config, log *slog.Logger) (*pages, error) { return &pages{}, nil }
func (p *pages) url() string                                      { return "http://127.0.0.1:8080" }
func (p *pages) serve(s *service.Service, tokens *token.Keyring)  {}
func (p *pages) close()                                           {}
