package spending

import (
	"fmt"

	"github.com/headwater-platform/headwater/waterfall"
)

// The settings that decide about a launch.
const (
	ProvidersKey = "cloud.providers"
	TypesKey     = "cloud.instance_types"
	LimitsKey    = "cloud.instance_limits"
)

// Launch is what somebody wants to start.
type Launch struct {
	// Provider is one of cloud.providers, Type the provider's own name of a type
	// of machine; "" for work that is no machine.
	Provider, Type string
	// Count is how many of them, at least 1.
	Count int
}

// name is how settings name the type.
func (l Launch) name() string { return l.Provider + "/" + l.Type }

// Place is where something is to run, with what holds there: a group, or an
// organization.
type Place struct {
	Providers, Types, Limits waterfall.Resolution
	// Running is how many of the type run in the place.
	Running int
}

// Verdict says whether something may start, and what decided.
type Verdict struct {
	Allowed bool
	// Key is the setting that decided, "" if none limits what is allowed.
	Key string
	// Because is one sentence about it.
	Because string
	// By is where the setting's value comes from.
	By waterfall.Origin
}

// Judge returns whether the launch fits into each of the places, of which it is
// to run in all: its group and its organization. The first that it does not fit
// into decides; if it fits, the one that has least room left.
func Judge(l Launch, places []Place) Verdict {
	for _, p := range places {
		if v := p.permits(l); !v.Allowed {
			return v
		}
	}
	verdict, room := Verdict{Allowed: true}, int64(0)
	for _, p := range places {
		limit, pattern, limited := p.limit(l)
		if !limited {
			continue
		}
		left := limit - int64(p.Running) - int64(l.Count)
		if left < 0 {
			return p.full(l, limit, pattern)
		}
		if verdict.Key == "" || left < room {
			verdict, room = p.fits(l, limit, pattern), left
		}
	}
	return verdict
}

// permits says whether the place lets the provider and the type be used.
func (p Place) permits(l Launch) Verdict {
	if l.Provider != "" && !p.Providers.Value.Has(l.Provider) {
		return Verdict{Key: ProvidersKey, By: p.Providers.Source, Because: fmt.Sprintf("%s is not among the providers that may be used here.", l.Provider)}
	}
	if l.Type != "" && !p.Types.Value.Has(l.name()) {
		return Verdict{Key: TypesKey, By: p.Types.Source, Because: fmt.Sprintf("%s is not among the instance types that may be started here.", l.name())}
	}
	return Verdict{Allowed: true}
}

// limit returns how many of the type may run in the place, by the pattern that
// says so: that of the type, else of its provider, else of all.
func (p Place) limit(l Launch) (limit int64, pattern string, limited bool) {
	if l.Type == "" {
		return 0, "", false
	}
	for _, pattern := range []string{l.name(), l.Provider + "/*", "*"} {
		if limit, ok := p.Limits.Value.Count(pattern); ok {
			return limit, pattern, true
		}
	}
	return 0, "", false
}

func (p Place) full(l Launch, limit int64, pattern string) Verdict {
	return Verdict{
		Key: LimitsKey, By: p.origin(pattern),
		Because: fmt.Sprintf("At most %d of %s may run here at once; %d run, and %d more would be too many.", limit, l.name(), p.Running, l.Count),
	}
}

func (p Place) fits(l Launch, limit int64, pattern string) Verdict {
	return Verdict{
		Allowed: true, Key: LimitsKey, By: p.origin(pattern),
		Because: fmt.Sprintf("At most %d of %s may run here at once; with %d more there would be %d.", limit, l.name(), l.Count, p.Running+l.Count),
	}
}

// origin returns where a limit comes from.
func (p Place) origin(pattern string) waterfall.Origin {
	for _, part := range p.Limits.Parts {
		if part.Key == pattern {
			return part.Source
		}
	}
	return p.Limits.Source
}
