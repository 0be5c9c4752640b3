package smtpout

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// peer is a mail host that follows a script, line by line:
//
//	S: text      says text and CRLF
//	S1: text     the same, byte by byte
//	raw "text"   says the text of a Go string as it is
//	flood N text says lines of text until N bytes are said
//	line N text  says one line of N bytes that begins with text
//	C: text      hears exactly this line
//	body NAME    hears the body NAME with dots stuffed, and the final dot
//	dot          hears a lone final dot
//	bdat NAME    hears exactly the bytes of the body NAME
//	read N       hears N bytes, whatever they are
//	starttls     is the server of a TLS handshake
//	rubbish      hears the beginning of a handshake, answers rubbish, and ends
//	wait 10s     does nothing for a while
//	hang         does nothing until the client has done all it was told to, and ends
//	close        closes the connection
//	connection   the rest is for the next connection
//
// A connection that the script does not close must be closed by the client.
type peer struct {
	conn net.Conn        // never read from further than asked, so that the other end knows what was read
	left <-chan struct{} // closed when the client has done all it was told to
}

// play follows the script on one connection.
func play(conn net.Conn, script []string, left <-chan struct{}) error {
	p := &peer{conn: conn, left: left}
	defer func() { p.conn.Close() }()
	for i, line := range script {
		verb, arg, _ := strings.Cut(line, " ")
		if verb == "close" {
			return p.conn.Close()
		}
		if err := p.act(verb, arg); errors.Is(err, errEnd) {
			return nil
		} else if err != nil {
			return fmt.Errorf("server line %d, %q: %w", i+1, line, err)
		}
	}
	if rest, err := p.line(); rest != "" {
		return fmt.Errorf("after the end of the script the client said %q (%v)", rest, err)
	}
	return nil
}

// errEnd ends a script, whatever the client says further.
var errEnd = errors.New("end of the script")

func (p *peer) act(verb, arg string) error {
	switch verb {
	case "S:":
		return p.say(arg + "\r\n")
	case "S1:":
		for _, b := range []byte(arg + "\r\n") {
			if _, err := p.conn.Write([]byte{b}); err != nil {
				return err
			}
		}
		return nil
	case "raw":
		text, err := strconv.Unquote(arg)
		if err != nil {
			return err
		}
		return p.say(text)
	case "flood":
		size, text, _ := strings.Cut(arg, " ")
		n, err := strconv.Atoi(size)
		if err != nil {
			return err
		}
		// The client may leave in the middle of it.
		io.WriteString(p.conn, strings.Repeat(text+"\r\n", n/(len(text)+2)+1))
		return nil
	case "line":
		size, text, _ := strings.Cut(arg, " ")
		n, err := strconv.Atoi(size)
		if err != nil {
			return err
		}
		io.WriteString(p.conn, text+strings.Repeat(" and", n/4)+"\r\n")
		return nil
	case "C:":
		got, err := p.line()
		if got != arg+"\r\n" {
			return fmt.Errorf("the client said %q (%v)", got, err)
		}
		return nil
	case "body":
		return p.hearBody(bodies[arg])
	case "dot":
		got, err := p.line()
		if got != ".\r\n" {
			return fmt.Errorf("the client said %q (%v)", got, err)
		}
		return nil
	case "bdat":
		got := make([]byte, len(bodies[arg]))
		if _, err := io.ReadFull(p.conn, got); err != nil || string(got) != bodies[arg] {
			return fmt.Errorf("the client sent %d bytes other than this (%v)", len(got), err)
		}
		return nil
	case "read":
		n, err := strconv.Atoi(arg)
		if err != nil {
			return err
		}
		_, err = io.CopyN(io.Discard, p.conn, int64(n))
		return err
	case "starttls":
		server := tls.Server(p.conn, &tls.Config{Certificates: []tls.Certificate{certificate()}})
		if err := server.Handshake(); err != nil {
			return err
		}
		p.conn = server
		return nil
	case "rubbish":
		if _, err := p.conn.Read(make([]byte, 1)); err != nil {
			return err
		}
		go p.say("500 what is that supposed to mean\r\n")
		io.Copy(io.Discard, p.conn)
		return errEnd
	case "wait":
		d, err := time.ParseDuration(arg)
		time.Sleep(d)
		return err
	case "hang":
		<-p.left
		return errEnd
	default:
		return errors.New("no such verb")
	}
}

// line reads up to a line feed, byte by byte.
func (p *peer) line() (string, error) {
	var line []byte
	for b := make([]byte, 1); ; {
		if _, err := p.conn.Read(b); err != nil {
			return string(line), err
		}
		if line = append(line, b[0]); b[0] == '\n' {
			return string(line), nil
		}
	}
}

func (p *peer) say(s string) error {
	_, err := io.WriteString(p.conn, s)
	return err
}

// hearBody undoes the dot-stuffing in the plainest way.
func (p *peer) hearBody(want string) error {
	var got bytes.Buffer
	for {
		line, err := p.line()
		if err != nil {
			return err
		}
		if line == ".\r\n" {
			break
		}
		got.WriteString(strings.TrimPrefix(line, "."))
	}
	if got.String() != want {
		return fmt.Errorf("the client sent %.100q, want %.100q", got.String(), want)
	}
	return nil
}

// bodies are the messages that scripts name. What arrives is never without a
// line end at the end.
var bodies = map[string]string{
	"hello":   "Subject: hello\r\n\r\nhello\r\n",
	"dots":    ".\r\n..\r\n.two\r\n\r\n.\r\nlast.\r\n.\r\n",
	"empty":   "",
	"8bit":    "Subject: caf\xc3\xa9\r\n\r\n\r\n",
	"big":     strings.Repeat("0123456789012345678901234567890123456789012345678901234567890\r\n", 3000),
	"huge":    strings.Repeat("0123456789012345678901234567890123456789012345678901234567890\r\n", 5000),
	"bare-lf": "one\ntwo\r\n",
	"bare-cr": "one\rtwo\r\n",
	"unended": "one\r\ntwo\r\n",
}

// certificate is that of mx.two.test, signed by itself.
var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "mx.two.test"},
		DNSNames:     []string{"mx.two.test"},
		// Bubbles of testing/synctest begin in the year 2000.
		NotBefore:             time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:              time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
})

func roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(certificate().Leaf)
	return pool
}
