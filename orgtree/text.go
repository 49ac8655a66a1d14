package orgtree

import (
	"encoding/hex"
	"errors"
)

// idLength is the length of an id as text, such as
// 01890a5d-ac96-774b-bcce-b302099a8057.
const idLength = 36

// String returns the id as the text of a UUID.
func (id ID) String() string {
	var text [idLength]byte
	hex.Encode(text[0:8], id[0:4])
	hex.Encode(text[9:13], id[4:6])
	hex.Encode(text[14:18], id[6:8])
	hex.Encode(text[19:23], id[8:10])
	hex.Encode(text[24:36], id[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// MarshalText returns what String does.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (id *ID) UnmarshalText(text []byte) error {
	if len(text) != idLength || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return errors.New("this is not the text of an id")
	}
	digits := make([]byte, 0, 2*len(id))
	for _, part := range [][2]int{{0, 8}, {9, 13}, {14, 18}, {19, 23}, {24, 36}} {
		digits = append(digits, text[part[0]:part[1]]...)
	}
	var read ID
	if _, err := hex.Decode(read[:], digits); err != nil {
		return errors.New("this is not the text of an id")
	}
	*id = read
	return nil
}

// Compare orders ids by their bytes.
func (id ID) Compare(other ID) int {
	for i := range id {
		if id[i] != other[i] {
			return int(id[i]) - int(other[i])
		}
	}
	return 0
}
