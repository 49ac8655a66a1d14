package catalogue

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/headwater-platform/headwater/waterfall/internal/strictjson"
)

// The most bytes that parts of values may have.
const (
	maxVariable  = 8 << 10
	maxAddress   = 2048
	maxTitle     = 200
	maxBody      = 10_000
	maxWord      = 200
	maxParameter = 1000
)

var (
	regionForm     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	identifierForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]*$`)
	variableForm   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	themeForm      = regexp.MustCompile(`^[a-z][A-Za-z0-9_]*$`)
	colourForm     = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
	typeForm       = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	localeForm     = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z]{3}){0,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*(-[0-9A-WY-Za-wy-z](-[A-Za-z0-9]{2,8})+)*(-[xX](-[A-Za-z0-9]{1,8})+)?$`)
)

func checkRegion(text string) error {
	if !regionForm.MatchString(text) {
		return errors.New("regions look like eu-west-1")
	}
	return nil
}

func checkIdentifier(text string) error {
	if !identifierForm.MatchString(text) {
		return errors.New("names consist of letters, digits and . _ : / -")
	}
	return nil
}

func checkVariable(key string) error {
	if !variableForm.MatchString(key) {
		return errors.New("variable names consist of letters, digits and _ and begin with no digit")
	}
	return nil
}

func checkName(text string) error {
	if strings.TrimSpace(text) == "" {
		return errors.New("must not be empty")
	}
	return nil
}

func checkLocale(text string) error {
	if !localeForm.MatchString(text) {
		return errors.New("must be a BCP 47 language tag such as en-GB")
	}
	return nil
}

func checkZone(text string) error {
	if !isZone(text) {
		return errors.New("must be an IANA time zone such as Europe/Paris")
	}
	return nil
}

func checkInstanceType(text string) error {
	provider, kind, found := strings.Cut(text, "/")
	if !found || !slices.Contains(providers(), provider) || !typeForm.MatchString(kind) {
		return fmt.Errorf("instance types look like aws/c5.large, with one of the providers %s", strings.Join(providers(), ", "))
	}
	return nil
}

func checkInstancePattern(key string) error {
	if key == "*" {
		return nil
	}
	if provider, found := strings.CutSuffix(key, "/*"); found && slices.Contains(providers(), provider) {
		return nil
	}
	if checkInstanceType(key) != nil {
		return errors.New("keys are provider/type such as aws/c5.large, provider/* or *")
	}
	return nil
}

func checkThemeName(key string) error {
	if !themeForm.MatchString(key) {
		return errors.New("names begin with a small letter and consist of letters, digits and _")
	}
	return nil
}

// readThemeEntry reads a colour, the address of a logo or the default theme,
// as the name says.
func readThemeEntry(key string, raw []byte) (canonical []byte, secret bool, err error) {
	text, err := strictjson.Text(raw)
	if err != nil {
		return nil, false, err
	}
	switch {
	case key == "default_theme" || key == "defaultTheme":
		if !slices.Contains([]string{"system", "light", "dark"}, text) {
			return nil, false, errors.New("must be system, light or dark")
		}
	case strings.Contains(strings.ToLower(key), "logo"):
		if err := checkAddress(text); err != nil {
			return nil, false, err
		}
	default:
		if !colourForm.MatchString(text) {
			return nil, false, errors.New("must be a colour such as #1a2b3c")
		}
		text = strings.ToLower(text)
	}
	return []byte(strictjson.Quote(text)), false, nil
}

func checkAddress(text string) error {
	address, err := url.Parse(text)
	if err != nil || len(text) > maxAddress || address.Scheme != "https" || address.Hostname() == "" || address.User != nil {
		return fmt.Errorf("must be an https address of at most %d bytes without user name", maxAddress)
	}
	return nil
}

// readVariable reads a text, or {value, secret}.
func readVariable(_ string, raw []byte) (canonical []byte, secret bool, err error) {
	value := raw
	if members, objectErr := strictjson.Object(raw); objectErr == nil {
		fields, err := fieldsOf(members, "value", "secret")
		if err != nil {
			return nil, false, err
		}
		if value = fields["value"]; value == nil {
			return nil, false, errors.New("needs a value")
		}
		if fields["secret"] != nil {
			if secret, err = strictjson.Bool(fields["secret"]); err != nil {
				return nil, false, fmt.Errorf("secret %w", err)
			}
		}
	}
	text, err := textOf(value, maxVariable)
	if err != nil {
		return nil, false, err
	}
	if secret {
		return []byte(`{"secret":true,"value":` + strictjson.Quote(text) + `}`), true, nil
	}
	return []byte(strictjson.Quote(text)), false, nil
}

