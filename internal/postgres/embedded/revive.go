//go:build unix

package embedded

import (
	"context"
	"fmt"
)

// Revive starts the server again if it has ended without anybody having stopped
// it: it was killed, or there was no memory or no room on its volume. Its clients
// find it at the same address. While it runs, and after Stop, Revive does
// nothing. It reports whether it started the server. Where the folder of the data
// is gone, as with a volume that was taken away, it makes no new one.
func (s *Server) Revive(ctx context.Context) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users == nil {
		return false, nil
	}
	s.child.reap()
	if pm, err := s.home.readPostmaster(); err != nil || pm != nil && pm.running() {
		return false, err
	}
	if major, err := s.home.clusterMajor(); err != nil {
		return false, err
	} else if major == 0 {
		return false, fmt.Errorf("postgres has ended, and its folder %s is gone", s.home.cluster())
	}
	transition, err := s.home.lockTransition(ctx)
	if err != nil {
		return false, err
	}
	defer transition.release()
	if err := s.bringUp(ctx, s.config); err != nil {
		return false, err
	}
	return !s.adopted, nil
}
