package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/gif"
)

const (
	// maxAnimation is the largest animation that is kept, in bytes: readers load
	// it over their phones.
	maxAnimation = 5 << 20
	// maxFrames and maxFramePixels bound what is decoded, of all frames together.
	maxFrames      = 1000
	maxFramePixels = 60_000_000
)

// readGIF keeps an animation as it is, and makes a PNG of a still.
func readGIF(data []byte) (Picture, error) {
	a, err := walkGIF(data)
	if err == nil {
		err = checkSize(a.width, a.height)
	}
	if err == nil && (a.frames > maxFrames || a.pixels > maxFramePixels) {
		err = refuse(fmt.Sprintf("the animation has %d frames with %d million pixels together", a.frames, a.pixels/1_000_000), "make it shorter or smaller")
	}
	if err != nil {
		return Picture{}, err
	}
	decoded, err := gif.DecodeAll(bytes.NewReader(a.kept))
	if err != nil {
		return Picture{}, broken(err)
	}
	first := onCanvas(decoded.Image[0], a.width, a.height)
	if len(decoded.Image) == 1 {
		fitted, shrunk := fit(first, upright)
		return write(fitted, PNG, shrunk)
	}
	switch {
	case a.width > MaxWidth:
		return Picture{}, refuse(fmt.Sprintf("the animation is %d pixels wide, and cannot be made smaller here", a.width), fmt.Sprintf("export it with %d pixels at most; newsletters show 600", MaxWidth))
	case len(a.kept) > maxAnimation:
		return Picture{}, refuse(fmt.Sprintf("the animation has %.1f MB; %d MB is the most", float64(len(a.kept))/(1<<20), maxAnimation>>20), "make it shorter, smaller or with fewer colours")
	}
	small, err := thumbnail(first)
	if err != nil {
		return Picture{}, broken(err)
	}
	return Picture{Name: Name{hashOf(a.kept), a.width, a.height, GIF}, Data: a.kept, Thumbnail: small, Animated: true}, nil
}

// onCanvas returns a frame with the size of the whole image.
func onCanvas(frame *image.Paletted, width, height int) image.Image {
	canvas := image.Rect(0, 0, width, height)
	if frame.Bounds() == canvas {
		return frame
	}
	whole := image.NewNRGBA(canvas)
	draw.Draw(whole, frame.Bounds(), frame, frame.Bounds().Min, draw.Src)
	return whole
}

// animation is what a walk through a GIF finds.
type animation struct {
	width, height int
	frames        int
	pixels        int64  // of all frames
	kept          []byte // the file without comments and foreign extensions
}

var errCutOff = errors.New("it is cut off")

// gifWalk goes through a GIF (GIF89a specification, appendix A).
type gifWalk struct {
	data []byte
	at   int
	cut  bool // the end was passed
}

// take returns the next bytes.
func (w *gifWalk) take(n int) []byte {
	if w.cut || n > len(w.data)-w.at {
		w.cut = true
		return make([]byte, n)
	}
	w.at += n
	return w.data[w.at-n : w.at]
}

// blocks passes over data sub-blocks and the block that ends them.
func (w *gifWalk) blocks() {
	for !w.cut {
		n := int(w.take(1)[0])
		if n == 0 {
			return
		}
		w.take(n)
	}
}

// colours passes over a colour table, if the flags say that there is one.
func (w *gifWalk) colours(flags byte) {
	if flags&0x80 != 0 {
		w.take(3 << (flags&7 + 1))
	}
}

// loops are the application extensions that say how often an animation repeats.
var loops = [][]byte{[]byte("\x0bNETSCAPE2.0"), []byte("\x0bANIMEXTS1.0")}

// walkGIF measures a GIF without decoding it, and leaves out what is no part of
// the animation.
func walkGIF(data []byte) (animation, error) {
	w := gifWalk{data: data}
	w.take(6)
	screen := w.take(7)
	a := animation{width: int(binary.LittleEndian.Uint16(screen)), height: int(binary.LittleEndian.Uint16(screen[2:]))}
	w.colours(screen[4])
	a.kept = append(a.kept, data[:w.at]...)
	for !w.cut {
		begin := w.at
		keep := true
		switch w.take(1)[0] {
		case 0x3b: // the end; what stands behind it is left out
			if a.frames == 0 {
				return a, broken(errors.New("there is no picture in it"))
			}
			a.kept = append(a.kept, 0x3b)
			return a, nil
		case 0x2c:
			frame := w.take(9)
			a.frames++
			a.pixels += int64(binary.LittleEndian.Uint16(frame[4:])) * int64(binary.LittleEndian.Uint16(frame[6:]))
			w.colours(frame[8])
			w.take(1)
			w.blocks()
		case 0x21:
			label := w.take(1)[0]
			rest := data[w.at:]
			keep = label == 0xf9 || label == 0xff && (bytes.HasPrefix(rest, loops[0]) || bytes.HasPrefix(rest, loops[1]))
			w.blocks()
		default:
			return a, broken(errors.New("something unknown stands between its frames"))
		}
		if keep && !w.cut {
			a.kept = append(a.kept, data[begin:w.at]...)
		}
	}
	return a, broken(errCutOff)
}
