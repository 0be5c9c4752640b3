package dkim

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"sync"
	"time"
)

// maxLine is the length that header lines should not exceed (RFC 5322 §2.1.1).
const maxLine = 78

// Signer is a key with the place where its public half is published. It may be
// used by many goroutines.
type Signer struct {
	Domain   string // d=, aligned with the domain of From
	Selector string // s=
	Key      crypto.Signer
	Lifetime time.Duration // x=, how long the signature is good for; 0 for ever
}

// Sign appends to dst one DKIM-Signature field for each signer, in their order,
// and then the message, and returns the longer buffer. Message is hashed once
// however many sign; it needs a From field and CRLF line ends. Now is when it is
// signed. On an error dst comes back as it was.
func Sign(dst, message []byte, now time.Time, signers ...*Signer) ([]byte, error) {
	d := digests.Get().(*digest)
	defer d.release()
	if err := d.take(message); err != nil {
		return dst, err
	}
	out := dst
	for _, s := range signers {
		var err error
		if out, err = s.append(out, d, now); err != nil {
			return dst, err
		}
	}
	return append(out, message...), nil
}

// digest is what all signatures of a message cover. Its memory is used again.
type digest struct {
	header   header
	names    []string // for h=
	fields   []byte   // of these names, in relaxed form
	bodyHash string   // for bh=
	scratch  []byte
}

var digests = sync.Pool{New: func() any { return new(digest) }}

// take takes a message in.
func (d *digest) take(message []byte) (err error) {
	var body []byte
	if d.header, body, err = split(d.header, message); err != nil {
		return err
	}
	d.names = d.header.appendNames(d.names[:0])
	d.fields = d.header.appendCanonical(d.fields[:0], d.names)
	hash := hashBody(body)
	d.bodyHash = base64.StdEncoding.EncodeToString(hash[:])
	return nil
}

// release gives the memory back. The message is not held on to.
func (d *digest) release() {
	clear(d.header)
	digests.Put(d)
}

// append appends one DKIM-Signature field (RFC 6376 §3.5, §3.7).
func (s *Signer) append(dst []byte, d *digest, now time.Time) ([]byte, error) {
	algorithm, err := s.check()
	if err != nil {
		return dst, err
	}
	start := len(dst)
	tags := tagWriter{dst: append(dst, "DKIM-Signature:"...), line: len("DKIM-Signature:")}
	tags.add("v=1;")
	tags.add("a=", algorithm, ";")
	tags.add("c=relaxed/relaxed;")
	tags.add("d=", s.Domain, ";")
	tags.add("s=", s.Selector, ";")
	tags.add("t=", strconv.FormatInt(now.Unix(), 10), ";")
	if s.Lifetime > 0 {
		tags.add("x=", strconv.FormatInt(now.Add(s.Lifetime).Unix(), 10), ";")
	}
	tags.add("h=", d.names[0])
	for _, name := range d.names[1:] {
		tags.join(":", name)
	}
	tags.join(";")
	tags.add("bh=", d.bodyHash, ";")
	tags.add("b=")

	signed := sha256.New()
	signed.Write(d.fields)
	d.scratch = appendCanonicalField(d.scratch[:0], tags.dst[start:], "DKIM-Signature")
	signed.Write(d.scratch)
	signature, err := s.sign(signed.Sum(nil))
	if err != nil {
		return dst, fmt.Errorf("sign for %s: %w", s.Domain, err)
	}
	d.scratch = base64.StdEncoding.AppendEncode(d.scratch[:0], signature)
	tags.fill(d.scratch)
	return append(tags.dst, "\r\n"...), nil
}

// sign signs a hash. Ed25519 signs it as a message of its own (RFC 8463 §3).
func (s *Signer) sign(hash []byte) ([]byte, error) {
	if _, ok := s.Key.Public().(ed25519.PublicKey); ok {
		return s.Key.Sign(rand.Reader, hash, crypto.Hash(0))
	}
	return s.Key.Sign(rand.Reader, hash, crypto.SHA256)
}

// check returns the value of a=.
func (s *Signer) check() (string, error) {
	if err := checkNames(s.Selector, s.Domain); err != nil {
		return "", err
	}
	if err := checkKey(s.Key); err != nil {
		return "", err
	}
	if _, ok := s.Key.Public().(ed25519.PublicKey); ok {
		return "ed25519-sha256", nil
	}
	return "rsa-sha256", nil
}

// tagWriter writes the tags of a signature on lines of at most maxLine.
type tagWriter struct {
	dst  []byte
	line int // length of the last line so far
}

// add writes a tag, in pieces, behind a space, or on a line of its own if it fits
// no more.
func (w *tagWriter) add(tag ...string) {
	if w.line+1+size(tag) > maxLine {
		w.fold()
	} else {
		w.dst, w.line = append(w.dst, ' '), w.line+1
	}
	w.write(tag)
}

// join writes text right behind the last, or on the next line, where folding
// white space is allowed there.
func (w *tagWriter) join(text ...string) {
	if w.line+size(text) > maxLine {
		w.fold()
	}
	w.write(text)
}

// fill writes base64, which may be folded anywhere.
func (w *tagWriter) fill(text []byte) {
	for room := maxLine - w.line; len(text) > room; room = maxLine - w.line {
		w.dst = append(w.dst, text[:room]...)
		w.fold()
		text = text[room:]
	}
	w.dst, w.line = append(w.dst, text...), w.line+len(text)
}

func (w *tagWriter) fold() { w.dst, w.line = append(w.dst, "\r\n "...), 1 }

func (w *tagWriter) write(pieces []string) {
	for _, p := range pieces {
		w.dst = append(w.dst, p...)
	}
	w.line += size(pieces)
}

// size is the length of all pieces together.
func size(pieces []string) int {
	n := 0
	for _, p := range pieces {
		n += len(p)
	}
	return n
}
