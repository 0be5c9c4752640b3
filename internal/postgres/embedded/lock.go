//go:build unix

package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// fileLock is an flock(2) lock. It belongs to the open file, so two servers in
// one process exclude each other too, and it ends with the process.
type fileLock struct{ file *os.File }

func openLock(path string) (*fileLock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	return &fileLock{file: f}, nil
}

// release gives the lock up.
func (l *fileLock) release() { _ = l.file.Close() }

// try takes the lock in the given mode, or reports that others hold it.
func (l *fileLock) try(mode int) (bool, error) {
	for {
		err := syscall.Flock(int(l.file.Fd()), mode|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, fmt.Errorf("lock %s: %w", l.file.Name(), err)
		}
	}
}

func (l *fileLock) tryExclusive() (bool, error) { return l.try(syscall.LOCK_EX) }
func (l *fileLock) tryShared() (bool, error)    { return l.try(syscall.LOCK_SH) }

// lockTransition waits for the exclusive right to start or stop the server.
// It asks at least once, even when ctx has ended.
func (h *home) lockTransition(ctx context.Context) (*fileLock, error) {
	l, err := openLock(h.transitionLock())
	if err != nil {
		return nil, explainDataDir(h.dir, err)
	}
	for {
		held, err := l.tryExclusive()
		if held {
			return l, nil
		}
		if err == nil {
			err = pause(ctx)
		}
		if err != nil {
			l.release()
			return nil, fmt.Errorf("wait for another headway that starts or stops postgres in %s: %w", h.dir, err)
		}
	}
}

// openUsers opens the lock that users share, without taking it.
func (h *home) openUsers() (*fileLock, error) {
	l, err := openLock(h.usersLock())
	if err != nil {
		return nil, explainDataDir(h.dir, err)
	}
	return l, nil
}

// joinUsers shares the users' lock. The caller holds the transition lock, and
// nobody takes the users' lock exclusively without it, so sharing succeeds.
func (h *home) joinUsers() (*fileLock, error) {
	l, err := h.openUsers()
	if err != nil {
		return nil, err
	}
	shared, err := l.tryShared()
	if err == nil && !shared {
		err = errors.New("the lock of the server's users is held exclusively by a program that is not headway")
	}
	if err != nil {
		l.release()
		return nil, err
	}
	return l, nil
}

// pollInterval is how often locks, pid files and sockets are looked at: short
// beside the 100 ms in which Postgres starts, and cheap.
const pollInterval = 20 * time.Millisecond

// pause waits until it is time to look again, or returns why ctx ended.
func pause(ctx context.Context) error {
	t := time.NewTimer(pollInterval)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
