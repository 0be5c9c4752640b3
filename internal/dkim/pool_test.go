package dkim_test

import (
	"context"
	"crypto"
	"errors"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/headwaymail/headway/internal/dkim"
)

// slowKey signs when it is told to, and counts how many wait for that.
type slowKey struct {
	crypto.Signer
	inside  atomic.Int32
	proceed chan struct{}
}

func (k *slowKey) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	k.inside.Add(1)
	defer k.inside.Add(-1)
	<-k.proceed
	return k.Signer.Sign(random, digest, opts)
}

// However much other work asks for a processor, one is kept free for it, and the
// last one goes on signing.
func TestPoolYields(t *testing.T) {
	t.Parallel()
	_, edKey := keys(t)
	synctest.Test(t, func(t *testing.T) {
		key := &slowKey{Signer: edKey.Key, proceed: make(chan struct{})}
		signer := &dkim.Signer{Domain: "example.test", Selector: "s", Key: key}
		pool, message := dkim.NewPool(), newsletter(100)
		sign := func() int {
			var waiting sync.WaitGroup
			for range 3 * runtime.GOMAXPROCS(0) {
				waiting.Go(func() {
					if _, err := pool.Sign(t.Context(), nil, message, signedAt, signer); err != nil {
						t.Error(err)
					}
				})
			}
			synctest.Wait()
			inside := int(key.inside.Load())
			for range 3 * runtime.GOMAXPROCS(0) {
				key.proceed <- struct{}{}
			}
			waiting.Wait()
			return inside
		}
		first, second := pool.Yield(t.Context()), pool.Yield(t.Context())
		if inside, want := sign(), max(runtime.GOMAXPROCS(0)-1, 1); inside != want {
			t.Errorf("%d sign at once beside other work, want %d", inside, want)
		}
		second()
		first()
		if inside := sign(); inside != runtime.GOMAXPROCS(0) {
			t.Errorf("%d sign at once afterwards, want %d", inside, runtime.GOMAXPROCS(0))
		}
		pool.Yield(t.Context())()
	})
}

func TestPoolIsAsWideAsTheMachine(t *testing.T) {
	t.Parallel()
	_, edKey := keys(t)
	synctest.Test(t, func(t *testing.T) {
		key := &slowKey{Signer: edKey.Key, proceed: make(chan struct{})}
		signer := &dkim.Signer{Domain: "example.test", Selector: "s", Key: key}
		pool, message := dkim.NewPool(), newsletter(100)
		var waiting sync.WaitGroup
		for range 3 * runtime.GOMAXPROCS(0) {
			waiting.Go(func() {
				if _, err := pool.Sign(t.Context(), nil, message, signedAt, signer); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if inside := int(key.inside.Load()); inside != runtime.GOMAXPROCS(0) {
			t.Errorf("%d sign at once, want %d", inside, runtime.GOMAXPROCS(0))
		}

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if dst, err := pool.Sign(ctx, []byte("kept"), message, signedAt, signer); !errors.Is(err, context.Canceled) || string(dst) != "kept" {
			t.Errorf("with a cancelled context: %q, %v", dst, err)
		}
		close(key.proceed)
		waiting.Wait()
	})
}

func TestSignersAreSharedByGoroutines(t *testing.T) {
	t.Parallel()
	rsaKey, edKey := keys(t)
	pool, message := dkim.NewPool(), newsletter(2000)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			out, err := pool.Sign(t.Context(), nil, message, signedAt, rsaKey, edKey)
			if err != nil {
				t.Error(err)
				return
			}
			for _, v := range verify(t, out, rsaKey, edKey) {
				if v.Err != nil {
					t.Error(v.Err)
				}
			}
		})
	}
	all.Wait()
}
