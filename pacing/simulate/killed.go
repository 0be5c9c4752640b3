package simulate

import (
	"encoding/json"
	"math/rand/v2"
	"time"

	"github.com/headwaymail/headway/pacing"
)

// killed is the controller on a node that dies without a word and comes back
// with what was saved last.
type killed struct {
	*envelope
	at, down time.Duration
	saved    []byte
	written  time.Duration
	back     bool
	told     func(pacing.State) // hears the state as it was restored
}

// saveEvery is how old the saved state may be when nothing was learned.
const saveEvery = 10 * time.Second

// Killed is the controller killed at a time and started again after another.
// The state as it was restored is told to back.
func Killed(at, down time.Duration, back func(pacing.State)) Contender {
	return Contender{Name: "Envelope, killed", New: func(rng *rand.Rand) Policy {
		k := &killed{at: at, down: down, told: back}
		one := EnvelopeWith("", pacing.Profile{}, func(time.Duration, pacing.Decision) { k.written = -saveEvery })
		k.envelope = one.New(rng).(*envelope)
		return k
	}}
}

// alive says whether the node runs, and brings it back when it is time.
func (k *killed) alive(now time.Duration) bool {
	if now < k.at || k.back {
		return true
	}
	if now < k.at+k.down {
		return false
	}
	k.back = true
	if err := json.Unmarshal(k.saved, &k.state); err != nil {
		panic(err) // written by save
	}
	k.told(k.state)
	return true
}

func (k *killed) save(now time.Duration) {
	if now < k.written+saveEvery || now >= k.at {
		return
	}
	saved, err := json.Marshal(k.state)
	if err != nil {
		panic(err) // a state is plain numbers and words
	}
	k.saved, k.written = saved, now
}

// Permit grants nothing while the node is dead.
func (k *killed) Permit(now time.Duration) (Permit, time.Duration, bool) {
	if !k.alive(now) {
		return Permit{}, k.at + k.down, false
	}
	return k.envelope.Permit(now)
}

// Report loses what becomes known while the node is dead.
func (k *killed) Report(now time.Duration, o Outcome) {
	if k.alive(now) {
		k.envelope.Report(now, o)
		k.save(now)
	}
}

// Wake goes on when the node is back.
func (k *killed) Wake(now time.Duration) time.Duration {
	if !k.alive(now) {
		return k.at + k.down
	}
	next := k.envelope.Wake(now)
	k.save(now)
	return next
}
