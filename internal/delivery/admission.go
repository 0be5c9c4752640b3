package delivery

import (
	"context"
	"slices"
	"sync"
)

// fewPermits is up to how many permits of a provider its lanes pass without
// admission: its pace keeps them from asking much of the processors.
const fewPermits = 8

// admission lets lanes claim no more than the processors can compose and sign.
// Where mail is taken faster than that, two hundred lanes would otherwise claim
// a message or two each, let their permits lapse while they wait for a processor,
// and hand back what they claimed: the database would do little else. Those that
// are let in claim a lot at once, send it, and stand in line again.
//
// Time that a lane waits for a server does not count: while it does, others may
// come in. Waiting for the database to record an outcome counts in a measure of its
// own: a commit takes many outcomes at once, yet each lane more in that wait makes
// the messages of all others take longer.
type admission struct {
	most      int // lanes that compose, or wait for a processor to
	toCome    int // lanes that were let in and compose nothing yet: they fetch permits and claim, which is waiting more than work
	recordMax int // lanes that wait for their outcome to be recorded

	mu        sync.Mutex
	coming    int             // guarded by mu; lanes that were let in and do not compose yet
	composing int             // guarded by mu
	recording int             // guarded by mu
	line      []chan struct{} // guarded by mu; those that wait, the first first
}

func newAdmission(processors int) *admission {
	return &admission{most: 2 * processors, toCome: 8 * processors, recordMax: 24 * processors}
}

// tryEnter lets a lane in if there is room and nobody waits.
func (a *admission) tryEnter() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.line) > 0 || !a.room() {
		return false
	}
	a.coming++
	return true
}

// enter waits until the lane is let in. It returns false when ctx or over ends
// first.
func (a *admission) enter(ctx context.Context, over <-chan struct{}) bool {
	in := make(chan struct{})
	a.mu.Lock()
	a.line = append(a.line, in)
	a.admit()
	a.mu.Unlock()
	select {
	case <-in:
		return true
	case <-ctx.Done():
	case <-over:
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if i := slices.Index(a.line, in); i >= 0 {
		a.line = slices.Delete(a.line, i, i+1)
	} else { // it was let in at the same moment
		a.coming--
		a.admit()
	}
	return false
}

// leave notes that a lane that was let in has nothing to compose after all.
func (a *admission) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.coming--
	a.admit()
}

// begin and end stand around the composing of a message; came says that it is the
// first of a lane that was let in.
func (a *admission) begin(came bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.composing++
	if came {
		a.coming--
		a.admit()
	}
}

func (a *admission) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.composing--
	a.admit()
}

// record stands around the recording of an outcome.
func (a *admission) record(write func() error) error {
	a.mu.Lock()
	a.recording++
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.recording--
		a.admit()
	}()
	return write()
}

// crowded reports whether lanes wait.
func (a *admission) crowded() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.line) > 0
}

// worthRecording is how many outcomes are worth a commit: any, unless lanes wait; then
// nearly as many as may wait for it.
func (a *admission) worthRecording() int {
	if !a.crowded() {
		return 1
	}
	return a.recordMax * 7 / 8
}

// worthClaiming is how many claims are worth a statement: any, unless lanes wait, which
// are of different providers; then most of those that may be on their way to one.
func (a *admission) worthClaiming() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return max(min(len(a.line), a.toCome/2), 1)
}

// full is how many lanes are at work when there is no room for more.
func (a *admission) full() int { return a.most + a.toCome + a.recordMax }

// room reports whether one more may come in; a.mu is held.
func (a *admission) room() bool {
	return a.composing < a.most && a.coming < a.toCome && a.recording < a.recordMax
}

// admit lets in as many as there is room for; a.mu is held.
func (a *admission) admit() {
	for len(a.line) > 0 && a.room() {
		close(a.line[0])
		a.line = a.line[1:]
		a.coming++
	}
}
