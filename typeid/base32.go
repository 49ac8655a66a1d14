package typeid

import (
	"encoding/binary"
	"strings"

	"github.com/google/uuid"
)

// alphabet is Crockford's base 32 in lower case: no i, l, o and u.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// size is the characters of 128 bits, five each; the first holds only three.
const size = 26

// encode writes the bits from the end, so that the two missing bits of the
// 130 are the leading ones and ids sort as their keys do.
func encode(key uuid.UUID) string {
	high, low := binary.BigEndian.Uint64(key[:8]), binary.BigEndian.Uint64(key[8:])
	var text [size]byte
	for i := size - 1; i >= 0; i-- {
		text[i] = alphabet[low&31]
		low = low>>5 | high<<59
		high >>= 5
	}
	return string(text[:])
}

// decode returns the key, or what is wrong with the text.
func decode(text string) (key uuid.UUID, problem string) {
	if len(text) != size {
		return key, "26 characters follow the underscore"
	}
	if text[0] > '7' {
		return key, "the first character after the underscore is 0 to 7"
	}
	var high, low uint64
	for i := range size {
		digit := strings.IndexByte(alphabet, text[i])
		if digit < 0 {
			return key, "only digits and the lower-case letters without i, l, o and u follow the underscore"
		}
		high = high<<5 | low>>59
		low = low<<5 | uint64(digit)
	}
	binary.BigEndian.PutUint64(key[:8], high)
	binary.BigEndian.PutUint64(key[8:], low)
	return key, ""
}
