package listhygiene

import (
	"crypto/hmac"
	"crypto/sha256"
)

// ErasureHash returns what is kept of an address whose owner asked to be
// forgotten: a keyed hash of its exact or canonical key, by which the address is
// recognised when a file brings it back. Without the secret nobody can find out
// by trying which addresses it stands for. 16 bytes make two addresses with one
// hash as good as impossible.
func ErasureHash(secret []byte, key string) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(key))
	return mac.Sum(nil)[:erasureHashSize]
}

const erasureHashSize = 16
