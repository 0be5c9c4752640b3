package bench

import (
	"net"
	"sync/atomic"
	"time"
)

// namesDoor stands before a name server and can stop answering, or answer that
// it has failed.
type namesDoor struct {
	address string
	socket  net.PacketConn
	to      string
	mood    atomic.Int32
}

// The moods of a name server.
const (
	namesAnswer int32 = iota
	namesSilent
	namesFail // SERVFAIL
)

// openNamesDoor opens a door on loopback before a server that is asked over UDP.
func openNamesDoor(to string) (*namesDoor, error) {
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &namesDoor{address: socket.LocalAddr().String(), socket: socket, to: to}
	go d.serve()
	return d, nil
}

func (d *namesDoor) close() { _ = d.socket.Close() } // nothing is lost with it

func (d *namesDoor) serve() {
	buffer := make([]byte, 4096)
	for {
		n, who, err := d.socket.ReadFrom(buffer)
		if err != nil {
			return
		}
		question := append([]byte(nil), buffer[:n]...)
		switch d.mood.Load() {
		case namesAnswer:
			go d.ask(question, who)
		case namesFail:
			if n >= 12 {
				question[2] |= 0x80                   // a response (RFC 1035 §4.1.1)
				question[3] = question[3]&0xf0 | 0x02 // SERVFAIL
				_, _ = d.socket.WriteTo(question, who)
			}
		}
	}
}

// ask hands a question on. Whoever asked asks again when nothing comes back.
func (d *namesDoor) ask(question []byte, who net.Addr) {
	conn, err := net.Dial("udp", d.to)
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(3 * time.Second))
	if _, err := conn.Write(question); err != nil {
		return
	}
	answer := make([]byte, 4096)
	if n, err := conn.Read(answer); err == nil {
		_, _ = d.socket.WriteTo(answer[:n], who)
	}
}
