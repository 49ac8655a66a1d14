package roster

import (
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/headwater-platform/headwater/fault"
)

// Bounds of tags: how many something has, and how many characters one has.
const (
	MaxTags = 10
	MaxTag  = 70
)

// CheckTags returns INVALID of the field tags unless policies, members and
// applications can be tagged so: at most MaxTags, each once.
func CheckTags(tags []string) error {
	if len(tags) > MaxTags {
		return fault.Invalidf("tags", "there are at most %d tags", MaxTags)
	}
	for i, tag := range tags {
		if err := CheckTag("tags", tag); err != nil {
			return err
		}
		if slices.Contains(tags[:i], tag) {
			return fault.Invalidf("tags", "the tag %q is there twice", tag)
		}
	}
	return nil
}

// CheckTag returns INVALID of the field unless a text can be a tag: 1 to MaxTag
// characters on one line.
func CheckTag(field, tag string) error {
	if n := utf8.RuneCountInString(tag); n < 1 || n > MaxTag || !IsOneLine(tag) {
		return fault.Invalidf(field, "a tag has 1 to %d characters on one line, and no space at either end", MaxTag)
	}
	return nil
}

// IsOneLine reports whether a text can be read in a list: no control characters,
// and no space that nobody sees.
func IsOneLine(text string) bool {
	if !utf8.ValidString(text) {
		return false
	}
	first, _ := utf8.DecodeRuneInString(text)
	last, _ := utf8.DecodeLastRuneInString(text)
	return !unicode.IsSpace(first) && !unicode.IsSpace(last) &&
		!slices.ContainsFunc([]rune(text), unicode.IsControl)
}
