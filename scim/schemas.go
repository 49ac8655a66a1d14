package scim

import (
	"strings"

	"github.com/elimity-com/scim/optional"
	"github.com/elimity-com/scim/schema"
)

// The names of what is exchanged.
const (
	listMessage   = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	patchMessage  = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	searchMessage = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"

	configSchema = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
	typeSchema   = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
)

// text returns an attribute that is a text.
func text(name, description string, change func(*schema.StringParams)) schema.SimpleParams {
	p := schema.StringParams{Name: name, Description: optional.NewString(description)}
	if change != nil {
		change(&p)
	}
	return schema.SimpleStringParams(p)
}

func readOnly(p *schema.StringParams)  { p.Mutability = schema.AttributeMutabilityReadOnly() }
func immutable(p *schema.StringParams) { p.Mutability = schema.AttributeMutabilityImmutable() }

// externalID is common to all resources, and their own.
func externalID() schema.CoreAttribute {
	return schema.SimpleCoreAttribute(text("externalId", "The directory's own id.", func(p *schema.StringParams) { p.CaseExact = true }))
}

// userSchema returns what a user has here.
func userSchema() schema.Schema {
	return schema.Schema{
		ID: schema.UserSchema, Name: optional.NewString("User"), Description: optional.NewString("A member of the organization."),
		Attributes: []schema.CoreAttribute{
			schema.SimpleCoreAttribute(text("userName", "What the directory calls the person, usually what they sign in with there.", func(p *schema.StringParams) {
				p.Required, p.Uniqueness = true, schema.AttributeUniquenessServer()
			})),
			schema.ComplexCoreAttribute(schema.ComplexParams{
				Name: "name", Description: optional.NewString("The name and its parts. Without parts, the first word is the given name."),
				SubAttributes: []schema.SimpleParams{
					text("formatted", "The whole name, as displayName.", nil), text("givenName", "The given name.", nil), text("familyName", "The family name.", nil),
				},
			}),
			schema.SimpleCoreAttribute(text("displayName", "The name. It is the account's, and stays as it is where another organization administers that.", nil)),
			schema.SimpleCoreAttribute(schema.SimpleBooleanParams(schema.BooleanParams{
				Name: "active", Description: optional.NewString("Whether the person is let into the organization."),
			})),
			schema.ComplexCoreAttribute(schema.ComplexParams{
				Name: "emails", Description: optional.NewString("The one address, the userName if there is none. It is given once; the person changes it."), MultiValued: true,
				Mutability: schema.AttributeMutabilityImmutable(),
				SubAttributes: []schema.SimpleParams{
					text("value", "The address.", immutable), text("type", "Always work.", immutable),
					schema.SimpleBooleanParams(schema.BooleanParams{Name: "primary", Description: optional.NewString("Always true."), Mutability: schema.AttributeMutabilityImmutable()}),
				},
			}),
			schema.ComplexCoreAttribute(schema.ComplexParams{
				Name: "groups", Description: optional.NewString("The groups that the person is in."), MultiValued: true, Mutability: schema.AttributeMutabilityReadOnly(),
				SubAttributes: []schema.SimpleParams{text("value", "The id of the group.", readOnly), text("display", "Its name.", readOnly)},
			}),
			externalID(),
		},
	}
}

// groupSchema returns what a group has here.
func groupSchema() schema.Schema {
	return schema.Schema{
		ID: schema.GroupSchema, Name: optional.NewString("Group"), Description: optional.NewString("A group of the organization."),
		Attributes: []schema.CoreAttribute{
			schema.SimpleCoreAttribute(text("displayName", "The name.", func(p *schema.StringParams) {
				p.Required, p.Uniqueness = true, schema.AttributeUniquenessServer()
			})),
			schema.ComplexCoreAttribute(schema.ComplexParams{
				Name: "members", Description: optional.NewString("The users in the group."), MultiValued: true,
				SubAttributes: []schema.SimpleParams{text("value", "The id of the user.", immutable), text("display", "The name.", readOnly)},
			}),
			externalID(),
		},
	}
}

// resourceType is a kind of resources.
type resourceType struct {
	name, endpoint, description string
	schema                      schema.Schema
}

func userType() resourceType {
	return resourceType{name: "User", endpoint: "/Users", description: "A member of the organization.", schema: userSchema()}
}

func groupType() resourceType {
	return resourceType{name: "Group", endpoint: "/Groups", description: "A group of the organization.", schema: groupSchema()}
}

// discoverable returns the resources of an endpoint of discovery.
func (h *handler) discoverable(endpoint string) []map[string]any {
	var list []map[string]any
	for _, t := range []resourceType{userType(), groupType()} {
		if endpoint == "Schemas" {
			raw := t.schema.ToMap()
			raw["meta"] = map[string]any{"resourceType": "Schema", "location": h.base + "/Schemas/" + t.schema.ID}
			list = append(list, raw)
			continue
		}
		list = append(list, map[string]any{
			"schemas": []string{typeSchema}, "id": t.name, "name": t.name, "description": t.description,
			"endpoint": t.endpoint, "schema": t.schema.ID, "schemaExtensions": []any{},
			"meta": map[string]any{"resourceType": "ResourceType", "location": h.base + "/ResourceTypes/" + t.name},
		})
	}
	return list
}

// config says what of SCIM there is.
func (h *handler) config() map[string]any {
	supported := func(yes bool) map[string]any { return map[string]any{"supported": yes} }
	return map[string]any{
		"schemas": []string{configSchema},
		"patch":   supported(true), "sort": supported(true), "etag": supported(true), "changePassword": supported(false),
		"bulk":   map[string]any{"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
		"filter": map[string]any{"supported": true, "maxResults": maxResults},
		"authenticationSchemes": []any{map[string]any{
			"type": "oauthbearertoken", "name": "Bearer token", "primary": true,
			"description": "A SCIM token of the organization, in the header Authorization.",
			"specUri":     "https://www.rfc-editor.org/info/rfc6750",
		}},
		"meta": map[string]any{"resourceType": "ServiceProviderConfig", "location": h.base + "/ServiceProviderConfig"},
	}
}

// withoutPrefix returns the name of an attribute without the name of its schema.
func withoutPrefix(name string) string {
	for _, id := range []string{schema.UserSchema, schema.GroupSchema} {
		if len(name) > len(id) && strings.EqualFold(name[:len(id)+1], id+":") {
			return name[len(id)+1:]
		}
	}
	return name
}
