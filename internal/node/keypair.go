package node

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// keypairLook is how often the files of a certificate are looked at: whoever
// renews it need not restart anything, and a flood of connections reads nothing.
const keypairLook = time.Second

// keypair is a certificate in two files. It is read again when one of them
// changes. While they do not fit together, as between the writing of the one and
// the other, the pair that was read last stays in use.
type keypair struct {
	certificate, key string
	log              *slog.Logger

	mu     sync.Mutex
	pair   *tls.Certificate // guarded by mu
	stamps [2]time.Time     // guarded by mu; when the files were written
	looked time.Time        // guarded by mu
}

// openKeypair reads the files once, so that a mistake in them is found at the
// start.
func openKeypair(certificate, key string, log *slog.Logger) (*keypair, error) {
	k := &keypair{certificate: certificate, key: key, log: log}
	stamps, err := k.stat()
	if err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("%s and %s: %w", certificate, key, err)
	}
	k.pair, k.stamps, k.looked = &pair, stamps, time.Now()
	return k, nil
}

// get returns the certificate for a handshake.
func (k *keypair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := time.Now(); now.Sub(k.looked) >= keypairLook {
		k.looked = now
		k.renew()
	}
	return k.pair, nil
}

// renew reads the files if they changed. k.mu is held.
func (k *keypair) renew() {
	stamps, err := k.stat()
	if err == nil && stamps == k.stamps {
		return
	}
	var pair tls.Certificate
	if err == nil {
		pair, err = tls.LoadX509KeyPair(k.certificate, k.key)
	}
	if err != nil {
		k.log.Warn("the new certificate of the pages cannot be read; the one before stays in use", "certificate", k.certificate, "error", err)
		return
	}
	k.pair, k.stamps = &pair, stamps
	k.log.Info("the pages have a new certificate", "certificate", k.certificate, "until", pair.Leaf.NotAfter)
}

func (k *keypair) stat() (stamps [2]time.Time, err error) {
	for i, name := range []string{k.certificate, k.key} {
		info, err := os.Stat(name)
		if err != nil {
			return stamps, err
		}
		stamps[i] = info.ModTime()
	}
	return stamps, nil
}
