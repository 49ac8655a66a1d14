package scim

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/elimity-com/scim/errors"
	"github.com/elimity-com/scim/schema"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/service/directory"
	"github.com/headwater-platform/headwater/typeid"
)

// resource is one as it is on the wire.
type resource = map[string]any

// etag returns the weak tag of a version.
func etag(version string) string {
	sum := sha256.Sum256([]byte(version))
	return `W/"` + hex.EncodeToString(sum[:8]) + `"`
}

func userID(id uuid.UUID) string  { return typeid.New(typeid.Membership, id).String() }
func groupID(id uuid.UUID) string { return typeid.New(typeid.Group, id).String() }

func (h *handler) meta(t resourceType, id, version string, created, modified time.Time) map[string]any {
	return map[string]any{
		"resourceType": t.name, "location": h.base + t.endpoint + "/" + id, "version": etag(version),
		"created": created.UTC().Format(time.RFC3339Nano), "lastModified": modified.UTC().Format(time.RFC3339Nano),
	}
}

// user returns a person as a resource.
func (h *handler) user(p directory.Person) resource {
	groups := make([]any, len(p.Groups))
	for i, g := range p.Groups {
		groups[i] = map[string]any{"value": groupID(g.ID), "display": g.Name, "$ref": h.base + "/Groups/" + groupID(g.ID)}
	}
	r := writable(p)
	r["schemas"], r["id"], r["groups"] = []string{schema.UserSchema}, userID(p.ID), groups
	r["meta"] = h.meta(userType(), userID(p.ID), p.Version, p.CreatedAt, p.ModifiedAt)
	return r
}

// writable returns what of a person a directory writes.
func writable(p directory.Person) resource {
	name := map[string]any{"formatted": p.Name}
	if p.GivenName != "" {
		name["givenName"] = p.GivenName
	}
	if p.FamilyName != "" {
		name["familyName"] = p.FamilyName
	}
	r := resource{
		"userName": p.UserName, "name": name, "displayName": p.Name, "active": p.Active,
		"emails": []any{map[string]any{"value": p.Email, "type": "work", "primary": true}},
	}
	if p.ExternalID != "" {
		r["externalId"] = p.ExternalID
	}
	return r
}

// group returns a group as a resource, with its members if they were asked for.
func (h *handler) group(g directory.Group, withMembers bool) resource {
	r := resource{
		"schemas": []string{schema.GroupSchema}, "id": groupID(g.ID), "displayName": g.Name,
		"meta": h.meta(groupType(), groupID(g.ID), g.Version, g.CreatedAt, g.ModifiedAt),
	}
	if g.ExternalID != "" {
		r["externalId"] = g.ExternalID
	}
	if withMembers {
		members := make([]any, len(g.Members))
		for i, m := range g.Members {
			members[i] = map[string]any{"value": userID(m.ID), "display": m.Name, "$ref": h.base + "/Users/" + userID(m.ID), "type": "User"}
		}
		r["members"] = members
	}
	return r
}

// validate returns what of a body the schema knows, checked against it. What it
// does not know is passed over, as the RFC has it.
func (t resourceType) validate(body map[string]any) (map[string]any, error) {
	flat := make(map[string]any, len(body))
	for name, value := range body {
		if inner, ok := value.(map[string]any); ok && strings.EqualFold(name, t.schema.ID) {
			for sub, v := range inner {
				flat[sub] = v
			}
			continue
		}
		flat[withoutPrefix(name)] = value
	}
	if value, ok := find(flat, "active"); ok {
		yes, known := truth(value)
		if !known {
			return nil, refused(errors.ScimTypeInvalidValue, "active is true or false")
		}
		for name := range flat {
			if strings.EqualFold(name, "active") {
				flat[name] = yes
			}
		}
	}
	for _, email := range list(flat["emails"]) {
		if m, ok := email.(map[string]any); ok {
			if yes, known := truth(m["primary"]); known {
				m["primary"] = yes
			}
		}
	}
	checked, err := t.schema.Validate(flat)
	if err != nil {
		return nil, fromLibrary(err)
	}
	return checked, nil
}

// find returns a value by its name without regard to case.
func find(in map[string]any, name string) (any, bool) {
	for key, value := range in {
		if strings.EqualFold(key, name) && value != nil {
			return value, true
		}
	}
	return nil, false
}

func list(value any) []any {
	switch v := value.(type) {
	case []any:
		return v
	case nil:
		return nil
	}
	return []any{value}
}

func textOf(in map[string]any, name string) (string, bool) {
	value, ok := in[name].(string)
	return value, ok
}

// readUser writes what a checked resource says onto a person.
func readUser(r map[string]any, p *directory.Person) error {
	before := *p
	p.UserName, _ = textOf(r, "userName")
	p.ExternalID, _ = textOf(r, "externalId")
	if active, ok := r["active"].(bool); ok {
		p.Active = active
	}
	if err := readEmail(r, p); err != nil {
		return err
	}
	parts, _ := r["name"].(map[string]any)
	if given, ok := textOf(parts, "givenName"); ok {
		p.GivenName = given
	}
	if family, ok := textOf(parts, "familyName"); ok {
		p.FamilyName = family
	}
	p.Name = nameFrom(r, parts, before, *p)
	return nil
}

// nameFrom returns the name that a resource gives somebody: the one of displayName
// and formatted that is new, else that of the parts where the name was made of them.
func nameFrom(r, parts map[string]any, before, now directory.Person) string {
	for _, said := range []any{r["displayName"], parts["formatted"]} {
		if name, ok := said.(string); ok && name != "" && name != before.Name {
			return name
		}
	}
	joined := join(now)
	if joined != "" && joined != join(before) && (before.Name == "" || before.Name == join(before)) {
		return joined
	}
	if before.Name == "" {
		return now.UserName
	}
	return before.Name
}

func join(p directory.Person) string { return strings.TrimSpace(p.GivenName + " " + p.FamilyName) }

// readEmail takes the primary address of a new person, or the userName where that
// is one and there is no other. It does not change.
func readEmail(r map[string]any, p *directory.Person) error {
	email := ""
	for _, one := range list(r["emails"]) {
		m, _ := one.(map[string]any)
		value, _ := textOf(m, "value")
		if primary, _ := m["primary"].(bool); email == "" || primary && value != "" {
			email = value
		}
	}
	switch {
	case p.ID != uuid.Nil:
		if email != "" && !strings.EqualFold(email, p.Email) {
			return refused(errors.ScimTypeMutability, "the address of somebody is given once")
		}
	case email == "" && strings.Contains(p.UserName, "@"):
		p.Email = p.UserName
	case email == "":
		return refused(errors.ScimTypeInvalidValue, "a new user has an address in emails")
	default:
		p.Email = email
	}
	return nil
}

// membersOf returns the ids of members.
func membersOf(value any) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	for _, one := range list(value) {
		said, isText := one.(string)
		if m, ok := one.(map[string]any); ok {
			v, _ := find(m, "value")
			said, isText = v.(string)
		}
		id, err := typeid.Parse(said)
		if !isText || err != nil || id.Kind != typeid.Membership {
			return nil, refused(errors.ScimTypeInvalidValue, "a member is named by the id of a user")
		}
		ids = append(ids, id.UUID)
	}
	return ids, nil
}
