package picture

import (
	"image"
	"image/draw"
)

// part is what one new pixel covers of a row or a column, in 256ths of a pixel.
type part struct{ from, upto int }

// parts divides n old pixels among m new ones.
func parts(n, m int) []part {
	all := make([]part, m)
	for i := range all {
		all[i] = part{i * n * 256 / m, (i + 1) * n * 256 / m}
	}
	return all
}

// of returns how much of an old pixel the new one covers.
func (p part) of(pixel int) uint64 {
	return uint64(min(p.upto, (pixel+1)<<8) - max(p.from, pixel<<8))
}

// shrink returns an image at a smaller size. Each new pixel is the mean of the
// area that it covers, so that fine patterns turn grey and do not flicker. One
// row of the old image is looked at at a time: the kernels of x/image/draw would
// need 32 bytes for each of its pixels.
func shrink(m image.Image, width, height int) *image.RGBA {
	bounds := m.Bounds()
	columns, rows := parts(bounds.Dx(), width), parts(bounds.Dy(), height)
	row := image.NewRGBA(image.Rect(0, 0, bounds.Dx(), 1))
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	sums := make([]uint64, 4*width)
	for y, down := range rows {
		clear(sums)
		for old := down.from >> 8; old<<8 < down.upto; old++ {
			draw.Draw(row, row.Bounds(), m, image.Pt(bounds.Min.X, bounds.Min.Y+old), draw.Src)
			addRow(sums, row.Pix, columns, down.of(old))
		}
		for x, across := range columns {
			area := uint64(across.upto-across.from) * uint64(down.upto-down.from)
			for c := range 4 {
				out.Pix[y*out.Stride+4*x+c] = uint8((sums[4*x+c] + area/2) / area)
			}
		}
	}
	return out
}

// addRow adds a row of old pixels to the sums of the new ones.
func addRow(sums []uint64, pix []uint8, columns []part, weight uint64) {
	for x, across := range columns {
		var r, g, b, a uint64
		for old := across.from >> 8; old<<8 < across.upto; old++ {
			w := across.of(old)
			p := pix[4*old : 4*old+4 : 4*old+4]
			r, g, b, a = r+w*uint64(p[0]), g+w*uint64(p[1]), b+w*uint64(p[2]), a+w*uint64(p[3])
		}
		s := sums[4*x : 4*x+4 : 4*x+4]
		s[0], s[1], s[2], s[3] = s[0]+weight*r, s[1]+weight*g, s[2]+weight*b, s[3]+weight*a
	}
}
