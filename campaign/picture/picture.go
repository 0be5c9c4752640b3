package picture

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/webp"
)

const (
	// MaxBytes is the largest file that is taken: photos of phones have up to 10 MB.
	MaxBytes = 12 << 20
	// MaxPixels is the largest image that is decoded: phones take photos of 24
	// megapixels. The worst, a progressive JPEG, needs 400 MB for a moment.
	MaxPixels = 25_000_000
	// MaxSide bounds width and height by themselves, in pixels.
	MaxSide = 16_000
	// MaxWidth is how wide an image is kept, in pixels: twice the width of the
	// layouts, for screens with small pixels.
	MaxWidth = 1200
	// quality of JPEGs: below it, flat areas begin to show blocks.
	quality = 85
)

// Picture is an image as messages show it.
type Picture struct {
	Name      Name
	Data      []byte
	Thumbnail []byte // the picture in small, for lists; a JPEG or a PNG
	Animated  bool
	Shrunk    bool // it was larger
}

// Read takes in a file. An error of type [*Refusal] says why it is not taken;
// there are no others.
func Read(data []byte) (Picture, error) {
	f := formatOf(data)
	if f == unknown {
		return Picture{}, whyNot(data)
	}
	if len(data) > MaxBytes {
		return Picture{}, refuse(fmt.Sprintf("the file has %.1f MB; %d MB is the most", float64(len(data))/(1<<20), MaxBytes>>20), "make the picture smaller, 1,200 pixels wide at best")
	}
	if f == gifFile {
		return readGIF(data)
	}
	width, height, err := sizeOf(f, data)
	if err == nil {
		err = checkSize(width, height)
	}
	if err != nil {
		return Picture{}, err
	}
	decoded, err := decode(f, data)
	if err != nil {
		return Picture{}, broken(err)
	}
	if size := decoded.Bounds().Size(); size != image.Pt(width, height) {
		return Picture{}, broken(fmt.Errorf("it says %d × %d and has %d × %d pixels", width, height, size.X, size.Y))
	}
	kind := PNG
	if _, plain := decoded.(*image.YCbCr); f == jpegFile || plain {
		kind = JPEG
	}
	fitted, shrunk := fit(decoded, orientationOf(f, data))
	return write(fitted, kind, shrunk)
}

// broken refuses a file that cannot be decoded.
func broken(err error) error {
	return refuse("the file is damaged, or no picture: "+err.Error(), "open it in a picture program and export it anew")
}

// checkSize refuses what is too large to be decoded.
func checkSize(width, height int) error {
	switch {
	case width < 1 || height < 1:
		return refuse("the picture has no size", "export it anew")
	case width > MaxSide || height > MaxSide || width*height > MaxPixels:
		return refuse(fmt.Sprintf("the picture has %d × %d pixels, more than 25 million or than %d on a side", width, height, MaxSide),
			"make it smaller: 1,200 pixels are as wide as a newsletter shows")
	}
	return nil
}

// sizeOf returns the size that the file claims, without decoding it.
func sizeOf(f format, data []byte) (width, height int, err error) {
	var c image.Config
	switch f {
	case pngFile:
		c, err = png.DecodeConfig(bytes.NewReader(data))
	case jpegFile:
		c, err = jpeg.DecodeConfig(bytes.NewReader(data))
	default:
		return sizeOfWebP(data)
	}
	if err != nil {
		return 0, 0, broken(err)
	}
	return c.Width, c.Height, nil
}

func decode(f format, data []byte) (image.Image, error) {
	r := bytes.NewReader(data)
	switch f {
	case pngFile:
		return png.Decode(r)
	case jpegFile:
		return jpeg.Decode(r)
	}
	return webp.Decode(r)
}

// fit turns an image upright and shrinks it to what is kept.
func fit(m image.Image, o orientation) (fitted image.Image, shrunk bool) {
	size := m.Bounds().Size()
	across := size.X
	if o.swaps() {
		across = size.Y
	}
	if across > MaxWidth {
		scale := func(n int) int { return max((n*MaxWidth+across/2)/across, 1) }
		m, shrunk = shrink(m, scale(size.X), scale(size.Y)), true
	}
	return turn(narrow(m), o), shrunk
}

// narrow returns an image with 8 bits for each colour: no screen shows more.
func narrow(m image.Image) image.Image {
	switch m.(type) {
	case *image.NRGBA64, *image.RGBA64:
		to := image.NewNRGBA(m.Bounds())
		draw.Draw(to, to.Bounds(), m, m.Bounds().Min, draw.Src)
		return to
	case *image.Gray16:
		to := image.NewGray(m.Bounds())
		draw.Draw(to, to.Bounds(), m, m.Bounds().Min, draw.Src)
		return to
	}
	return m
}

// write encodes an image anew.
func write(m image.Image, kind Kind, shrunk bool) (Picture, error) {
	var out bytes.Buffer
	var err error
	if kind == JPEG {
		err = jpeg.Encode(&out, m, &jpeg.Options{Quality: quality})
	} else {
		err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, m)
	}
	if err != nil {
		return Picture{}, broken(err)
	}
	small, err := thumbnail(m)
	if err != nil {
		return Picture{}, broken(err)
	}
	size := m.Bounds().Size()
	return Picture{Name: Name{hashOf(out.Bytes()), size.X, size.Y, kind}, Data: out.Bytes(), Thumbnail: small, Shrunk: shrunk}, nil
}
