package delivery

import (
	"context"
	"crypto"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/headwaymail/headway/internal/dkim"
)

// slowKey is a key whose signatures take until somebody lets them go on.
type slowKey struct {
	crypto.Signer
	begun, goOn chan struct{}
}

func (k slowKey) Sign(random io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	k.begun <- struct{}{}
	<-k.goOn
	return k.Signer.Sign(random, digest, o)
}

// A lane whose end comes while its message waits for its signature gives the
// message back: nothing is wrong with it.
func TestEndBeforeSignature(t *testing.T) {
	t.Parallel()
	key, err := dkim.GenerateEd25519()
	if err != nil {
		t.Fatal(err)
	}
	pool := dkim.NewPool()
	slow := slowKey{key, make(chan struct{}), make(chan struct{})}
	for range runtime.GOMAXPROCS(0) { // every processor signs something that does not end
		go func() {
			_, _ = pool.Sign(context.Background(), nil, []byte("From: a@b.test\r\n\r\nx\r\n"), time.Now(), &dkim.Signer{Domain: "b.test", Selector: "s", Key: slow})
		}()
		<-slow.begun
	}
	defer close(slow.goOn)
	r := receive(t, nil)
	g := start(t, r, rigConfig{contacts: 50, signing: pool})
	until(t, time.Minute, "a claim is in hand", func() bool { return g.text(`select count(*)::text from claims`) != "0" })
	time.Sleep(200 * time.Millisecond) // its first message waits for a signature by now
	g.cancel()
	until(t, time.Minute, "the lanes have ended", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.closed = true
		return len(g.lanes) == 0
	})
	if n := g.counters(); n.Queued != 50 {
		t.Errorf("counted %+v; nobody was mailed, and nobody may be given up", n)
	}
}
