//go:build unix

package embedded

import "context"

// Revive starts the server again if it has ended without anybody having stopped
// it: it was killed, or there was no memory or no room on its volume. Its clients
// find it at the same address. While it runs, and after Stop, Revive does
// nothing. It reports whether it started the server.
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
