package node

import (
	"context"
	"time"
)

// promiseEvery is how often campaigns with a time to finish by are looked at:
// an estimate changes slowly, and being urgent half a minute later loses
// nothing.
const promiseEvery = 30 * time.Second

// keepPromises looks after campaigns that should finish by a time, until ctx
// ends. Several nodes may do so at once: a weight is raised only once.
func (n *Node) keepPromises(ctx context.Context) {
	ticker := time.NewTicker(promiseEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		if err := n.Service.KeepPromises(ctx); err != nil && ctx.Err() == nil {
			n.Log.Warn("campaigns with a time to finish by could not be looked at", "error", err)
		}
	}
}
