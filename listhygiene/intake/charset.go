package intake

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
)

// Legacy encodings that are recognised by their bytes. Any other of the WHATWG
// encoding standard can be named, see [ParseEncoding].
const (
	Windows1250 Encoding = "windows-1250" // Central Europe
	Windows1251 Encoding = "windows-1251" // Cyrillic
	Latin2      Encoding = "iso-8859-2"
	KOI8R       Encoding = "koi8-r"
	ShiftJIS    Encoding = "shift_jis"
	GB18030     Encoding = "gb18030" // includes GBK and GB 2312
	EUCKR       Encoding = "euc-kr"
	eucJP       Encoding = "euc-jp"
)

// Offered are the encodings to choose from, the frequent ones first.
var Offered = []Encoding{UTF8, Windows1252, Windows1250, Latin2, Windows1251, KOI8R, "windows-1253", "windows-1254", "windows-1255",
	"windows-1256", "windows-1257", ShiftJIS, eucJP, GB18030, "big5", EUCKR, "windows-874", UTF16LE, UTF16BE}

// ParseEncoding returns the encoding of a name of the WHATWG encoding standard:
// "latin1", "cp1251", "GBK", "utf-8".
func ParseEncoding(name string) (Encoding, error) {
	enc, err := htmlindex.Get(strings.TrimSpace(name))
	if err == nil {
		if known, err := htmlindex.Name(enc); err == nil && known != "replacement" && known != "x-user-defined" {
			return Encoding(known).general(), nil
		}
	}
	return "", fmt.Errorf("the encoding %q is not known; one of: %s", name, joinEncodings(Offered))
}

// general returns the encoding of which this one is a part.
func (e Encoding) general() Encoding {
	if e == "gbk" {
		return GB18030
	}
	return e
}

func joinEncodings(list []Encoding) string {
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = string(e)
	}
	return strings.Join(names, ", ")
}

// encoding returns how the bytes are read, nil for UTF-8 and what is not known.
func (e Encoding) encoding() encoding.Encoding {
	if e == UTF8 || e == "" {
		return nil
	}
	enc, err := htmlindex.Get(string(e))
	if err != nil {
		return nil
	}
	return enc
}

const (
	// fewWords is how many words beyond ASCII a sample must have before they
	// prove anything but nonsense in every other encoding.
	fewWords = 4
	// almostAll is the share of words or characters that must look right. Rows
	// in another script, and names copied from elsewhere, are the rest.
	almostAll = 0.95
)

// legacy tells the encoding of a text that is not UTF-8, and whether the bytes
// prove it. Without a proof the first of several candidates is proposed: a
// wrong guess spoils every name in silence, so whoever imports must be asked.
//
//  1. Double-byte encodings decode without an error to the characters that are
//     frequent in their language.
//  2. Cyrillic has words of nothing but bytes above ASCII, whose first letter
//     alone is a capital: the capitals of Windows-1251 are the small letters of
//     KOI8-R.
//  3. In Latin text, letters of one encoding are signs in another one, and no
//     sign stands inside of a word. What reads the same in all is proven, too.
func legacy(head []byte) (e Encoding, proven bool) {
	words := highWords(head)
	if e, proven := doubleByte(head, words); e != "" {
		return e, proven
	}
	if e, proven := otherScript(words); e != "" {
		return e, proven
	}
	return latin(words)
}

