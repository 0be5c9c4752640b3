package picture

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// scene is a picture whose left upper quarter is red, on blue.
func scene(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{0, 0, 200, 255}
			if x < w/2 && y < h/2 {
				c = color.RGBA{200, 0, 0, 255}
			}
			m.SetRGBA(x, y, c)
		}
	}
	return m
}

func asPNG(m image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func asJPEG(m image.Image) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// asGIF has a frame for each picture, and a comment.
func asGIF(frames int, w, h int) []byte {
	g := &gif.GIF{Config: image.Config{Width: w, Height: h, ColorModel: color.Palette{color.Black, color.White}}}
	for k := range frames {
		m := image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{color.Black, color.White})
		m.Pix[k%len(m.Pix)] = 1
		g.Image, g.Delay = append(g.Image, m), append(g.Delay, 10)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		panic(err)
	}
	data := b.Bytes()
	comment := append([]byte{0x21, 0xfe, 11}, "taken at 3E\x00"[:12]...)
	return append(data[:len(data)-1:len(data)-1], append(comment, 0x3b)...)
}

// exif is a TIFF structure with an orientation and a maker's name.
func exif(o orientation, order binary.ByteOrder) []byte {
	b := []byte("II*\x00\x08\x00\x00\x00")
	if order == binary.BigEndian {
		b = []byte("MM\x00*\x00\x00\x00\x08")
	}
	entry := func(tag, kind uint16, n uint32, value uint16) {
		e := make([]byte, 12)
		order.PutUint16(e, tag)
		order.PutUint16(e[2:], kind)
		order.PutUint32(e[4:], n)
		order.PutUint16(e[8:], value)
		b = append(b, e...)
	}
	b = append(b, 0, 0)
	order.PutUint16(b[8:], 2)
	entry(0x010f, 2, 4, 0x4141)
	entry(0x0112, 3, 1, uint16(o))
	return append(b, "\x00\x00\x00\x00GPS 52.2297 N"...)
}

// withExif puts Exif behind the beginning of a JPEG.
func withExif(jpg, tiff []byte) []byte {
	body := append([]byte("Exif\x00\x00"), tiff...)
	segment := append([]byte{0xff, 0xe1, byte((len(body) + 2) >> 8), byte(len(body) + 2)}, body...)
	return append(append(append([]byte{}, jpg[:2]...), segment...), jpg[2:]...)
}

