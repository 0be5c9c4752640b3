//go:build unix

package embedded

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// A server that ends while somebody connects is one that is not ready: whoever
// starts another waits, and does not give up.
func TestConnectingToAServerThatEnds(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "pg") // short enough for the path of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for name, end := range map[string]func(net.Conn){
		"at once":               func(net.Conn) {},
		"after the first words": func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) },
	} {
		listener, err := net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432"))
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				end(conn)
				conn.Close()
			}
		}()
		for range 20 { // whether it is the writing that fails or the reading is up to the moment
			conn, err := connect(t.Context(), socketURL(dir, 5432, maintenance))
			if conn != nil || !errors.Is(err, errNotReady) {
				t.Errorf("it ends %s: %v", name, err)
				break
			}
		}
		listener.Close()
	}
}
