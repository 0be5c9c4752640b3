//go:build !libcrypto || !linux

package libcrypto

import (
	"crypto"
	"errors"
)

// errLeftOut says that the program was built without the tag.
var errLeftOut = errors.New("built without OpenSSL (build tag libcrypto)")

// Accelerate returns the key as it is: this program was built without OpenSSL.
func Accelerate(key crypto.Signer) (crypto.Signer, error) { return key, errLeftOut }
