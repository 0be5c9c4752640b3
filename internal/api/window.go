package api

import (
	"errors"
	"net/http"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/service"
)

// WindowBody says when a campaign's mail may go out.
type WindowBody struct {
	Hours string `json:"hours" doc:"Such as 08:00-20:00 mon-fri; always lifts the window."`
	Zone  string `json:"zone" doc:"IANA name; the campaign's when it is missing."`
}

// always is the word for no window.
const always = "always"

func setCampaignWindow(c *call) (any, error) {
	found, err := c.campaign()
	if err != nil {
		return nil, err
	}
	body := c.body.(*WindowBody)
	var w campaign.Window
	if body.Hours != always {
		zone := body.Zone
		if zone == "" {
			zone = found.TimeZone
		}
		if w, err = campaign.ParseWindow(body.Hours, zone); err != nil {
			return nil, &Problem{Status: http.StatusUnprocessableEntity, Code: "invalid_field", Field: "hours", Detail: err.Error()}
		}
	}
	if err := c.service.SetWindow(c.Context(), found.ID, w, c.actor()); errors.Is(err, service.ErrWindow) {
		return nil, &Problem{Status: http.StatusUnprocessableEntity, Code: "invalid_field", Field: "hours", Detail: err.Error()}
	} else if err != nil {
		return nil, err
	}
	return getCampaign(c)
}
