package smtpout

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"

	"github.com/headwaymail/headway/pacing/reply"
)

// Errors of logging in at a relay, found with errors.Is in a [Failure].
var (
	ErrNoAuth    = errors.New("the relay offers no way to log in that is known here (AUTH PLAIN or LOGIN)")
	ErrClearAuth = errors.New("the session is not encrypted, and a password is not sent in the clear to another machine")
)

// login says who we are to a relay (RFC 4954).
func (o *opening) login() *Failure {
	if o.info.TLS.Version == "" && !o.info.Addr.Addr().IsLoopback() {
		return without(StageAuth, "4.7.0", ErrClearAuth)
	}
	var client sasl.Client
	switch offered := strings.Fields(o.info.Extensions.Auth); {
	case slices.Contains(offered, sasl.Plain):
		client = sasl.NewPlainClient("", o.relay.User, o.relay.Password)
	case slices.Contains(offered, sasl.Login):
		client = sasl.NewLoginClient(o.relay.User, o.relay.Password)
	default:
		return without(StageAuth, "4.7.0", ErrNoAuth)
	}
	mechanism, initial, err := client.Start()
	if err != nil {
		return without(StageAuth, "4.7.0", err)
	}
	command := "AUTH " + mechanism
	if initial != nil {
		command += " " + base64.StdEncoding.EncodeToString(initial)
	}
	for {
		rep, f := o.ask(StageAuth, reply.PhaseAuth, command)
		switch {
		case f != nil:
			return f
		case rep.Code == 235:
			return nil
		case rep.Code != 334:
			return o.refused(StageAuth, rep)
		}
		challenge, err := base64.StdEncoding.DecodeString(strings.TrimSpace(strings.Join(rep.Lines, "")))
		if err != nil {
			return without(StageAuth, "4.7.0", err)
		}
		response, err := client.Next(challenge)
		if err != nil {
			return without(StageAuth, "4.7.0", err)
		}
		command = base64.StdEncoding.EncodeToString(response)
	}
}
