package api

import (
	"time"

	"github.com/headwaymail/headway/internal/postgres"
)

// List is a set of contacts.
type List struct {
	ID         int64     `json:"id"`
	Name       string    `json:"name"`
	Members    int64     `json:"members" doc:"Whoever is or was on it."`
	Subscribed int64     `json:"subscribed" doc:"Those of them who are subscribed."`
	CreatedAt  time.Time `json:"created_at"`
}

func newList(l postgres.List) List {
	return List{ID: l.ID, Name: l.Name, Members: l.Members, Subscribed: l.Subscribed, CreatedAt: utc(l.CreatedAt)}
}

func listLists(c *call) (any, error) {
	all, err := c.service.Store.Lists(c.Context())
	if err != nil {
		return nil, err
	}
	return newPage(c.page, all, newList), nil
}
