package picture

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"regexp"
	"strconv"
)

// Path is where images are served, before the name. A newsletter may write it
// without a host: messages carry the whole address.
const Path = "/i/"

// hashBytes of SHA-256 make a name: nobody finds another content for one, nor
// guesses one.
const hashBytes = 20

// Name says what an image is: a hash of its content, its size in pixels and its
// kind.
type Name struct {
	Hash          string
	Width, Height int
	Kind          Kind
}

// String writes a name, as in "mzxw6ytboi…-1200x800.jpg".
func (n Name) String() string {
	return fmt.Sprintf("%s-%dx%d.%s", n.Hash, n.Width, n.Height, n.Kind)
}

var (
	nameForm = regexp.MustCompile(`^([a-z2-7]{32})-([1-9][0-9]{0,4})x([1-9][0-9]{0,4})\.(png|jpg|gif)$`)
	encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
)

// ParseName reads a name. There is one spelling of each.
func ParseName(text string) (Name, bool) {
	m := nameForm.FindStringSubmatch(text)
	if m == nil {
		return Name{}, false
	}
	n := Name{Hash: m[1], Kind: Kind(m[4])}
	n.Width, _ = strconv.Atoi(m[2]) // five digits
	n.Height, _ = strconv.Atoi(m[3])
	return n, true
}

// hashOf returns the hash of a content as names write it.
func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return encoding.EncodeToString(sum[:hashBytes])
}
