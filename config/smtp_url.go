package config

import "net/url"

// SMTPURL is how the SMTP server is reached. It may hold a password, so it
// prints, logs and marshals redacted; string(u) is the address itself.
type SMTPURL string

// String returns the URL without its password.
func (u SMTPURL) String() string {
	address, err := url.Parse(string(u))
	switch {
	case u == "":
		return ""
	case err != nil || address.Host == "":
		return hidden
	default:
		return address.Redacted()
	}
}

// MarshalText returns the URL without its password, for logs.
func (u SMTPURL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }
