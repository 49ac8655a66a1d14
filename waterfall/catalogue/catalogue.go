// Package catalogue is the closed list of settings.
//
// It owns what each setting is called and means, which values it takes, where
// it may be set, how levels merge and what a writer needs. It does not own how
// values flow down the tree (waterfall) nor who holds a permission (access).
// A key that is not here does not exist.
package catalogue

import (
	"slices"
	"sync"

	"github.com/headwater-platform/headwater/waterfall"
)

// Definitions returns every setting in the order of the sidebar. They are
// shared: callers do not change them.
func Definitions() []*waterfall.Definition { return slices.Clone(table().ordered) }

// Lookup returns the setting with the key.
func Lookup(key string) (*waterfall.Definition, bool) {
	d, found := table().byKey[key]
	return d, found
}

// The permissions that writing a setting may need.
const (
	identityWrite = "identity:write"
	securityWrite = "security:write"
	settingsWrite = "settings:write"
	groupsRoles   = "groups:roles"
	partnerLimits = "partner:limits"
	platformWrite = "platform:write"
)

type index struct {
	ordered []*waterfall.Definition
	byKey   map[string]*waterfall.Definition
}

var table = sync.OnceValue(func() index {
	t := index{byKey: map[string]*waterfall.Definition{}}
	for _, section := range sections() {
		for i := range section.settings {
			d := section.complete(section.settings[i])
			t.ordered = append(t.ordered, d)
			t.byKey[d.Key] = d
		}
	}
	return t
})

// section is a group of settings in the sidebar, with what they share.
type section struct {
	name     string
	levels   []waterfall.Level
	write    string
	manage   string
	settings []waterfall.Definition
}

func sections() []section {
	return []section{
		authentication(), policies(), members(), quotas(), variables(),
		customize(), cloud(), billing(), api(), platform(),
	}
}

// complete returns the definition with what it shares with its section.
func (s section) complete(d waterfall.Definition) *waterfall.Definition {
	d.Section = s.name
	if d.Levels == nil {
		d.Levels = s.levels
	}
	if d.WritePermission == "" {
		d.WritePermission = s.write
	}
	d.ManagePermission = s.manage
	if s.manage == "" {
		d.ManagePermission = d.WritePermission
	}
	d.Merge = mergeOf(d)
	return &d
}

// mergeOf returns how the type merges: there is nothing to choose.
func mergeOf(d waterfall.Definition) waterfall.Merge {
	switch {
	case d.Type == waterfall.TypeSet && d.Narrows:
		return waterfall.MergeNarrowingSet
	case d.Type == waterfall.TypeSet:
		return waterfall.MergeSet
	case d.Type == waterfall.TypeMap && d.Narrows:
		return waterfall.MergeNarrowingMap
	case d.Type == waterfall.TypeMap:
		return waterfall.MergeMap
	case d.Narrows:
		return waterfall.MergeNarrowingMaximum
	default:
		return waterfall.MergeOverride
	}
}

func toPlatform() []waterfall.Level { return []waterfall.Level{waterfall.LevelPlatform} }

func toPartner() []waterfall.Level { return append(toPlatform(), waterfall.LevelPartner) }

func toOrganization() []waterfall.Level { return append(toPartner(), waterfall.LevelOrganization) }

func toGroup() []waterfall.Level { return append(toOrganization(), waterfall.LevelGroup) }

func toUser() []waterfall.Level { return append(toGroup(), waterfall.LevelUser) }