// highWords returns the words of a text that have bytes beyond ASCII.
func highWords(head []byte) [][]byte {
	var words [][]byte
	begin, high := -1, false
	for i := 0; i <= len(head); i++ {
		if i < len(head) && (head[i] >= utf8.RuneSelf || isLetter(head[i])) {
			if begin < 0 {
				begin, high = i, false
			}
			high = high || head[i] >= utf8.RuneSelf
			continue
		}
		if begin >= 0 && high {
			words = append(words, head[begin:i])
		}
		begin = -1
	}
	return words
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// doubleByte recognises Japanese, Chinese and Korean.
func doubleByte(head []byte, words [][]byte) (Encoding, bool) {
	even, runs := 0, 0
	leads, korean, common, chinese, kana := 0, 0, 0, 0, 0 // pairs of EUC, and those of certain rows
	for _, w := range words {
		for i := 0; i < len(w); {
			begin := i
			for i < len(w) && w[i] >= 0xa1 {
				i++
			}
			if n := i - begin; n > 0 {
				runs++
				if n%2 == 0 {
					even++
				}
				for p := begin; p+1 < i; p += 2 {
					leads++
					switch lead := w[p]; {
					case lead == 0xa4, lead == 0xa5:
						kana++
					case 0xb0 <= lead && lead <= 0xc8:
						korean++
						common++
					case 0xc9 <= lead && lead <= 0xcf:
						common++
					case 0xd0 <= lead && lead <= 0xd7: // from x to z in Chinese, rare signs in Japanese
						chinese++
						common++
					}
				}
			}
			for i < len(w) && w[i] < 0xa1 {
				i++
			}
		}
	}
	if e, proven := shiftJIS(head); e != "" {
		return e, proven
	}
	if runs == 0 || float64(even) < almostAll*float64(runs) || replaced(GB18030, head) || 10*(common+kana) < 7*leads {
		return "", false
	}
	enough := runs >= fewWords && leads >= 2*fewWords
	if float64(korean) >= almostAll*float64(leads) && !replaced(EUCKR, head) {
		return EUCKR, enough
	}
	if 20*kana > leads && !replaced(eucJP, head) {
		return eucJP, enough && kana >= fewWords && 10*chinese < leads
	}
	return GB18030, enough && kana == 0 && 10*chinese >= leads
}

// shiftJIS recognises Japanese by bytes that hardly stand in other text.
func shiftJIS(head []byte) (Encoding, bool) {
	if replaced(ShiftJIS, head) {
		return "", false
	}
	japanese, other, narrow := 0, 0, 0
	text, _ := ShiftJIS.encoding().NewDecoder().Bytes(wholePairs(head))
	for _, r := range string(text) {
		switch {
		case 0xff61 <= r && r <= 0xff9f:
			narrow++ // one byte of a half-width kana is any letter elsewhere
		case unicode.In(r, unicode.Hiragana, unicode.Katakana, unicode.Han), 0x3000 <= r && r <= 0x303f, r == 'ー':
			japanese++
		case r >= utf8.RuneSelf:
			other++
		}
	}
	leads := 0
	for _, c := range head {
		if 0x81 <= c && c <= 0x9f {
			leads++
		}
	}
	if japanese == 0 || japanese < 9*(other+narrow) || 10*leads < 6*japanese {
		return "", false
	}
	return ShiftJIS, japanese >= 2*fewWords
}

// wholePairs drops a byte at the end of which the other half may be cut off.
func wholePairs(head []byte) []byte {
	for len(head) > 0 && head[len(head)-1] >= utf8.RuneSelf {
		head = head[:len(head)-1]
	}
	return head
}

// replaced reports whether an encoding cannot read the text.
func replaced(e Encoding, head []byte) bool {
	text, err := e.encoding().NewDecoder().Bytes(wholePairs(head))
	return err != nil || strings.ContainsRune(string(text), utf8.RuneError)
}

// otherScript recognises Cyrillic. Other scripts of one byte a letter are told
// from it where that is certain, and left to whoever imports.
func otherScript(words [][]byte) (Encoding, bool) {
	whole, ansi, koi, foreign := 0, 0, 0, 0
	for _, w := range words {
		if len(w) < 3 || !all(w, func(c byte) bool { return c >= 0xb8 || c == 0xa8 || c == 0xa3 || c == 0xb3 || c == 0xa2 }) {
			continue
		}
		whole++
		switch rest := w[1:]; {
		case all(rest, isSmall1251):
			if 0xc0 <= w[0] && w[0] < 0xe0 {
				ansi++
			}
		case all(rest, func(c byte) bool { return 0xc0 <= c && c < 0xe0 || c == 0xa3 }) && w[0] >= 0xe0:
			koi++
		case all(rest, func(c byte) bool { return c >= 0xdc || c == 0xb8 }):
			foreign++ // small letters with accents, as Greek has them in Windows-1253
		}
	}
	if len(words) == 0 || 2*whole <= len(words) {
		return "", false
	}
	certain := func(n, against int) bool {
		return n >= fewWords && float64(n) >= almostAll*float64(n+against)
	}
	if koi > ansi {
		return KOI8R, certain(koi, ansi)
	}
	return Windows1251, certain(ansi, koi+2*foreign)
}

// isSmall1251 reports whether a byte is a small letter of Russian, Ukrainian,
// Belarusian or Bulgarian in Windows-1251.
func isSmall1251(c byte) bool {
	return c >= 0xe0 || c == 0xb8 || c == 0xb3 || c == 0xba || c == 0xbf || c == 0xa2
}

func all(s []byte, holds func(byte) bool) bool {
	for _, c := range s {
		if !holds(c) {
			return false
		}
	}
	return true
}

// latin chooses among encodings of Latin letters.
func latin(words [][]byte) (Encoding, bool) {
	candidates := []Encoding{Windows1252, Windows1250, Latin2}
	best, fewest, same := Windows1252, -1, true
	first := ""
	for _, e := range candidates {
		wrong := 0
		var read strings.Builder
		for _, w := range words {
			text, _ := e.encoding().NewDecoder().Bytes(w)
			if hasSign(string(text)) {
				wrong++
			}
			read.Write(text)
			read.WriteByte(' ')
		}
		switch {
		case fewest < 0 || wrong < fewest:
			best, fewest, first, same = e, wrong, read.String(), true
		case wrong == fewest:
			same = same && read.String() == first
		}
	}
	return best, same && float64(fewest) <= (1-almostAll)*float64(len(words))
}

// hasSign reports whether a word has a character beside another one of the same
// word that stands in no word: a sign, a control character, a capital behind a
// small letter.
func hasSign(word string) bool {
	word = strings.TrimFunc(word, func(r rune) bool { return r >= utf8.RuneSelf && unicode.In(r, unicode.P) || r == '\u00a0' })
	var before rune
	for _, r := range word {
		switch {
		case r == '’', r == '-', r == '–':
		case !unicode.IsLetter(r), r == 'º', r == 'ª', r == utf8.RuneError:
			return true
		case before != 0 && r >= utf8.RuneSelf && unicode.IsUpper(r) && unicode.IsLower(before):
			return true
		}
		before = r
	}
	return false
}

// Words names an encoding for people.
func (e Encoding) Words() string {
	switch e {
	case UTF8:
		return "UTF-8"
	case UTF16LE, UTF16BE:
		return "UTF-16"
	case ShiftJIS:
		return "Shift JIS (Japanese)"
	case eucJP:
		return "EUC-JP (Japanese)"
	case GB18030:
		return "GB 18030 (Chinese)"
	case "big5":
		return "Big5 (Chinese)"
	case EUCKR:
		return "EUC-KR (Korean)"
	case KOI8R:
		return "KOI8-R (Cyrillic)"
	case Latin2:
		return "ISO 8859-2 (Central European)"
	}
	if page, ok := strings.CutPrefix(string(e), "windows-"); ok {
		return strings.TrimSuffix("Windows-"+page+" ("+codePages[page]+")", " ()")
	}
	return strings.ToUpper(string(e))
}

var codePages = map[string]string{"1250": "Central European", "1251": "Cyrillic", "1252": "Western European", "1253": "Greek", "1254": "Turkish",
	"1255": "Hebrew", "1256": "Arabic", "1257": "Baltic", "1258": "Vietnamese", "874": "Thai"}

// EncodingWords say how the text is read, and whether that is certain.
func (f Format) EncodingWords() string {
	if f.EncodingProposed {
		return f.Encoding.Words() + " (a guess, which the bytes do not prove: look at accented letters)"
	}
	return f.Encoding.Words()
}