// withChunk puts a chunk behind the header of a PNG.
func withChunk(data []byte, name string, body []byte) []byte {
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	chunk = append(append(chunk, name...), body...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	return append(append(append([]byte{}, data[:33]...), chunk...), data[33:]...)
}

// WebP files of 16 × 8 pixels whose left half is red: lossy, lossy with a right
// half that is transparent, and the same without loss.
const (
	lossyWebP = "UklGRkAAAABXRUJQVlA4IDQAAADwAQCdASoQAAgAAUAmJaACdLoAAwkG+4AA/vrq76Zyx/8gx/8ZU5h/+Mqf/GU2T/xlOLgA"
	clearWebP = "UklGRmQAAABXRUJQVlA4WAoAAAAQAAAADwAABwAAQUxQSBIAAAABDzD/ERFCLJjMX7ozhYj+Rw5WUDggLAAAALABAJ0BKhAACAABQCYloAJ0AQ7+AuwA/vrq79yAzf/H8/6rn/xij//i5gAA"
	exactWebP = "UklGRiQAAABXRUJQVlA4TBcAAAAvD8ABEA8QwxzzHwyxYDJ/6c4UIvofGQA="
)

func unbase64(text string) []byte {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return data
}

// read takes in a file and makes sure of what holds for all that are taken.
func read(t rapid.TB, data []byte) Picture {
	t.Helper()
	p, err := Read(data)
	if err != nil {
		t.Fatal(err)
	}
	sound(t, p)
	return p
}

func sound(t rapid.TB, p Picture) {
	t.Helper()
	c, kind, err := image.DecodeConfig(bytes.NewReader(p.Data))
	if err != nil || c.Width != p.Name.Width || c.Height != p.Name.Height || "image/"+kind != p.Name.Kind.ContentType() {
		t.Fatalf("%s is %s of %d × %d: %v", p.Name, kind, c.Width, c.Height, err)
	}
	if again, ok := ParseName(p.Name.String()); !ok || again != p.Name || again.Hash != hashOf(p.Data) {
		t.Fatalf("%s is read as %v", p.Name, again)
	}
	if c.Width > MaxWidth {
		t.Fatalf("it is %d wide", c.Width)
	}
	small, _, err := image.DecodeConfig(bytes.NewReader(p.Thumbnail))
	if err != nil || small.Width > thumbnailWidth || small.Height > thumbnailHeight {
		t.Fatalf("the thumbnail has %d × %d: %v", small.Width, small.Height, err)
	}
	for _, private := range []string{"GPS", "Exif", "eXIf", "tEXt", "taken", "MakerNote", "<?php"} {
		if bytes.Contains(p.Data, []byte(private)) {
			t.Fatalf("%q goes out", private)
		}
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	palette := image.NewPaletted(image.Rect(0, 0, 20, 10), color.Palette{color.Transparent, color.Black})
	for name, test := range map[string]struct {
		data     []byte
		kind     Kind
		w, h     int
		shrunk   bool
		animated bool
	}{
		"a small PNG":            {data: asPNG(scene(40, 20)), kind: PNG, w: 40, h: 20},
		"a wide PNG":             {data: asPNG(scene(2400, 30)), kind: PNG, w: 1200, h: 15, shrunk: true},
		"just wide enough":       {data: asPNG(scene(1200, 3)), kind: PNG, w: 1200, h: 3},
		"a pixel too wide":       {data: asPNG(scene(1201, 3)), kind: PNG, w: 1200, h: 3, shrunk: true},
		"a line":                 {data: asPNG(scene(9000, 1)), kind: PNG, w: 1200, h: 1, shrunk: true},
		"a column":               {data: asPNG(scene(1, 9000)), kind: PNG, w: 1, h: 9000},
		"a palette":              {data: asPNG(palette), kind: PNG, w: 20, h: 10},
		"sixteen bits":           {data: asPNG(image.NewNRGBA64(image.Rect(0, 0, 5, 5))), kind: PNG, w: 5, h: 5},
		"grey, sixteen bits":     {data: asPNG(image.NewGray16(image.Rect(0, 0, 5, 5))), kind: PNG, w: 5, h: 5},
		"a PNG with words":       {data: withChunk(asPNG(scene(40, 20)), "tEXt", []byte("GPS\x0052")), kind: PNG, w: 40, h: 20},
		"a PNG on its side":      {data: withChunk(asPNG(scene(40, 20)), "eXIf", exif(6, binary.BigEndian)), kind: PNG, w: 20, h: 40},
		"code behind a PNG":      {data: append(asPNG(scene(40, 20)), "<?php system('id')"...), kind: PNG, w: 40, h: 20},
		"a JPEG":                 {data: asJPEG(scene(64, 32)), kind: JPEG, w: 64, h: 32},
		"a grey JPEG":            {data: asJPEG(image.NewGray(image.Rect(0, 0, 9, 9))), kind: JPEG, w: 9, h: 9},
		"a JPEG with a position": {data: withExif(asJPEG(scene(64, 32)), exif(1, binary.LittleEndian)), kind: JPEG, w: 64, h: 32},
		"a tall photo, lying":    {data: withExif(asJPEG(scene(3000, 2000)), exif(8, binary.BigEndian)), kind: JPEG, w: 1200, h: 1800, shrunk: true},
		"a broken Exif":          {data: withExif(asJPEG(scene(64, 32)), []byte("MM\x00*\xff\xff\xff\xff")), kind: JPEG, w: 64, h: 32},
		"a still GIF":            {data: asGIF(1, 30, 20), kind: PNG, w: 30, h: 20},
		"a wide still GIF":       {data: asGIF(1, 1500, 20), kind: PNG, w: 1200, h: 16, shrunk: true},
		"an animation":           {data: asGIF(4, 30, 20), kind: GIF, w: 30, h: 20, animated: true},
		"a WebP":                 {data: unbase64(lossyWebP), kind: JPEG, w: 16, h: 8},
		"a clear WebP":           {data: unbase64(clearWebP), kind: PNG, w: 16, h: 8},
		"a WebP without loss":    {data: unbase64(exactWebP), kind: PNG, w: 16, h: 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := read(t, test.data)
			if p.Name.Kind != test.kind || p.Name.Width != test.w || p.Name.Height != test.h || p.Shrunk != test.shrunk || p.Animated != test.animated {
				t.Errorf("%s, shrunk %t, animated %t", p.Name, p.Shrunk, p.Animated)
			}
			if again := read(t, test.data); again.Name != p.Name {
				t.Errorf("the same file is called %s and %s", p.Name, again.Name)
			}
		})
	}
}

func TestWebPIsSeen(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"lossy": lossyWebP, "clear": clearWebP, "exact": exactWebP} {
		m, _, err := image.Decode(bytes.NewReader(read(t, unbase64(text)).Data))
		if err != nil {
			t.Fatal(err)
		}
		left, right := color.NRGBAModel.Convert(m.At(2, 4)).(color.NRGBA), color.NRGBAModel.Convert(m.At(13, 4)).(color.NRGBA)
		if left.R < 150 || left.B > 60 || left.A != 255 || name == "lossy" && right.B < 150 || name != "lossy" && right.A != 0 {
			t.Errorf("%s: %v beside %v", name, left, right)
		}
	}
}

