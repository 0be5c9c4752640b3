package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"iter"

	"golang.org/x/image/webp"
)

// chunks goes through the chunks of a WebP file (RFC 9649 §2.3).
func chunks(data []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for at := 12; at+8 <= len(data); {
			size := int64(binary.LittleEndian.Uint32(data[at+4:]))
			if size > int64(len(data)-at-8) {
				return
			}
			if !yield(string(data[at:at+4]), data[at+8:at+8+int(size)]) {
				return
			}
			at += 8 + int(size) + int(size&1)
		}
	}
}

func chunkOfWebP(data []byte, name string) []byte {
	for found, body := range chunks(data) {
		if found == name {
			return body
		}
	}
	return nil
}

// sizeOfWebP returns the size of a WebP file. What the file claims and what the
// picture in it claims must be the same: the decoder trusts both.
func sizeOfWebP(data []byte) (width, height int, err error) {
	c, err := webp.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return 0, 0, broken(err)
	}
	for name, body := range chunks(data) {
		switch name {
		case "ANIM", "ANMF":
			return 0, 0, refuse("the file is an animated WebP, which most mail programs do not show", "export it as GIF")
		case "VP8 ": // RFC 6386 §9.1
			if len(body) < 10 {
				return 0, 0, broken(errors.New("its picture is cut off"))
			}
			width, height = int(binary.LittleEndian.Uint16(body[6:])&0x3fff), int(binary.LittleEndian.Uint16(body[8:])&0x3fff)
		case "VP8L": // RFC 9649 §3.3
			if len(body) < 5 {
				return 0, 0, broken(errors.New("its picture is cut off"))
			}
			bits := binary.LittleEndian.Uint32(body[1:])
			width, height = int(bits&0x3fff)+1, int(bits>>14&0x3fff)+1
		default:
			continue
		}
		if width != c.Width || height != c.Height {
			return 0, 0, broken(errors.New("it claims two sizes"))
		}
		return width, height, nil
	}
	return 0, 0, broken(errors.New("there is no picture in it"))
}
