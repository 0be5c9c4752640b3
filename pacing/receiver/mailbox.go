package receiver

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"strings"
	"time"
)

// Mailbox is the state of one recipient's mailbox.
type Mailbox string

// The states of mailboxes, with what RCPT is answered by default.
const (
	MailboxOpen      Mailbox = "open"       // takes mail
	MailboxUnknown   Mailbox = "unknown"    // 550 5.1.1
	MailboxDisabled  Mailbox = "disabled"   // 550 5.2.1
	MailboxRefused   Mailbox = "refused"    // 550 5.7.1, by the recipient's policy
	MailboxOverQuota Mailbox = "over_quota" // 552 5.2.2: full, said for good
	MailboxFull      Mailbox = "full"       // 452 4.2.2: full for now
	MailboxBusy      Mailbox = "busy"       // 450 4.2.1 for a while after the first try, then takes mail
)

// Mailboxes says which recipients exist and which are in trouble. Each address
// falls into one state by a hash of the address and the seed, so that neither
// order nor number of tries changes it. The shares add up to at most 100 %;
// the rest is open.
type Mailboxes struct {
	Unknown   Share `yaml:"unknown"`
	Disabled  Share `yaml:"disabled"`
	Refused   Share `yaml:"refused"`
	OverQuota Share `yaml:"over_quota"`
	Full      Share `yaml:"full"`
	Busy      Share `yaml:"busy"`

	FullFor time.Duration `yaml:"full_for"` // a full mailbox has room again so long after the first try; 0 = never
	BusyFor time.Duration `yaml:"busy_for"` // a busy mailbox takes mail so long after the first try; default 10m

	Named   map[string]Mailbox   `yaml:"named"`   // addresses whose state is given
	Answers map[Mailbox]*Refusal `yaml:"answers"` // other words per state
}

// busyFor is how long a busy mailbox is busy by default.
const busyFor = 10 * time.Minute

// State returns the state of an address under a seed. Case does not matter.
func (m *Mailboxes) State(seed uint64, address string) Mailbox {
	address = strings.ToLower(address)
	if state, ok := m.Named[address]; ok {
		return state
	}
	at := Share(Fraction(seed, address))
	for _, s := range m.shares() {
		if at < s.share {
			return s.state
		}
		at -= s.share
	}
	return MailboxOpen
}

type stateShare struct {
	state Mailbox
	share Share
}

func (m *Mailboxes) shares() [6]stateShare {
	return [...]stateShare{
		{MailboxUnknown, m.Unknown},
		{MailboxDisabled, m.Disabled},
		{MailboxRefused, m.Refused},
		{MailboxOverQuota, m.OverQuota},
		{MailboxFull, m.Full},
		{MailboxBusy, m.Busy},
	}
}

// mailboxAnswers are the default words per state.
var mailboxAnswers = map[Mailbox]Refusal{
	MailboxUnknown:   {Code: 550, Enhanced: "5.1.1", Text: "<{recipient}>: no such user here"},
	MailboxDisabled:  {Code: 550, Enhanced: "5.2.1", Text: "<{recipient}>: mailbox is disabled"},
	MailboxRefused:   {Code: 550, Enhanced: "5.7.1", Text: "<{recipient}>: the recipient does not accept mail from you"},
	MailboxOverQuota: {Code: 552, Enhanced: "5.2.2", Text: "<{recipient}>: mailbox is full"},
	MailboxFull:      {Code: 452, Enhanced: "4.2.2", Text: "<{recipient}>: mailbox is full"},
	MailboxBusy:      {Code: 450, Enhanced: "4.2.1", Text: "<{recipient}>: user is receiving mail too quickly"},
}

// mailboxes is [Mailboxes] at work.
type mailboxes struct {
	spec    *Mailboxes
	seed    uint64
	answers map[Mailbox]*words
	first   map[string]time.Time // first try of those whose trouble passes
}

func newMailboxes(spec *Mailboxes, opaque bool, seed uint64) *mailboxes {
	m := &mailboxes{spec: spec, seed: seed, answers: map[Mailbox]*words{}, first: map[string]time.Time{}}
	for state, words := range mailboxAnswers {
		m.answers[state] = spec.Answers[state].ready(words, opaque)
	}
	return m
}

// refuses returns the state that keeps an address from taking mail now, and
// how long that will last (0: for good, or unknown).
func (m *mailboxes) refuses(now time.Time, address string) (Mailbox, time.Duration, bool) {
	state := m.spec.State(m.seed, address)
	passes := time.Duration(0)
	switch state {
	case MailboxOpen:
		return state, 0, false
	case MailboxFull:
		passes = m.spec.FullFor
	case MailboxBusy:
		passes = orElse(m.spec.BusyFor, busyFor)
	}
	if passes == 0 {
		return state, 0, true
	}
	first, ok := m.first[address]
	if !ok {
		m.first[address] = now
		first = now
	}
	left := passes - now.Sub(first)
	return state, left, left > 0
}

// Fraction maps a seed and a text to a number in [0, 1) that depends on nothing
// else: chance that does not change with order or repetition.
func Fraction(seed uint64, text string) float64 {
	h := fnv.New64a()
	_ = binary.Write(h, binary.LittleEndian, seed)
	_, _ = h.Write([]byte(text))
	x := h.Sum64()
	// FNV's high bits mix poorly for short texts: finish as splitmix64 does.
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	return float64(x>>11) / math.Exp2(53)
}
