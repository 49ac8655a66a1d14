package waterfall

import (
	"fmt"
	"strings"
)

// Because returns one sentence about the i-th entry of the chain. The names of
// nodes come from the caller, who knows what the reader may see; the name of
// the default is never asked for.
func (r Resolution) Because(i int, name func(Origin) string) string {
	e := r.Chain[i]
	by := ""
	if e.By != nil {
		by = nameOf(*e.By, name)
	}
	switch e.Status {
	case StatusInherit:
		return e.inheriting()
	case StatusApplied:
		return e.applied()
	case StatusShadowed, StatusBlocked:
		return e.overruled(by)
	case StatusClamped:
		return fmt.Sprintf("Asks for %s, but %s permits %s.", brief(e.Requested), by, brief(e.bound))
	case StatusConflict:
		return fmt.Sprintf("Has no effect: its bounds leave nothing that %s permits, so the value stays.", by)
	default:
		return ""
	}
}

func (e ChainEntry) overruled(by string) string {
	switch {
	case e.bound != nil:
		return fmt.Sprintf("Has no effect: asks for %s, but %s permits %s, so the value before it stands.", brief(e.Requested), by, brief(e.bound))
	case e.Status == StatusBlocked:
		return fmt.Sprintf("Has no effect: %s locked the setting.", by)
	default:
		return fmt.Sprintf("Replaced further down by %s.", by)
	}
}

func (e ChainEntry) inheriting() string {
	switch {
	case e.Guarded && e.Locked:
		return "Sets bounds and locks the value that it inherits."
	case e.Guarded:
		return "Sets bounds and inherits the value."
	case e.Locked:
		return "Locks the value that it inherits."
	default:
		return "Says nothing and inherits the value."
	}
}

func (e ChainEntry) applied() string {
	if e.IsDefault() {
		return "The default: what holds where nobody says otherwise."
	}
	sentence := map[OperationKind]string{
		OperationSet:     "Sets the value",
		OperationReplace: "Replaces what comes from above",
		OperationAppend:  "Adds to what comes from above",
		OperationRemove:  "Removes from what comes from above",
		OperationReset:   "Returns to the default, whatever comes from above",
		OperationEdit:    "Adds to and removes from what comes from above",
	}[e.Kind]
	switch {
	case e.Guarded && e.Locked:
		return sentence + ", sets bounds and locks it."
	case e.Guarded:
		return sentence + " and sets bounds."
	case e.Locked:
		return sentence + " and locks it."
	default:
		return sentence + "."
	}
}

func nameOf(o Origin, name func(Origin) string) string {
	if o.IsDefault() {
		return "the default"
	}
	return name(o)
}

// maxBrief bounds what a sentence quotes, in bytes.
const maxBrief = 200

// brief returns JSON short enough for a sentence.
func brief(quoted []byte) string {
	if len(quoted) <= maxBrief {
		return string(quoted)
	}
	return strings.ToValidUTF8(string(quoted[:maxBrief]), "") + "…"
}
