package bench

import (
	"net"
	"sync"
	"time"
)

// delayed is a road that takes its time: what goes in at its address comes out at
// another half a round trip later, in both directions. It holds back nothing
// else: its bandwidth is that of the machine.
type delayed struct {
	listener net.Listener
	to       string
	half     time.Duration

	mu    sync.Mutex
	conns []net.Conn // guarded by mu
}

// newDelayed opens a road of a round trip between two addresses.
func newDelayed(from, to string, roundTrip time.Duration) (*delayed, error) {
	l, err := net.Listen("tcp", from)
	if err != nil {
		return nil, err
	}
	d := &delayed{listener: l, to: to, half: roundTrip / 2}
	go d.serve()
	return d, nil
}

func (d *delayed) serve() {
	for {
		in, err := d.listener.Accept()
		if err != nil {
			return
		}
		go d.join(in)
	}
}

// join connects one connection. A handshake takes a round trip, too.
func (d *delayed) join(in net.Conn) {
	time.Sleep(2 * d.half)
	out, err := net.Dial("tcp", d.to)
	if err != nil {
		_ = in.Close() // it came in vain
		return
	}
	d.mu.Lock()
	d.conns = append(d.conns, in, out)
	d.mu.Unlock()
	go d.carry(out, in)
	go d.carry(in, out)
}

// parcel is what was read at once.
type parcel struct {
	due  time.Time
	data []byte
}

// roadLength is how many parcels are under way at most: more than any window of
// messages that one connection sends in a round trip.
const roadLength = 4096

// carry brings everything from one connection to the other.
func (d *delayed) carry(to, from net.Conn) {
	road := make(chan parcel, roadLength)
	go func() {
		defer close(road)
		buffer := make([]byte, 64<<10)
		for {
			n, err := from.Read(buffer)
			if n > 0 {
				road <- parcel{time.Now().Add(d.half), append([]byte(nil), buffer[:n]...)}
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range road {
		time.Sleep(time.Until(p.due))
		if _, err := to.Write(p.data); err != nil {
			_ = from.Close() // whoever sends learns it as from a broken road
		}
	}
	_ = to.Close() // the other end has gone
}

// close closes the road and what is on it.
func (d *delayed) close() {
	_ = d.listener.Close() // nothing is lost with it
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.conns {
		_ = c.Close() // it may be closed already
	}
}
