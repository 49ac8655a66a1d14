package access

// Lost reports whether the same viewer, as they are later, has lost a right that
// they hold now: in an organization, in its projects or below it.
func (v Viewer) Lost(later Viewer) bool {
	for id, s := range v.Standings {
		if s.lost(later.Standings[id]) {
			return true
		}
	}
	return false
}

// lost reports whether a later standing in the same organization lacks a right;
// nil is none at all.
func (s *Standing) lost(later *Standing) bool {
	if later == nil || s.Owner && !later.Owner || later.Status != s.Status {
		return true
	}
	_, lacks := later.rights.Lacks(s.rights)
	_, lacksLasting := later.lasting.Lacks(s.lasting)
	return lacks || lacksLasting || s.flow&^later.flow != 0 || s.lastingFlow&^later.lastingFlow != 0
}
