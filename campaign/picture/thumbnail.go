package picture

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
)

const (
	// A thumbnail fits into this, in pixels: enough for a card of a list.
	thumbnailWidth  = 320
	thumbnailHeight = 200
	// thumbnailQuality makes some kilobytes of it, so that a list of many stays
	// light.
	thumbnailQuality = 70
)

// thumbnail returns a picture in small: a JPEG where nothing is transparent, or
// else a PNG.
func thumbnail(m image.Image) ([]byte, error) {
	size := m.Bounds().Size()
	width, height := size.X, size.Y
	if width > thumbnailWidth {
		width, height = thumbnailWidth, max(height*thumbnailWidth/width, 1)
	}
	if height > thumbnailHeight {
		width, height = max(width*thumbnailHeight/height, 1), thumbnailHeight
	}
	small := shrink(m, width, height)
	var out bytes.Buffer
	if small.Opaque() {
		err := jpeg.Encode(&out, small, &jpeg.Options{Quality: thumbnailQuality})
		return out.Bytes(), err
	}
	err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, small)
	return out.Bytes(), err
}
