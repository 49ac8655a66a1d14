package focus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
)

// Timestamps outside these years are mistakes that a database might not hold.
const (
	firstYear = 1970
	lastYear  = 9999
)

// maxCurrency bounds the code of a currency, in bytes.
const maxCurrency = 16

// isNull reports whether a cell is null. Other spellings are texts: a thing
// may well be called null.
func isNull(cell string) bool {
	return cell == "" || cell == "NULL" || cell == "(null)"
}

// nullAsEmpty returns the text, or "" if it would be taken for null once it is
// written.
func nullAsEmpty(text string) string {
	if isNull(text) {
		return ""
	}
	return text
}

// unifyLineBreaks makes every line break inside a cell a line feed, since the
// ends of lines in the file say nothing about the text.
func unifyLineBreaks(cell string) string {
	if strings.IndexByte(cell, '\r') < 0 {
		return cell
	}
	return strings.ReplaceAll(strings.ReplaceAll(cell, "\r\n", "\n"), "\r", "\n")
}

// parseAmount reads a cost or a quantity and says why it is none.
func parseAmount(cell string) (money.Decimal, error) {
	d, err := money.ParseAmount(cell)
	if err == nil {
		return d, nil
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return d, errors.New(f.Message)
	}
	return d, err
}

func currency(cell string) (string, error) {
	if len(cell) > maxCurrency {
		return "", fmt.Errorf("%.40q is longer than the %d characters of a currency", cell, maxCurrency)
	}
	for i := range len(cell) {
		if !isCurrencyByte(cell[i]) {
			return "", fmt.Errorf("%q is not a currency: letters, digits, hyphens and underscores only", cell)
		}
	}
	return cell, nil
}

func isCurrencyByte(b byte) bool {
	return b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b == '-' || b == '_'
}

func chargeCategory(cell string) (string, error) {
	known := []string{CategoryUsage, CategoryPurchase, CategoryTax, CategoryCredit, CategoryAdjustment}
	if category, ok := oneOf(cell, known); ok {
		return category, nil
	}
	return "", fmt.Errorf("%.40q is none of %s", cell, strings.Join(known, ", "))
}

func chargeClass(cell string) (string, error) {
	if strings.EqualFold(cell, ClassCorrection) {
		return ClassCorrection, nil
	}
	return "", fmt.Errorf("%.40q is neither %s nor null", cell, ClassCorrection)
}

func chargeFrequency(cell string) (string, error) {
	if frequency, ok := oneOf(cell, []string{FrequencyUsageBased, FrequencyRecurring, FrequencyOneTime}); ok {
		return frequency, nil
	}
	return cell, nil
}

// oneOf returns the text of the list that the cell spells in any case.
func oneOf(cell string, list []string) (string, bool) {
	for _, s := range list {
		if strings.EqualFold(cell, s) {
			return s, true
		}
	}
	return "", false
}

// parseTime reads a timestamp of RFC 3339, also with a space for the T and
// without seconds, time of day or zone. Without a zone it is UTC.
func parseTime(cell string) (time.Time, error) {
	s := strings.TrimSuffix(cell, " UTC")
	if len(s) > len(time.DateOnly) && s[len(time.DateOnly)] == ' ' {
		s = s[:len(time.DateOnly)] + "T" + s[len(time.DateOnly)+1:]
	}
	for _, layout := range []string{
		"2006-01-02T15:04:05", time.RFC3339, time.DateOnly, "2006-01-02T15:04Z07:00", "2006-01-02T15:04",
	} {
		t, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		return within(t.UTC())
	}
	return time.Time{}, fmt.Errorf("%.40q is not a timestamp such as 2006-01-02T15:04:05Z", cell)
}

// within returns t, or an error if it is too early or too late.
func within(t time.Time) (time.Time, error) {
	if t.Year() < firstYear || t.Year() > lastYear {
		return time.Time{}, fmt.Errorf("%s is not within the years %d to %d", t.Format(time.DateOnly), firstYear, lastYear)
	}
	return t, nil
}

// parseTags reads a JSON object of scalars: {"env": "prod", "tier": 2}. Numbers
// and truth values become their text and null the empty one. A key that comes
// twice is refused, since either value could decide whose the row is.
func parseTags(cell string) (map[string]string, error) {
	if tags, ok := parsePlainTags(cell); ok {
		return tags, nil
	}
	return parseAnyTags(cell)
}

