// Package libcrypto signs with OpenSSL's RSA in place of Go's, which takes two
// to four times as long. RSA is what bounds how many messages a machine can
// send, so it is worth a shared library where there is one:
//
//  1. it is compiled in with the build tag libcrypto; the default binary stays
//     static, and [Accelerate] then returns every key as it is;
//  2. the library of OpenSSL 3 is looked up once, at run time and without cgo;
//  3. a key is handed over as DER, and must prove itself: PKCS #1 v1.5
//     signatures have no randomness, so OpenSSL's must equal Go's bit by bit;
//  4. whatever is missing or wrong leaves the key with Go, and says why.
//
// Keys of other kinds stay with Go: Ed25519 costs next to nothing.
package libcrypto
