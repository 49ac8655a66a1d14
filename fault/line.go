package fault

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// IsLine reports whether a text that a client sent is one line of printable
// characters, at most so many, without space around it. An empty text is one.
func IsLine(text string, most int) bool {
	return utf8.RuneCountInString(text) <= most && strings.TrimSpace(text) == text &&
		!strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}
