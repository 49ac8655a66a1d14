package paper

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

const (
	// unknown stands for a character that cannot be shown.
	unknown = '\uFFFD'
	// ellipsis stands for what was cut off.
	ellipsis = "…"
)

// clean returns a text that others wrote on one line, MaxText characters at most,
// with composed letters. A control character and a mark that turns the direction
// of writing is made visible: who reads it should see that it was there.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), unicode.Is(unicode.Noncharacter_Code_Point, r):
			return unknown
		default:
			return r
		}
	}, cut(text))
	return norm.NFC.String(strings.Join(strings.Fields(text), " "))
}

// cut returns the first MaxText characters of a text, the last of them an
// ellipsis if there are more.
func cut(text string) string {
	count, last := 0, 0
	for i := range text {
		if count == MaxText {
			return text[:last] + ellipsis
		}
		count, last = count+1, i
	}
	return text
}

// metadata returns a clean text as the properties of a file can hold it: fpdf
// writes characters of the basic plane only.
func metadata(text string) string {
	return strings.Map(func(r rune) rune {
		if r > 0xFFFF {
			return unknown
		}
		return r
	}, text)
}
