package smtpout

import (
	"bufio"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
)

// BenchmarkSend sends messages of 20 KB to a sink on loopback, one session.
func BenchmarkSend(b *testing.B) {
	for _, offers := range []string{"", "PIPELINING", "PIPELINING CHUNKING"} {
		name := offers
		if name == "" {
			name = "plain"
		}
		b.Run(strings.ReplaceAll(name, " ", "+"), func(b *testing.B) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			defer listener.Close()
			done := make(chan struct{})
			go func() {
				defer close(done)
				if conn, err := listener.Accept(); err == nil {
					swallow(conn, offers)
				}
			}()
			d := &Dialer{Resolver: oneHost{}, Port: netip.MustParseAddrPort(listener.Addr().String()).Port(), HELO: "out.test", LoopbackOnly: true}
			session, err := d.Dial(b.Context(), "two.test", TLSOpportunistic)
			if err != nil {
				b.Fatal(err)
			}
			body := []byte(strings.Repeat(strings.Repeat("x", 76)+"\r\n", 20<<10/78))
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if o := session.Send(b.Context(), Envelope{From: "news@out.test", To: "ana@two.test"}, body); !o.Accepted {
					b.Fatal(o)
				}
			}
			session.Close(b.Context())
			<-done
		})
	}
}

// swallow is the least of a mail server.
func swallow(conn net.Conn, offers string) {
	defer conn.Close()
	br := bufio.NewReaderSize(conn, 64<<10)
	bw := bufio.NewWriter(conn)
	bw.WriteString("220 mx\r\n")
	for data := false; ; {
		if br.Buffered() == 0 {
			bw.Flush()
		}
		line, err := br.ReadSlice('\n')
		switch {
		case err != nil:
			return
		case data && string(line) == ".\r\n":
			data = false
			bw.WriteString("250 queued\r\n")
		case data:
		case line[0] == 'E':
			bw.WriteString("250-mx\r\n")
			for offer := range strings.FieldsSeq(offers) {
				bw.WriteString("250-" + offer + "\r\n")
			}
			bw.WriteString("250 HELP\r\n")
		case line[0] == 'D':
			data = true
			bw.WriteString("354 go on\r\n")
		case line[0] == 'B':
			n, err := strconv.ParseInt(strings.Fields(string(line))[1], 10, 64)
			if err != nil {
				return
			}
			io.CopyN(io.Discard, br, n)
			bw.WriteString("250 queued\r\n")
		default:
			bw.WriteString("250 ok\r\n")
		}
	}
}
