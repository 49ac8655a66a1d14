package database

// RuleOf returns the guard's rule of an entity: the column that names its
// organization, whether it is confined in another way, and whether it is for the
// system alone.
func RuleOf(entity string) (column string, confined, system, known bool) {
	r, known := rules()[entity]
	return r.organization, r.confine != nil, r.system, known
}

// RuledEntities returns how many entities have a rule.
func RuledEntities() int { return len(rules()) }
