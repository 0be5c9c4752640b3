package receiver

import "time"

// Spec describes how one provider behaves. The zero value takes everything at
// once, for ever. Times marked "after the start" count from the start time
// given to [New]. docs/SANDBOX.md lists every field with range and example.
type Spec struct {
	Latency   Latency   `yaml:"latency"`   // how long it takes to answer
	Crowding  *Crowding `yaml:"crowding"`  // answers slow down when many lanes are open
	Limits    []Limit   `yaml:"limits"`    // how much it takes per time; asked in this order
	Lanes     []Lanes   `yaml:"lanes"`     // how many connections it holds open at once
	Session   Session   `yaml:"session"`   // what one connection may do
	Greylist  *Greylist `yaml:"greylist"`  // first contacts are put off
	Outages   []Outage  `yaml:"outages"`   // times at which it does not work; the first that applies answers
	Noise     []Noise   `yaml:"noise"`     // refusals without a reason
	Mailboxes Mailboxes `yaml:"mailboxes"` // which recipients exist
	Opaque    bool      `yaml:"opaque"`    // temporary refusals keep code, phase and closing but lose their words and enhanced code
}

// Latency is how long the server takes to speak, on average. Each figure is
// drawn from a log-normal distribution with the given mean. Default of each: 0.
type Latency struct {
	Connect time.Duration `yaml:"connect"` // from the connection to the greeting
	Reply   time.Duration `yaml:"reply"`   // to say yes to MAIL, RCPT and DATA
	Message time.Duration `yaml:"message"` // from the final dot to the 250
	Refusal time.Duration `yaml:"refusal"` // to say no, at any phase; default: as connect or reply
	Jitter  float64       `yaml:"jitter"`  // sigma of the logarithm, 0 to 2; 0 = always the mean, 0.3 is usual
}

// Crowding makes Reply and Message latencies grow with the lanes that are open
// (of all sources): × (lanes ÷ From)^Exponent above From.
type Crowding struct {
	From     int     `yaml:"from"`     // lanes up to which all is normal, ≥ 1
	Exponent float64 `yaml:"exponent"` // 0 to 4; default 1
}

// Key says whose things a limit counts together.
type Key string

// The keys of limits and lane caps.
const (
	PerSource        Key = "source"         // each sending address; the default
	PerSendingDomain Key = "sending_domain" // each domain of MAIL FROM; from phase mail on
	PerRecipient     Key = "recipient"      // each recipient address; from phase rcpt on
	PerAll           Key = "all"            // everybody together
)

// Lanes caps the connections that are open at once. It speaks at connect.
type Lanes struct {
	Max    int      `yaml:"max"`    // connections, ≥ 1
	Per    Key      `yaml:"per"`    // source or all; default source
	Answer *Refusal `yaml:"answer"` // default: 421 4.7.0 too many open connections
}

// Session says what one connection may do. Zero means no such limit.
type Session struct {
	Messages   int      `yaml:"messages"`   // MAIL commands let pass on one connection
	Silent     bool     `yaml:"silent"`     // close without a word right after the last of them, instead of a refusal at the next
	Answer     *Refusal `yaml:"answer"`     // at the MAIL after the last; default: 421 4.7.0 too many messages in this connection
	Errors     int      `yaml:"errors"`     // refused recipients after which the next is answered 421 and closed
	Recipients int      `yaml:"recipients"` // RCPT let pass in one message; the next gets 452 4.5.3
	MaxBytes   int      `yaml:"max_bytes"`  // larger messages get 552 5.3.4
}

// Noise refuses a share of everything that reaches its phase, at random.
type Noise struct {
	Share  Share    `yaml:"share"`
	Answer *Refusal `yaml:"answer"` // default: 421 4.3.0 at MAIL
}
