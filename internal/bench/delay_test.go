package bench

import (
	"io"
	"net"
	"testing"
	"time"
)

// TestDelayed: an echo through a road takes its round trip, and little more.
func TestDelayed(t *testing.T) {
	t.Parallel()
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		c, err := echo.Accept()
		if err == nil {
			_, _ = io.Copy(c, c)
			c.Close()
		}
	}()
	const roundTrip = 40 * time.Millisecond
	road, err := newDelayed("127.0.0.1:0", echo.Addr().String(), roundTrip)
	if err != nil {
		t.Fatal(err)
	}
	defer road.close()
	c, err := net.Dial("tcp", road.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	buffer := make([]byte, 20<<10)
	least := time.Hour
	end := time.Now().Add(10 * time.Second) // a busy machine needs some tries
	for tries := 0; tries < 5 || least > 2*roundTrip && time.Now().Before(end); tries++ {
		began := time.Now()
		if _, err := c.Write(buffer); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, buffer); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < roundTrip {
			t.Errorf("an echo came back after %s", took)
		} else {
			least = min(least, took)
		}
	}
	t.Logf("the quickest echo took %s", least)
	if least > 2*roundTrip {
		t.Errorf("the quickest echo took %s, want about %s", least, roundTrip)
	}
}
