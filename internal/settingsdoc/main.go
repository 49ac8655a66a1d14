// Command settingsdoc writes the reference of the settings, docs/settings.md,
// from the catalogue. It takes the file to write as its only argument.
package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/headwater-platform/headwater/waterfall"
	"github.com/headwater-platform/headwater/waterfall/catalogue"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: settingsdoc FILE")
		os.Exit(2)
	}
	if err := os.WriteFile(os.Args[1], reference(), 0o644); err != nil { //nolint:gosec // documentation is for everybody
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const preface = `# Settings

<!-- Written by internal/settingsdoc from waterfall/catalogue. Change it there and run make generate. -->

Every setting that there is, in the order of the sidebar. *Set at* lists the levels at which a value, a guard or a lock
can be placed. *Needs* is the permission of the organization's own people and, after the slash where it differs, that of
a manager who places the setting on an organization below. At the level PLATFORM all need ` + "`platform:write`" + `; at the
level USER members need no permission for their own personal settings, others ` + "`users:write`" + `.

- *narrows*: the value of a level is at the same time the most that later levels may have.
- *lock only*: the setting can be locked, but not bounded by a guard.
- *personal*: members may set it for themselves.
- *secrets*: values may hold secrets, which are never shown again.

The same list is the field ` + "`settingDefinitions`" + ` of the API.
`

func reference() []byte {
	var out bytes.Buffer
	out.WriteString(preface)
	section := ""
	for _, d := range catalogue.Definitions() {
		if d.Section != section {
			section = d.Section
			fmt.Fprintf(&out, "\n## %s\n\n| key | meaning | type | default | set at | needs |\n|---|---|---|---|---|---|\n", section)
		}
		fmt.Fprintf(&out, "| `%s` | **%s.** %s | %s | %s | %s | %s |\n",
			d.Key, d.Title, prose(d.Description), kind(d), standard(d), levels(d), needs(d))
	}
	return out.Bytes()
}

// kind returns the type with its bounds and what is special about it.
func kind(d *waterfall.Definition) string {
	text := string(d.Type)
	if d.Element != "" {
		text += " of " + string(d.Element)
	}
	parts := []string{text}
	if bounds := boundsOf(d); bounds != "" {
		parts = append(parts, bounds)
	}
	for _, trait := range []struct {
		is   bool
		name string
	}{
		{d.Narrows, "narrows"}, {!d.Guardable(), "lock only"}, {d.Personal, "personal"}, {d.Sensitive, "secrets"},
	} {
		if trait.is {
			parts = append(parts, trait.name)
		}
	}
	return strings.Join(parts, ", ")
}

// manyOptions is how many words are too many to list: currencies have their own
// standard.
const manyOptions = 12

func boundsOf(d *waterfall.Definition) string {
	switch {
	case len(d.Options) > manyOptions:
		return strconv.Itoa(len(d.Options)) + " words"
	case len(d.Options) > 0:
		return "`" + strings.ReplaceAll(strings.Join(d.Options, " "), `"`, "") + "`"
	case d.Type == waterfall.TypeInteger:
		return fmt.Sprintf("%d … %d", d.Min, d.Max)
	case d.Type == waterfall.TypeDuration:
		return waterfall.Seconds(d.Min).String() + " … " + waterfall.Seconds(d.Max).String()
	default:
		return ""
	}
}

func standard(d *waterfall.Definition) string {
	if d.Unlimited != 0 && d.Default.Int() == d.Unlimited {
		return "unlimited"
	}
	return "`" + cell(string(d.Default.JSON())) + "`"
}

func levels(d *waterfall.Definition) string {
	names := make([]string, len(d.Levels))
	for i, level := range d.Levels {
		names[i] = string(level)
	}
	return strings.Join(names, ", ")
}

func needs(d *waterfall.Definition) string {
	if d.ManagePermission == d.WritePermission {
		return "`" + d.WritePermission + "`"
	}
	return "`" + d.WritePermission + "` / `" + d.ManagePermission + "`"
}

// prose returns a text that stands in a cell as it is written.
func prose(text string) string { return strings.ReplaceAll(cell(text), "*", `\*`) }

// cell keeps a text from ending the cell of its table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
