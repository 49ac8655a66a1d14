package scim

import (
	"slices"
	"strings"

	"github.com/elimity-com/scim/errors"
	"github.com/elimity-com/scim/schema"
	"github.com/google/uuid"
	filter "github.com/scim2/filter-parser/v2"

	"github.com/headwater-platform/headwater/service/directory"
	"github.com/headwater-platform/headwater/typeid"
)

// maxOperations bounds one patch.
const maxOperations = 1000

// operation is one of a patch: on one attribute, since those without a path are
// taken apart.
type operation struct {
	op string // add, replace or remove
	// attribute and sub are in lower case; sub is "" for the whole attribute.
	attribute, sub string
	// which selects values of an attribute that has several, nil for all.
	which filter.Expression
	value any
}

// parsePatch returns the operations of the body of a patch. Attributes that SCIM
// knows and this platform does not are passed over, as in other bodies.
func (t resourceType) parsePatch(body map[string]any) ([]operation, error) {
	schemas, _ := find(body, "schemas")
	if !slices.Contains(list(schemas), any(patchMessage)) {
		return nil, refused(errors.ScimTypeInvalidSyntax, "a patch has the schema %s", patchMessage)
	}
	raw, _ := find(body, "Operations")
	if n := len(list(raw)); n == 0 || n > maxOperations {
		return nil, refused(errors.ScimTypeInvalidSyntax, "a patch has 1 to %d Operations", maxOperations)
	}
	var operations []operation
	for _, one := range list(raw) {
		m, _ := one.(map[string]any)
		some, err := t.parseOperation(m)
		if err != nil {
			return nil, err
		}
		operations = append(operations, some...)
	}
	return operations, nil
}

func (t resourceType) parseOperation(m map[string]any) ([]operation, error) {
	said, _ := find(m, "op")
	op, _ := said.(string)
	op = strings.ToLower(op)
	if op != "add" && op != "replace" && op != "remove" {
		return nil, refused(errors.ScimTypeInvalidSyntax, "an operation is add, replace or remove")
	}
	value, _ := find(m, "value")
	path, named := find(m, "path")
	if text, ok := path.(string); named && ok && text != "" {
		return t.onPath(op, text, value)
	}
	if op == "remove" {
		return nil, refused(errors.ScimTypeNoTarget, "remove needs a path")
	}
	values, ok := value.(map[string]any)
	if !ok {
		return nil, refused(errors.ScimTypeInvalidValue, "without a path, the value is an object")
	}
	return t.withoutPath(op, values)
}

// withoutPath takes an operation apart that names its attributes in its value, as
// names or as paths. Who the resource is may be said again.
func (t resourceType) withoutPath(op string, values map[string]any) ([]operation, error) {
	var operations []operation
	for name, value := range values {
		if inner, ok := value.(map[string]any); ok && strings.EqualFold(name, t.schema.ID) {
			some, err := t.withoutPath(op, inner)
			if err != nil {
				return nil, err
			}
			operations = append(operations, some...)
			continue
		}
		switch strings.ToLower(name) {
		case "id", "schemas", "meta":
			continue
		}
		some, err := t.onPath(op, name, value)
		if err != nil {
			return nil, err
		}
		operations = append(operations, some...)
	}
	// The order of names in an object means nothing, so it is one for all.
	slices.SortFunc(operations, func(a, b operation) int { return strings.Compare(a.attribute+"."+a.sub, b.attribute+"."+b.sub) })
	return operations, nil
}

func (t resourceType) onPath(op, text string, value any) ([]operation, error) {
	if isForeign(text) {
		return nil, nil
	}
	path, err := filter.ParsePath([]byte(withoutPrefix(text)))
	if err != nil {
		return nil, refused(errors.ScimTypeInvalidPath, "%.100q is no path", text)
	}
	o := operation{op: op, attribute: strings.ToLower(path.AttributePath.AttributeName), which: path.ValueExpression, value: value}
	o.sub = strings.ToLower(path.AttributePath.SubAttributeName() + path.SubAttributeName())
	attribute, ok := t.schema.Attributes.ContainsAttribute(o.attribute)
	switch {
	case !ok && knownElsewhere(o.attribute):
		return nil, nil
	case !ok && (o.attribute == "id" || o.attribute == "meta" || o.attribute == "schemas"), ok && attribute.Mutability() == "readOnly":
		return nil, refused(errors.ScimTypeMutability, "%s is not written", o.attribute)
	case !ok:
		return nil, refused(errors.ScimTypeInvalidPath, "there is no attribute %.60s", o.attribute)
	}
	if o.sub != "" && o.sub != "$ref" {
		if _, ok := attribute.SubAttributes().ContainsAttribute(o.sub); !ok {
			if o.attribute == "name" || o.attribute == "emails" {
				return nil, nil // such as honorificPrefix
			}
			return nil, refused(errors.ScimTypeInvalidPath, "there is no attribute %.60s in %s", o.sub, o.attribute)
		}
	}
	if op != "remove" && value == nil {
		return nil, refused(errors.ScimTypeInvalidValue, "%s needs a value", op)
	}
	return []operation{o}, nil
}

// isForeign reports whether a path is of an extension, such as that of enterprises.
func isForeign(path string) bool {
	return len(path) > 4 && strings.EqualFold(path[:4], "urn:") && withoutPrefix(path) == path
}

