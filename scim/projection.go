package scim

import (
	"maps"
	"net/http"
	"strings"
)

// projection says which attributes of resources are wanted, by names in lower case.
// What identifies a resource is always there.
type projection struct{ only, without map[string]bool }

func projectionOf(attributes, excluded string) projection {
	return projection{only: namesIn(attributes), without: namesIn(excluded)}
}

func projectionIn(r *http.Request) projection {
	q := r.URL.Query()
	return projectionOf(q.Get("attributes"), q.Get("excludedAttributes"))
}

func namesIn(text string) map[string]bool {
	names := map[string]bool{}
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.ToLower(withoutPrefix(strings.TrimSpace(name))); name != "" {
			names[name] = true
		}
	}
	return names
}

// has reports whether an attribute is wanted.
func (p projection) has(attribute string) bool {
	if len(p.only) == 0 {
		return !p.without[attribute]
	}
	for name := range p.only {
		if name == attribute || strings.HasPrefix(name, attribute+".") {
			return true
		}
	}
	return false
}

// of returns what is wanted of a resource.
func (p projection) of(r resource) resource {
	if len(p.only)+len(p.without) == 0 {
		return r
	}
	shown := resource{}
	for name, value := range r {
		key := strings.ToLower(name)
		switch {
		case key == "id" || key == "schemas":
			shown[name] = value
		case p.has(key):
			shown[name] = p.within(key, value)
		}
	}
	return shown
}

// within returns what is wanted of the value of an attribute.
func (p projection) within(attribute string, value any) any {
	switch v := value.(type) {
	case map[string]any:
		if p.only[attribute] {
			return v
		}
		part := maps.Clone(v)
		for sub := range v {
			name := attribute + "." + strings.ToLower(sub)
			if len(p.only) > 0 && !p.only[name] || len(p.only) == 0 && p.without[name] {
				delete(part, sub)
			}
		}
		return part
	case []any:
		parts := make([]any, len(v))
		for i, one := range v {
			parts[i] = p.within(attribute, one)
		}
		return parts
	}
	return value
}
