// Package effort scales the number of cases that tests try.
//
// HEADWATER_TEST_EFFORT=full runs every case that a property asks for; anything
// else runs a twentieth, which is what a change needs before it is pushed.
package effort

import "os"

// Cases returns how many cases to try of a property that asks for full: all of
// them at full effort, else a twentieth, and never less than one.
func Cases(full int) int {
	if os.Getenv("HEADWATER_TEST_EFFORT") == "full" {
		return full
	}
	return max(1, full/20)
}