// knownElsewhere reports whether SCIM knows an attribute that this platform does
// not.
func knownElsewhere(name string) bool {
	for _, s := range []schema.Schema{schema.CoreUserSchema(), schema.ExtensionEnterpriseUser()} {
		if _, ok := s.Attributes.ContainsAttribute(name); ok {
			return true
		}
	}
	return false
}

// patchUser returns the resource that operations make of a person.
func patchUser(p directory.Person, operations []operation) (map[string]any, error) {
	r := writable(p)
	r["schemas"] = []any{schema.UserSchema}
	names := map[string]string{"username": "userName", "displayname": "displayName", "externalid": "externalId", "active": "active"}
	parts := map[string]string{"formatted": "formatted", "givenname": "givenName", "familyname": "familyName"}
	for _, o := range operations {
		switch o.attribute {
		case "emails":
			if err := patchEmail(r, o); err != nil {
				return nil, err
			}
		case "name":
			patchName(r, o, parts)
		default:
			if err := patchSimple(r, names[o.attribute], o); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

func patchSimple(r map[string]any, name string, o operation) error {
	switch {
	case o.op != "remove":
		r[name] = o.value
	case name == "userName":
		return refused(errors.ScimTypeMutability, "a user has a userName")
	case name == "active":
		r[name] = true
	default:
		delete(r, name)
	}
	return nil
}

func patchName(r map[string]any, o operation, parts map[string]string) {
	name, _ := r["name"].(map[string]any)
	if o.sub != "" {
		if o.op == "remove" {
			name[parts[o.sub]] = ""
		} else {
			name[parts[o.sub]] = o.value
		}
		return
	}
	if o.op == "remove" {
		name["givenName"], name["familyName"] = "", ""
		return
	}
	values, _ := o.value.(map[string]any)
	for said, value := range values {
		if part, ok := parts[strings.ToLower(said)]; ok {
			name[part] = value
		}
	}
}

// patchEmail takes an operation on the address, which may say only what is there.
func patchEmail(r map[string]any, o operation) error {
	if o.op == "remove" {
		return refused(errors.ScimTypeMutability, "the address of somebody is given once")
	}
	email, _ := r["emails"].([]any)[0].(map[string]any)
	switch o.sub {
	case "value":
		email["value"] = o.value
	case "":
		for _, one := range list(o.value) {
			m, _ := one.(map[string]any)
			if value, ok := find(m, "value"); ok {
				email["value"] = value
			}
		}
	}
	return nil
}

// groupSteps turns operations on a group into steps.
func groupSteps(operations []operation) ([]directory.Step, error) {
	steps := make([]directory.Step, 0, len(operations))
	for _, o := range operations {
		step, err := groupStep(o)
		if err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	return steps, nil
}

func groupStep(o operation) (directory.Step, error) {
	if o.attribute == "members" {
		return memberStep(o)
	}
	said, isText := o.value.(string)
	if o.op != "remove" && !isText {
		return directory.Step{}, refused(errors.ScimTypeInvalidValue, "%s is a text", o.attribute)
	}
	switch {
	case o.attribute == "externalid" && o.op == "remove":
		said = ""
		return directory.Step{ExternalID: &said}, nil
	case o.attribute == "externalid":
		return directory.Step{ExternalID: &said}, nil
	case o.op == "remove":
		return directory.Step{}, refused(errors.ScimTypeMutability, "a group has a displayName")
	}
	return directory.Step{Name: &said}, nil
}

func memberStep(o operation) (directory.Step, error) {
	if o.which != nil {
		ids, err := selected(o.which)
		if err != nil || o.op == "remove" {
			return directory.Step{Remove: ids}, err
		}
		return directory.Step{}, refused(errors.ScimTypeMutability, "a member is added or removed, not changed")
	}
	ids, err := membersOf(o.value)
	switch {
	case err != nil:
		return directory.Step{}, err
	case o.op == "add":
		return directory.Step{Add: ids}, nil
	case o.op == "remove" && o.value != nil:
		return directory.Step{Remove: ids}, nil
	case o.op == "remove":
		ids = []uuid.UUID{}
	}
	return directory.Step{All: &ids}, nil
}

// selected returns the ids that the filter of a path names: some values, each by
// being equal.
func selected(e filter.Expression) ([]uuid.UUID, error) {
	wrong := refused(errors.ScimTypeInvalidFilter, `members are selected as in members[value eq "mem_…"]`)
	switch e := e.(type) {
	case *filter.LogicalExpression:
		left, err := selected(e.Left)
		if err != nil || e.Operator != filter.OR {
			return nil, wrong
		}
		right, err := selected(e.Right)
		return append(left, right...), err
	case *filter.AttributeExpression:
		said, isText := e.CompareValue.(string)
		if !isText || !strings.EqualFold(e.AttributePath.AttributeName, "value") || !strings.EqualFold(string(e.Operator), "eq") {
			return nil, wrong
		}
		id, err := typeid.Parse(said)
		if err != nil || id.Kind != typeid.Membership {
			return nil, nil //nolint:nilerr // nobody is called so
		}
		return []uuid.UUID{id.UUID}, nil
	}
	return nil, wrong
}