// readReservation reads {provider, group, description}.
func readReservation(_ string, raw []byte) (canonical []byte, secret bool, err error) {
	record, err := readRecord(raw, field{"provider", maxWord, true}, field{"group", maxWord, true}, field{"description", maxParameter, false})
	if err != nil {
		return nil, false, err
	}
	if !slices.Contains(providers(), record["provider"]) {
		return nil, false, fmt.Errorf("provider must be one of %s", strings.Join(providers(), ", "))
	}
	return writeRecord(record), false, nil
}

// readLoginBanner reads {title, body}.
func readLoginBanner(raw []byte) ([]byte, error) {
	record, err := readRecord(raw, field{"title", maxTitle, false}, field{"body", maxBody, false})
	if err != nil {
		return nil, err
	}
	return writeRecord(record), nil
}

// readUserDefault reads {kind, name, spec}.
func readUserDefault(raw []byte) ([]byte, error) {
	members, err := strictjson.Object(raw)
	if err != nil {
		return nil, err
	}
	fields, err := fieldsOf(members, "kind", "name", "spec")
	if err != nil {
		return nil, err
	}
	kind, err := textOf(fields["kind"], maxWord)
	if err != nil || kind == "" {
		return nil, errors.New("kind must say what the resource is")
	}
	name, err := textOf(fields["name"], maxWord)
	if err != nil || name == "" {
		return nil, errors.New("name must name the resource")
	}
	canonical := `{"kind":` + strictjson.Quote(kind) + `,"name":` + strictjson.Quote(name)
	if fields["spec"] != nil {
		spec, err := readSpec(fields["spec"])
		if err != nil {
			return nil, fmt.Errorf("spec %w", err)
		}
		canonical += `,"spec":` + string(spec)
	}
	return []byte(canonical + `}`), nil
}

func readSpec(raw []byte) ([]byte, error) {
	members, err := strictjson.Object(raw)
	if err != nil {
		return nil, err
	}
	if len(members) > 50 {
		return nil, errors.New("may hold at most 50 names")
	}
	record := map[string]string{}
	for _, m := range members {
		if m.Name == "" || len(m.Name) > maxWord {
			return nil, fmt.Errorf("may have names of 1 to %d bytes", maxWord)
		}
		if record[m.Name], err = textOf(m.Value, maxParameter); err != nil {
			return nil, err
		}
	}
	return writeRecord(record), nil
}

// field is a text of a record.
type field struct {
	name     string
	max      int
	required bool
}

// readRecord reads an object of texts. A field that is absent stays absent.
func readRecord(raw []byte, known ...field) (map[string]string, error) {
	members, err := strictjson.Object(raw)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(known))
	for i, f := range known {
		names[i] = f.name
	}
	given, err := fieldsOf(members, names...)
	if err != nil {
		return nil, err
	}
	record := map[string]string{}
	for _, f := range known {
		if given[f.name] == nil {
			if f.required {
				return nil, fmt.Errorf("needs the field %s", f.name)
			}
			continue
		}
		if record[f.name], err = textOf(given[f.name], f.max); err != nil {
			return nil, fmt.Errorf("%s %w", f.name, err)
		}
	}
	return record, nil
}

// writeRecord writes an object of texts, its names sorted.
func writeRecord(record map[string]string) []byte {
	names := make([]string, 0, len(record))
	for name := range record {
		names = append(names, name)
	}
	slices.Sort(names)
	b := []byte("{")
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, strictjson.Quote(name)...), ':'), strictjson.Quote(record[name])...)
	}
	return append(b, '}')
}

// fieldsOf returns the members by name and refuses unknown ones.
func fieldsOf(members []strictjson.Member, known ...string) (map[string][]byte, error) {
	fields := map[string][]byte{}
	for _, m := range members {
		if !slices.Contains(known, m.Name) {
			return nil, fmt.Errorf("has the unknown field %s; there are %s", strictjson.Quote(m.Name), strings.Join(known, ", "))
		}
		fields[m.Name] = m.Value
	}
	return fields, nil
}

func textOf(raw []byte, longest int) (string, error) {
	text, err := strictjson.Text(raw)
	if err != nil {
		return "", err
	}
	if len(text) > longest {
		return "", fmt.Errorf("may have at most %d bytes", longest)
	}
	return text, nil
}
