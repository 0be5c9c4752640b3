//go:build libcrypto && linux

package libcrypto

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Numbers from OpenSSL's headers (evp.h, rsa.h).
const (
	evpPKeyRSA      = 6
	rsaPKCS1Padding = 1
)

// functions are those of OpenSSL 3 that are used, under their own names.
type functions struct {
	d2iPrivateKey func(kind int32, into uintptr, der *unsafe.Pointer, length int) uintptr
	keyFree       func(key uintptr)
	contextNew    func(key, engine uintptr) uintptr
	contextFree   func(context uintptr)
	signInit      func(context uintptr) int32
	setPadding    func(context uintptr, padding int32) int32
	setDigest     func(context, digest uintptr) int32
	sign          func(context uintptr, signature *byte, length *uintptr, hash *byte, hashLength uintptr) int32
	sha256        func() uintptr
}

// library opens OpenSSL 3 when it is first needed.
var library = sync.OnceValues(func() (*functions, error) {
	handle, err := purego.Dlopen("libcrypto.so.3", purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("the library of OpenSSL 3 is not there: %w", err)
	}
	f := new(functions)
	for name, into := range map[string]any{
		"d2i_PrivateKey":                &f.d2iPrivateKey,
		"EVP_PKEY_free":                 &f.keyFree,
		"EVP_PKEY_CTX_new":              &f.contextNew,
		"EVP_PKEY_CTX_free":             &f.contextFree,
		"EVP_PKEY_sign_init":            &f.signInit,
		"EVP_PKEY_CTX_set_rsa_padding":  &f.setPadding,
		"EVP_PKEY_CTX_set_signature_md": &f.setDigest,
		"EVP_PKEY_sign":                 &f.sign,
		"EVP_sha256":                    &f.sha256,
	} {
		symbol, err := purego.Dlsym(handle, name)
		if err != nil {
			return nil, fmt.Errorf("the library of OpenSSL lacks %s: %w", name, err)
		}
		purego.RegisterFunc(into, symbol)
	}
	return f, nil
})

var errOpenSSL = errors.New("OpenSSL refused")