// claims changes the size that a PNG claims.
func claims(data []byte, w, h uint32) []byte {
	data = bytes.Clone(data)
	binary.BigEndian.PutUint32(data[16:], w)
	binary.BigEndian.PutUint32(data[20:], h)
	binary.BigEndian.PutUint32(data[29:], crc32.ChecksumIEEE(data[12:29]))
	return data
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	small := asPNG(scene(4, 4))
	bomb := asGIF(2, 4, 4)
	binary.LittleEndian.PutUint16(bomb[6:], 60000)
	binary.LittleEndian.PutUint16(bomb[8:], 60000)
	canvas := unbase64(lossyWebP)
	extended := append([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x10\x00\x00\x00"), 30, 0, 0, 7, 0, 0)
	extended = append(extended, canvas[12:]...)
	binary.LittleEndian.PutUint32(extended[4:], uint32(len(extended)-8))
	animated := append([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02\x00\x00\x00"), 7, 0, 0, 7, 0, 0)
	animated = append(animated, "ANIM\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	binary.LittleEndian.PutUint32(animated[4:], uint32(len(animated)-8))
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":               {nil, "the file is empty"},
		"an SVG":                {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), "an SVG"},
		"an SVG, declared":      {[]byte("\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a logo -->\n<svg/>"), "an SVG"},
		"HTML":                  {[]byte("<html><script>alert(1)</script>"), "no picture"},
		"a photo of a phone":    {[]byte("\x00\x00\x00\x18ftypheic\x00\x00"), "HEIC"},
		"AVIF":                  {[]byte("\x00\x00\x00\x18ftypavif\x00\x00"), "AVIF"},
		"a bitmap":              {[]byte("BM12345"), "bitmap"},
		"a PDF":                 {[]byte("%PDF-1.7"), "PDF"},
		"text":                  {[]byte("a,b,c\n"), "whatever its name says"},
		"half a PNG":            {small[:len(small)/2], "damaged"},
		"only a beginning":      {small[:8], "damaged"},
		"half a JPEG":           {asJPEG(scene(64, 64))[:300], "damaged"},
		"a bomb":                {claims(small, 60000, 60000), "60000 × 60000 pixels"},
		"a long bomb":           {claims(small, 100, 100000), "pixels"},
		"a false size":          {claims(small, 5000, 5000), "damaged"},
		"too many bytes":        {append(bytes.Clone(small), make([]byte, MaxBytes)...), "12 MB is the most"},
		"half an animation":     {asGIF(3, 20, 20)[:120], "damaged"},
		"an animated bomb":      {bomb, "pixels"},
		"a wide animation":      {asGIF(2, 1300, 2), "1300 pixels wide"},
		"many frames":           {asGIF(1001, 1, 1), "1001 frames"},
		"a GIF without picture": {append(asGIF(1, 4, 4)[:19], 0x3b), "damaged"},
		"a WebP of two sizes":   {extended, "damaged"},
		"an animated WebP":      {animated, "animated WebP"},
		"half a WebP":           {canvas[:20], "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := Read(test.data)
			var why *Refusal
			if !errors.As(err, &why) {
				t.Fatalf("%s: %v", p.Name, err)
			}
			if !strings.Contains(why.Error(), test.want) || why.Advice == "" {
				t.Errorf("%v; want %q", err, test.want)
			}
		})
	}
}

// A scene is upright again after each way to hold a camera.
func TestOrientation(t *testing.T) {
	t.Parallel()
	const w, h = 24, 16
	want := scene(w, h)
	for o := upright; o <= 8; o++ {
		cw, ch := w, h
		if o.swaps() {
			cw, ch = h, w
		}
		held := image.NewRGBA(image.Rect(0, 0, cw, ch)) // what the camera wrote
		for y := range h {
			for x := range w {
				fx, fy := o.source(x, y, cw, ch)
				held.Set(fx, fy, want.At(x, y))
			}
		}
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			p := read(t, withChunk(asPNG(held), "eXIf", exif(o, order)))
			got, err := png.Decode(bytes.NewReader(p.Data))
			if err != nil {
				t.Fatal(err)
			}
			for _, at := range []image.Point{{0, 0}, {w - 1, 0}, {0, h - 1}, {w - 1, h - 1}} {
				r, g, b, _ := got.At(at.X, at.Y).RGBA()
				wr, wg, wb, _ := want.At(at.X, at.Y).RGBA()
				if r != wr || g != wg || b != wb {
					t.Errorf("orientation %d: the corner %v is %v", o, at, got.At(at.X, at.Y))
				}
			}
		}
	}
	// The rows and columns that cameras mean: 6 is the usual upright photo.
	if x, y := orientation(6).source(0, 0, 30, 20); x != 0 || y != 19 {
		t.Errorf("orientation 6 begins at %d, %d", x, y)
	}
	if x, y := orientation(8).source(0, 0, 30, 20); x != 29 || y != 0 {
		t.Errorf("orientation 8 begins at %d, %d", x, y)
	}
}

// An animation keeps its frames, their times and how often it repeats, and
// nothing else.
func TestAnimationIsKept(t *testing.T) {
	t.Parallel()
	data := asGIF(5, 30, 20)
	p := read(t, data)
	was, err := gif.DecodeAll(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	is, err := gif.DecodeAll(bytes.NewReader(p.Data))
	if err != nil {
		t.Fatal(err)
	}
	if len(is.Image) != 5 || is.LoopCount != was.LoopCount || is.Delay[3] != was.Delay[3] || !bytes.Equal(is.Image[3].Pix, was.Image[3].Pix) {
		t.Errorf("%d frames, %d times", len(is.Image), is.LoopCount)
	}
	if !bytes.Contains(p.Data, []byte("NETSCAPE2.0")) || len(p.Data) != len(data)-15 {
		t.Errorf("%d bytes of %d are kept", len(p.Data), len(data))
	}
}

// The mean of a picture stays when it shrinks, and one colour stays that colour.
func TestShrink(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, 90).Draw(t, "w"), rapid.IntRange(1, 90).Draw(t, "h")
		m := image.NewNRGBA(image.Rect(0, 0, w, h))
		flat := rapid.Bool().Draw(t, "flat")
		for i := range m.Pix {
			if m.Pix[i] = 120; !flat {
				m.Pix[i] = rapid.Byte().Draw(t, "v")
			}
			if i%4 == 3 {
				m.Pix[i] = 255
			}
		}
		small := shrink(m, rapid.IntRange(1, w).Draw(t, "to w"), rapid.IntRange(1, h).Draw(t, "to h"))
		mean := func(pix []uint8) float64 {
			sum := 0.0
			for i, v := range pix {
				if i%4 != 3 {
					sum += float64(v)
				} else if v != 255 {
					t.Fatalf("opaque became %d", v)
				}
			}
			return sum / float64(len(pix)*3/4)
		}
		if d := mean(m.Pix) - mean(small.Pix); d > 2 || d < -2 {
			t.Fatalf("the mean moved by %.2f", d)
		}
	})
}

