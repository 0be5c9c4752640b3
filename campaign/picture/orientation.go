package picture

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/draw"
)

// orientation is how a camera was held: what must be done to see a picture
// upright, as Exif 2.32 numbers it (§4.6.4, tag 0112), from 1 (nothing) to 8.
type orientation int

const upright orientation = 1

// swaps reports whether width and height change places.
func (o orientation) swaps() bool { return o >= 5 }

// turn returns a picture upright.
func turn(m image.Image, o orientation) image.Image {
	if o == upright {
		return m
	}
	b := m.Bounds()
	from := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(from, from.Bounds(), m, b.Min, draw.Src)
	w, h := b.Dx(), b.Dy()
	size := image.Rect(0, 0, w, h)
	if o.swaps() {
		size = image.Rect(0, 0, h, w)
	}
	to := image.NewRGBA(size)
	for y := range size.Dy() {
		for x := range size.Dx() {
			fx, fy := o.source(x, y, w, h)
			copy(to.Pix[to.PixOffset(x, y):][:4], from.Pix[from.PixOffset(fx, fy):][:4])
		}
	}
	return to
}

// source returns which pixel of a picture of w × h stands at x, y when it is
// upright.
func (o orientation) source(x, y, w, h int) (int, int) {
	switch o {
	case 2: // mirrored
		return w - 1 - x, y
	case 3: // upside down
		return w - 1 - x, h - 1 - y
	case 4: // upside down and mirrored
		return x, h - 1 - y
	case 5: // on its side and mirrored
		return y, x
	case 6: // to be turned clockwise
		return y, h - 1 - x
	case 7: // on its other side and mirrored
		return w - 1 - y, h - 1 - x
	case 8: // to be turned the other way
		return w - 1 - y, x
	}
	return x, y
}

// orientationOf finds the orientation in a file, upright where none is noted.
func orientationOf(f format, data []byte) orientation {
	var exif []byte
	switch f {
	case jpegFile:
		exif = exifOfJPEG(data)
	case webpFile:
		exif = chunkOfWebP(data, "EXIF")
	case pngFile:
		exif = chunkOfPNG(data, "eXIf")
	}
	return readOrientation(bytes.TrimPrefix(exif, []byte("Exif\x00\x00")))
}

// exifOfJPEG finds the segment APP1 with Exif before the picture begins
// (ISO 10918-1 §B.1.1.4).
func exifOfJPEG(data []byte) []byte {
	for at := 2; at+4 <= len(data) && data[at] == 0xff; {
		marker := data[at+1]
		if marker == 0xff { // a fill byte
			at++
			continue
		}
		size := int(binary.BigEndian.Uint16(data[at+2:]))
		if marker == 0xda || size < 2 || at+2+size > len(data) {
			return nil
		}
		body := data[at+4 : at+2+size]
		if marker == 0xe1 && bytes.HasPrefix(body, []byte("Exif\x00\x00")) {
			return body
		}
		at += 2 + size
	}
	return nil
}

// chunkOfPNG finds a chunk by its name (RFC 2083 §3.2).
func chunkOfPNG(data []byte, name string) []byte {
	for at := 8; at+12 <= len(data); {
		size := int(binary.BigEndian.Uint32(data[at:]))
		if size < 0 || size > len(data)-at-12 {
			return nil
		}
		if string(data[at+4:at+8]) == name {
			return data[at+8 : at+8+size]
		}
		at += 12 + size
	}
	return nil
}

// readOrientation reads tag 0112 of the first directory of a TIFF structure
// (TIFF 6.0, section 2).
func readOrientation(tiff []byte) orientation {
	if len(tiff) < 8 {
		return upright
	}
	var order binary.ByteOrder = binary.LittleEndian
	if string(tiff[:2]) == "MM" {
		order = binary.BigEndian
	}
	at := uint64(order.Uint32(tiff[4:]))
	if order.Uint16(tiff[2:]) != 42 || at+2 > uint64(len(tiff)) {
		return upright
	}
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < 12 {
			break
		}
		if o := orientation(order.Uint16(entries[8:])); order.Uint16(entries) == 0x0112 && o >= 1 && o <= 8 {
			return o
		}
		entries = entries[12:]
	}
	return upright
}
