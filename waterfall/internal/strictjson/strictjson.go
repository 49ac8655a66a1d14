// Package strictjson takes JSON apart without guessing.
//
// It refuses what encoding/json forgives: repeated names, null, numbers that
// are not whole, text that is not clean Unicode, and anything after the value.
// It does not own what the values mean.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxBytes bounds one value before it is read.
const MaxBytes = 1 << 20

// The ways in which a value is not what was asked for.
var (
	ErrTooLong    = errors.New("is longer than 1 MiB")
	ErrNotJSON    = errors.New("is not valid JSON")
	ErrNotBool    = errors.New("must be true or false")
	ErrNotInteger = errors.New("must be a whole number between -9007199254740991 and 9007199254740991")
	ErrNotText    = errors.New("must be a text")
	ErrBadText    = errors.New("must be clean Unicode text without control characters")
	ErrNotArray   = errors.New("must be an array")
	ErrNotObject  = errors.New("must be an object")
)

// Member is one name and value of an object.
type Member struct {
	Name  string
	Value []byte
}

// maxInteger is the largest integer that every JSON reader keeps exactly.
const maxInteger = 1<<53 - 1

// Bool reads true or false.
func Bool(raw []byte) (bool, error) {
	switch string(bytes.TrimSpace(raw)) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	default:
		return false, ErrNotBool
	}
}

// Integer reads a whole number without fraction or exponent.
func Integer(raw []byte) (int64, error) {
	text := string(bytes.TrimSpace(raw))
	if !json.Valid(raw) {
		return 0, ErrNotInteger
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n > maxInteger || n < -maxInteger {
		return 0, ErrNotInteger
	}
	return n, nil
}

// Text reads a string. Tabs and line ends are the only control characters.
func Text(raw []byte) (string, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || raw[0] != '"' {
		return "", ErrNotText
	}
	if !utf8.Valid(raw) {
		return "", ErrBadText
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", ErrNotText
	}
	if !clean(text) {
		return "", ErrBadText
	}
	return text, nil
}

// Array reads an array and returns its elements, still as JSON.
func Array(raw []byte) ([][]byte, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || raw[0] != '[' {
		return nil, ErrNotArray
	}
	if len(raw) > MaxBytes {
		return nil, ErrTooLong
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, ErrNotJSON
	}
	elements := make([][]byte, len(items))
	for i, item := range items {
		elements[i] = item
	}
	return elements, nil
}

// Object reads an object and returns its members in the order written. A name
// that occurs twice is an error.
func Object(raw []byte) ([]Member, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || raw[0] != '{' {
		return nil, ErrNotObject
	}
	if len(raw) > MaxBytes {
		return nil, ErrTooLong
	}
	if !utf8.Valid(raw) {
		return nil, ErrBadText
	}
	if !json.Valid(raw) {
		return nil, ErrNotJSON
	}
	return members(raw)
}

// Quote returns the text as a JSON string, escaping no more than it must.
func Quote(text string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil { // a string always encodes
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func members(raw []byte) ([]Member, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if _, err := decoder.Token(); err != nil { // the opening brace
		return nil, ErrNotJSON
	}
	var found []Member
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, ErrNotJSON
		}
		name, ok := token.(string)
		if !ok || !clean(name) {
			return nil, ErrBadText
		}
		if seen[name] {
			return nil, fmt.Errorf("names %s twice", Quote(name))
		}
		seen[name] = true
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil && !errors.Is(err, io.EOF) {
			return nil, ErrNotJSON
		}
		found = append(found, Member{Name: name, Value: value})
	}
	return found, nil
}

func clean(text string) bool {
	for _, r := range text {
		if r == utf8.RuneError || (unicode.IsControl(r) && !strings.ContainsRune("\t\n\r", r)) {
			return false
		}
	}
	return true
}
