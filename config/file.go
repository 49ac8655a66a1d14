package config

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// File reads a configuration file for kong.Configuration: a line per setting,
// NAME=VALUE with the names of the environment, and lines that begin with #.
// Values are taken as they stand, without quotes. A name that no command knows
// and a name that is set twice are refused.
func File(r io.Reader) (kong.Resolver, error) {
	f := file{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		if !ok || name == "" {
			return nil, fmt.Errorf("configuration file, line %d: not NAME=VALUE", n)
		}
		if _, twice := f[name]; twice {
			return nil, fmt.Errorf("configuration file, line %d: %s is set twice", n, name)
		}
		f[name] = strings.TrimSpace(value)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read configuration file: %w", err)
	}
	return f, nil
}

// file is the values of a configuration file by their names.
type file map[string]string

// Validate refuses names that no command knows.
func (f file) Validate(app *kong.Application) error {
	known := map[string]bool{}
	err := kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			for _, name := range flag.Envs {
				known[name] = true
			}
		}
		return next(nil)
	})
	if err != nil {
		return fmt.Errorf("list the settings: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if !known[name] {
			return fmt.Errorf("configuration file: there is no setting %s", name)
		}
	}
	return nil
}

// Resolve returns the value of the flag, or nil where the file does not say or
// the environment says otherwise.
func (f file) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	var value any
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return value, nil
		}
		if text, ok := f[name]; ok {
			value = text
		}
	}
	return value, nil
}