// parsePlainTags reads tags that are texts without escapes, as nearly all are,
// several times faster than a JSON decoder does. Whatever is not as plain as
// that, be it valid or not, it leaves to parseAnyTags.
func parsePlainTags(cell string) (map[string]string, bool) {
	tags := make(map[string]string)
	rest, ok := strings.CutPrefix(cell, "{")
	for ok {
		var key, value string
		if key, rest, ok = cutPlainText(rest); !ok {
			break
		}
		if rest, ok = strings.CutPrefix(rest, ":"); !ok {
			break
		}
		if value, rest, ok = cutPlainText(rest); !ok {
			break
		}
		if _, twice := tags[key]; twice {
			break
		}
		tags[key] = value
		if rest == "}" {
			return tags, true
		}
		rest, ok = strings.CutPrefix(rest, ",")
	}
	return nil, false
}

// cutPlainText cuts a quoted text without escapes off, and spaces before it.
func cutPlainText(s string) (text, rest string, ok bool) {
	s = strings.TrimLeft(s, " ")
	if s == "" || s[0] != '"' {
		return "", s, false
	}
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return s[1:i], s[i+1:], true
		case s[i] == '\\' || s[i] < ' ':
			return "", s, false
		}
	}
	return "", s, false
}

// parseAnyTags reads any tags, or says what is wrong with them.
func parseAnyTags(cell string) (map[string]string, error) {
	d := json.NewDecoder(strings.NewReader(cell))
	d.UseNumber()
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		return nil, errNotTags(cell)
	}
	tags := make(map[string]string)
	for d.More() {
		key, value, err := readTag(d, cell)
		if err != nil {
			return nil, err
		}
		if _, twice := tags[key]; twice {
			return nil, fmt.Errorf("the tag %.40q comes twice", key)
		}
		tags[key] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, errNotTags(cell)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotTags(cell)
	}
	return tags, nil
}

func readTag(d *json.Decoder, cell string) (key, value string, err error) {
	token, err := d.Token()
	if err != nil {
		return "", "", errNotTags(cell)
	}
	key, ok := token.(string)
	if !ok {
		return "", "", errNotTags(cell)
	}
	token, err = d.Token()
	if err != nil {
		return "", "", errNotTags(cell)
	}
	value, ok = scalar(token)
	if !ok {
		return "", "", fmt.Errorf("the value of the tag %.40q is not a text, a number, true, false or null", key)
	}
	if strings.IndexByte(key, 0) >= 0 || strings.IndexByte(value, 0) >= 0 {
		return "", "", fmt.Errorf("the tag %.40q holds a NUL character", key)
	}
	return key, value, nil
}

func scalar(token json.Token) (string, bool) {
	switch v := token.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return fmt.Sprint(v), true
	case nil:
		return "", true
	default:
		return "", false
	}
}

func errNotTags(cell string) error {
	return fmt.Errorf("%.40q is not a JSON object of tags", cell)
}

// formatTags returns the JSON object of the tags, its keys in order; "" for
// none.
func formatTags(tags map[string]string) string {
	if len(tags) == 0 {
		return ""
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(tags); err != nil {
		panic("a map of texts has no JSON: " + err.Error())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Bounds of what memo remembers, so that it stays small whatever the file.
const (
	maxMemoTimes   = 4096
	maxMemoTags    = 1024
	maxMemoTagSize = 4096 // bytes of one cell
)

// memo remembers the cells that are dear to read and come again and again.
type memo struct {
	knownTimes map[string]time.Time
	knownTags  map[string]map[string]string
}

func newMemo() *memo {
	return &memo{knownTimes: make(map[string]time.Time), knownTags: make(map[string]map[string]string)}
}

// time returns what parse makes of a cell. All calls are of one parse.
func (m *memo) time(cell string, parse func(string) (time.Time, error)) (time.Time, error) {
	if t, ok := m.knownTimes[cell]; ok {
		return t, nil
	}
	t, err := parse(cell)
	if err != nil {
		return t, err
	}
	if len(m.knownTimes) >= maxMemoTimes {
		clear(m.knownTimes)
	}
	m.knownTimes[strings.Clone(cell)] = t
	return t, nil
}

// tags returns what parse makes of a cell, nil for no tags. All calls are of one
// parse.
func (m *memo) tags(cell string, parse func(string) (map[string]string, error)) (map[string]string, error) {
	if known, ok := m.knownTags[cell]; ok {
		return known, nil
	}
	remember := len(cell) <= maxMemoTagSize
	if remember {
		cell = strings.Clone(cell) // lest the tags keep the whole record
	}
	read, err := parse(cell)
	if err != nil {
		return nil, err
	}
	if len(read) == 0 {
		read = nil
	}
	if !remember {
		return read, nil
	}
	if len(m.knownTags) >= maxMemoTags {
		clear(m.knownTags)
	}
	m.knownTags[cell] = read
	return read, nil
}
