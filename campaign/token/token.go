// Package token makes and checks the signed tokens that tie what comes back to
// what was sent: bounces, complaints, unsubscribes and clicks.
//
// A token travels with a message and returns long afterwards, from anywhere:
//
//  1. when a message is rendered, [Keyring.Mint] writes one token for each
//     purpose: the return path, the Message-ID, the unsubscribe links, the
//     tracked links;
//  2. the token names campaign and contact and proves, by an HMAC, that we
//     wrote it: a made-up bounce or complaint can therefore suppress nobody;
//  3. when it returns, [Keyring.Verify] answers whose message it was, or says
//     why the token is not to be believed.
//
// The bytes of a token, before base32 (lower case, no padding):
//
//	version      1 byte, 1
//	purpose, key 1 byte, purpose in the upper three bits, key id in the lower five
//	campaign     unsigned varint
//	contact      unsigned varint
//	link         unsigned varint, in click tokens only
//	day          2 bytes, big-endian, days since 1970-01-01 UTC
//	signature    first 10 bytes of HMAC-SHA-256 over all of the above
//
// With a million campaigns and a billion contacts a token has 36 characters,
// so that "b." and a token stay within the 64 octets of a local part (RFC 5321
// §4.5.3.1.1). Only letters and the digits 2 to 7 occur, and the case of the
// letters does not matter, because some systems change it.
//
// The package stores no keys, reads no clock, and a token keeps nothing secret:
// campaign and contact ids can be read by everyone who sees it.
package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	version = 1

	// signatureSize is 80 bits: one guess in 10²⁴, cheap to carry in a local part.
	signatureSize = 10

	// maxSize is the longest token before base32: three varints of ten bytes.
	maxSize = 2 + 3*binary.MaxVarintLen64 + 2 + signatureSize

	// bounceLifetime is how long a return path takes reports. Mail systems give
	// up after five days (RFC 5321 §4.5.4.1); thirty leave room for slow ones.
	bounceLifetime = 30 * day

	day = 24 * time.Hour
)

// Why a token is not believed.
var (
	ErrMalformed  = errors.New("not a token")
	ErrUnknownKey = errors.New("token signed with an unknown key")
	ErrForged     = errors.New("token signature does not match")
	ErrPurpose    = errors.New("token made for another purpose")
	ErrExpired    = errors.New("token expired")
)

var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Purpose says where a token stands in a message. A token made for one purpose
// verifies for no other: who sees a Message-ID cannot unsubscribe its reader.
type Purpose uint8

// The purposes. Their numbers are part of every token sent and never change.
const (
	Bounce            Purpose = 1 // the envelope sender, b.TOKEN@bounce domain; good for 30 days
	MessageID         Purpose = 2 // Message-ID and X-Headway-Ref
	Unsubscribe       Purpose = 3 // the https unsubscribe link
	MailtoUnsubscribe Purpose = 4 // the mailto unsubscribe address, u.TOKEN@bounce domain
	Click             Purpose = 5 // a tracked link; carries the link's number
	View              Purpose = 6 // the "view in browser" link
	Open              Purpose = 7 // the image that counts opens
)

// String names the purpose as logs show it.
func (p Purpose) String() string {
	switch p {
	case Bounce:
		return "bounce"
	case MessageID:
		return "message-id"
	case Unsubscribe:
		return "unsubscribe"
	case MailtoUnsubscribe:
		return "mailto-unsubscribe"
	case Click:
		return "click"
	case View:
		return "view"
	case Open:
		return "open"
	}
	return fmt.Sprintf("purpose %d", uint8(p))
}

// Claims is what a token says.
type Claims struct {
	Purpose  Purpose
	Campaign int64     // campaign id
	Contact  int64     // contact id
	Link     uint64    // number of the tracked link; only with [Click]
	Day      time.Time // midnight UTC of the day it was minted for
}

// Mint returns the token for these claims, signed with the current key.
//
// Day may be any time of the day. It must be the same at every attempt to
// deliver one message (the day of its launch, say): servers that greylist by
// sender then recognise the retry.
func (k *Keyring) Mint(c Claims) string { return string(k.Append(nil, c)) }

// Append is [Keyring.Mint] for a buffer: a message with many tracked links has a
// token in each.
func (k *Keyring) Append(dst []byte, c Claims) []byte {
	var array [maxSize + sha256.Size]byte
	raw := append(array[:0], version, byte(c.Purpose)<<5|k.current)
	raw = binary.AppendUvarint(raw, uint64(c.Campaign))
	raw = binary.AppendUvarint(raw, uint64(c.Contact))
	if c.Purpose == Click {
		raw = binary.AppendUvarint(raw, c.Link)
	}
	raw = binary.BigEndian.AppendUint16(raw, uint16(c.Day.Unix()/int64(day/time.Second)))
	body := len(raw)
	raw = k.keys[k.current].sign(raw, raw)
	return encoding.AppendEncode(dst, raw[:body+signatureSize])
}

// Verify returns what a token claims if one of our keys signed it for this
// purpose and it has not expired at now. Its case does not matter. The error
// wraps one of the Err values of this package; nothing of a refused token may
// be used.
func (k *Keyring) Verify(token string, purpose Purpose, now time.Time) (Claims, error) {
	raw, err := decode(token)
	if err != nil {
		return Claims{}, err
	}
	body, signature := raw[:len(raw)-signatureSize], raw[len(raw)-signatureSize:]
	key, ok := k.keys[body[1]&maxKeyID]
	if !ok {
		return Claims{}, fmt.Errorf("%w: key %d", ErrUnknownKey, body[1]&maxKeyID)
	}
	if !hmac.Equal(signature, key.sign(nil, body)[:signatureSize]) {
		return Claims{}, ErrForged
	}
	claims, err := parse(body)
	switch {
	case err != nil:
		return Claims{}, err
	case claims.Purpose != purpose:
		return Claims{}, fmt.Errorf("%w: %s, not %s", ErrPurpose, claims.Purpose, purpose)
	case purpose == Bounce && now.After(claims.Day.Add(day+bounceLifetime)):
		return Claims{}, fmt.Errorf("%w: minted on %s", ErrExpired, claims.Day.Format(time.DateOnly))
	}
	return claims, nil
}

// decode undoes base32. It accepts exactly one spelling of each token apart
// from its case: the unused bits of the last character must be zero.
func decode(token string) ([]byte, error) {
	if len(token) > encoding.EncodedLen(maxSize) {
		return nil, ErrMalformed
	}
	token = strings.ToLower(token)
	raw, err := encoding.DecodeString(token)
	if err != nil || encoding.EncodeToString(raw) != token {
		return nil, ErrMalformed
	}
	if len(raw) < 2+1+1+2+signatureSize || raw[0] != version {
		return nil, ErrMalformed
	}
	return raw, nil
}

// parse reads the signed part of a token.
func parse(body []byte) (Claims, error) {
	c := Claims{Purpose: Purpose(body[1] >> 5)}
	rest := body[2:]
	ok := true
	number := func() uint64 {
		n, size := binary.Uvarint(rest)
		if size <= 0 {
			ok = false
			return 0
		}
		rest = rest[size:]
		return n
	}
	c.Campaign = int64(number())
	c.Contact = int64(number())
	if c.Purpose == Click {
		c.Link = number()
	}
	if !ok || len(rest) != 2 {
		return Claims{}, ErrMalformed
	}
	c.Day = time.Unix(int64(binary.BigEndian.Uint16(rest))*int64(day/time.Second), 0).UTC()
	return c, nil
}