func TestNames(t *testing.T) {
	t.Parallel()
	good := strings.Repeat("a", 32) + "-12x34.png"
	if n, ok := ParseName(good); !ok || n.Width != 12 || n.Height != 34 || n.Kind != PNG || n.String() != good {
		t.Errorf("%v %t", n, ok)
	}
	for _, bad := range []string{"", "a-12x34.png", strings.ToUpper(good), good + "\n", "../" + good, strings.Replace(good, "12", "012", 1),
		strings.Replace(good, "png", "svg", 1), strings.Replace(good, "12", "123456", 1), strings.Replace(good, "a", "1", 1)} {
		if n, ok := ParseName(bad); ok {
			t.Errorf("%q is read as %v", bad, n)
		}
	}
}

// What is taken in is sound, whatever a file holds.
func FuzzRead(f *testing.F) {
	for _, data := range [][]byte{asPNG(scene(8, 8)), asJPEG(scene(16, 16)), withExif(asJPEG(scene(16, 8)), exif(6, binary.BigEndian)),
		asGIF(1, 8, 8), asGIF(3, 8, 8), unbase64(lossyWebP), unbase64(clearWebP), unbase64(exactWebP), []byte("<svg"), claims(asPNG(scene(4, 4)), 3000, 3000)} {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if w, h, ok := small(data); ok && w*h > 1<<20 {
			return // the fuzzer has better to do than to wait for large pictures
		}
		p, err := Read(data)
		var why *Refusal
		switch {
		case err == nil:
			sound(t, p)
			read(t, p.Data)
		case !errors.As(err, &why) || why.Problem == "" || why.Advice == "":
			t.Errorf("%v", err)
		}
	})
}

func small(data []byte) (w, h int, ok bool) {
	f := formatOf(data)
	if f == unknown {
		return 0, 0, false
	}
	if f == gifFile {
		a, err := walkGIF(data)
		return a.width, a.height, err == nil
	}
	w, h, err := sizeOf(f, data)
	return w, h, err == nil
}

func BenchmarkReadPhoto(b *testing.B) {
	data := asJPEG(scene(5712, 4284))
	for b.Loop() {
		if _, err := Read(data); err != nil {
			b.Fatal(err)
		}
	}
}
