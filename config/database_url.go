package config

import (
	"net/url"
	"strings"
)

// DatabaseURL is the address of the database. It may hold a password, so it
// prints, logs and marshals redacted; string(u) is the address itself.
type DatabaseURL string

// hidden stands for a password.
const hidden = "xxxxx"

// String returns the URL without its password.
func (u DatabaseURL) String() string {
	scheme, file, _ := strings.Cut(string(u), "://")
	if scheme == "sqlite" {
		return "sqlite://" + file
	}
	address, err := url.Parse(string(u))
	if err != nil || !isPostgres(address.Scheme) {
		return hidden
	}
	query := address.Query()
	for name := range query {
		if strings.Contains(name, "password") {
			query.Set(name, hidden)
		}
	}
	address.RawQuery = query.Encode()
	return address.Redacted()
}

// MarshalText returns the URL without its password, for logs.
func (u DatabaseURL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// check never repeats the value: what is not a URL may be a password.
func (u DatabaseURL) check() error {
	const variable = "HEADWATER_DATABASE_URL"
	scheme, file, _ := strings.Cut(string(u), "://")
	switch {
	case scheme == "sqlite" && file == "":
		return wrong(variable, "sqlite:// names no file")
	case scheme == "sqlite" && strings.ContainsAny(file, "?#"):
		return wrong(variable, "sqlite://FILE takes no options")
	case scheme == "sqlite":
		return nil
	case !isPostgres(scheme):
		return wrong(variable, "must begin with sqlite:// or postgres://")
	}
	address, err := url.Parse(string(u))
	if err != nil {
		return wrong(variable, "not a URL of the form postgres://USER:PASSWORD@HOST/DATABASE; escape special characters of the password with %%")
	}
	if address.Host == "" && !address.Query().Has("host") {
		return wrong(variable, "names no host")
	}
	return nil
}

func isPostgres(scheme string) bool { return scheme == "postgres" || scheme == "postgresql" }
