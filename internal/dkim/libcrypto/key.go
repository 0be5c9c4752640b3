//go:build libcrypto && linux

package libcrypto

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"unsafe"
)

// Accelerate returns a signer for an RSA key that works with OpenSSL. The error
// says why the key is returned as it is.
func Accelerate(key crypto.Signer) (crypto.Signer, error) {
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return key, errors.New("only RSA keys are handed to OpenSSL")
	}
	openssl, err := library()
	if err != nil {
		return key, err
	}
	der := x509.MarshalPKCS1PrivateKey(private)
	at := unsafe.Pointer(&der[0])
	handle := openssl.d2iPrivateKey(evpPKeyRSA, 0, &at, len(der))
	runtime.KeepAlive(der)
	clear(der)
	if handle == 0 {
		return key, fmt.Errorf("%w the key", errOpenSSL)
	}
	k := &rsaKey{public: &private.PublicKey, openssl: openssl, handle: handle}
	runtime.AddCleanup(k, openssl.keyFree, handle)
	if err := k.prove(private); err != nil {
		return key, err
	}
	return k, nil
}

// rsaKey signs with OpenSSL. It may be used by many goroutines.
type rsaKey struct {
	public   *rsa.PublicKey
	openssl  *functions
	handle   uintptr
	contexts sync.Pool // of *context, each for one signature at a time
}

// context is OpenSSL's state of a signature; it can be used again.
type context struct{ handle uintptr }

// Public returns the *rsa.PublicKey.
func (k *rsaKey) Public() crypto.PublicKey { return k.public }

// Sign signs a SHA-256 hash by PKCS #1 v1.5, as DKIM wants it; other options are
// refused.
func (k *rsaKey) Sign(_ io.Reader, hash []byte, options crypto.SignerOpts) ([]byte, error) {
	if options.HashFunc() != crypto.SHA256 || len(hash) != sha256.Size {
		return nil, errors.New("only SHA-256 is signed here")
	}
	if _, pss := options.(*rsa.PSSOptions); pss {
		return nil, errors.New("only PKCS #1 v1.5 is signed here")
	}
	c, err := k.context()
	if err != nil {
		return nil, err
	}
	signature := make([]byte, k.public.Size())
	length := uintptr(len(signature))
	ok := k.openssl.sign(c.handle, &signature[0], &length, &hash[0], uintptr(len(hash)))
	runtime.KeepAlive(k)
	if ok != 1 || length != uintptr(len(signature)) {
		return nil, fmt.Errorf("%w to sign", errOpenSSL) // the context is dropped with what is wrong in it
	}
	k.contexts.Put(c)
	return signature, nil
}

// context returns a context that nobody else uses now.
func (k *rsaKey) context() (*context, error) {
	if c, ok := k.contexts.Get().(*context); ok {
		return c, nil
	}
	handle := k.openssl.contextNew(k.handle, 0)
	if handle == 0 {
		return nil, fmt.Errorf("%w a context", errOpenSSL)
	}
	c := &context{handle}
	runtime.AddCleanup(c, k.openssl.contextFree, handle)
	if k.openssl.signInit(handle) != 1 || k.openssl.setPadding(handle, rsaPKCS1Padding) != 1 ||
		k.openssl.setDigest(handle, k.openssl.sha256()) != 1 {
		return nil, fmt.Errorf("%w the kind of signature", errOpenSSL)
	}
	return c, nil
}

// prove compares a signature with Go's.
func (k *rsaKey) prove(private *rsa.PrivateKey) error {
	hash := sha256.Sum256([]byte("headway"))
	want, err := rsa.SignPKCS1v15(nil, private, crypto.SHA256, hash[:])
	if err != nil {
		return err
	}
	got, err := k.Sign(nil, hash[:], crypto.SHA256)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return errors.New("OpenSSL's signature differs from Go's")
	}
	return nil
}
