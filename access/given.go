package access

// Given returns every grant of the place, whether or not its condition holds, in
// the order in which it is explained.
func (p Place) Given() []Grant { return p.grants() }
