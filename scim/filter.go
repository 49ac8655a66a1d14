package scim

import (
	"strings"
	"time"

	"github.com/elimity-com/scim/errors"
	filter "github.com/scim2/filter-parser/v2"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/service/directory"
	"github.com/headwater-platform/headwater/typeid"
)

// The bounds of a filter: bytes of its text and comparisons in it.
const (
	maxFilter = 4096
	maxTerms  = 50
)

// column is what an attribute is compared and sorted by.
type column struct {
	name database.DirectoryColumn
	kind columnKind
	// id is of what the attribute is the id.
	id typeid.Kind
}

type columnKind int

const (
	ofText columnKind = iota
	ofBool
	ofTime
	ofID
)

// columns returns the attributes of a kind of resources that can be asked for, by
// their names in lower case.
func (t resourceType) columns() map[string]column {
	common := map[string]column{
		"externalid": {name: database.DirectoryExternalID}, "displayname": {name: database.DirectoryName},
		"meta.created":      {name: database.DirectoryCreated, kind: ofTime},
		"meta.lastmodified": {name: database.DirectoryModified, kind: ofTime},
	}
	if t.name == "Group" {
		common["id"] = column{name: database.DirectoryID, kind: ofID, id: typeid.Group}
		for _, name := range []string{"members", "members.value"} {
			common[name] = column{name: database.DirectoryMembers, kind: ofID, id: typeid.Membership}
		}
		return common
	}
	common["id"] = column{name: database.DirectoryID, kind: ofID, id: typeid.Membership}
	common["username"] = column{name: database.DirectoryUserName}
	common["active"] = column{name: database.DirectoryActive, kind: ofBool}
	common["name.formatted"] = column{name: database.DirectoryName}
	common["name.givenname"] = column{name: database.DirectoryGivenName}
	common["name.familyname"] = column{name: database.DirectoryFamilyName}
	for _, name := range []string{"emails", "emails.value"} {
		common[name] = column{name: database.DirectoryEmail}
	}
	for _, name := range []string{"groups", "groups.value"} {
		common[name] = column{name: database.DirectoryGroups, kind: ofID, id: typeid.Group}
	}
	return common
}

// parseFilter returns the condition that a filter is, nil for none.
func (t resourceType) parseFilter(text string) (*directory.Term, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil //nolint:nilnil // no filter is a filter
	}
	if len(text) > maxFilter {
		return nil, refused(errors.ScimTypeInvalidFilter, "a filter has at most %d bytes", maxFilter)
	}
	parsed, err := filter.ParseFilter([]byte(text))
	if err != nil {
		return nil, refused(errors.ScimTypeInvalidFilter, "this is no filter")
	}
	left := maxTerms
	term, err := translator{columns: t.columns(), left: &left}.term(parsed)
	if err != nil {
		return nil, err
	}
	return &term, nil
}

// translator turns expressions into conditions. Names stand in an attribute if
// within names one.
type translator struct {
	columns map[string]column
	within  string
	left    *int
}

func (t translator) term(e filter.Expression) (directory.Term, error) {
	switch e := e.(type) {
	case *filter.LogicalExpression:
		left, err := t.term(e.Left)
		if err != nil {
			return directory.Term{}, err
		}
		right, err := t.term(e.Right)
		if e.Operator == filter.OR {
			return directory.Term{Any: []directory.Term{left, right}}, err
		}
		return directory.Term{All: []directory.Term{left, right}}, err
	case *filter.NotExpression:
		not, err := t.term(e.Expression)
		return directory.Term{Not: &not}, err
	case *filter.ValuePath:
		t.within = nameOf(e.AttributePath)
		return t.term(e.ValueFilter)
	case *filter.AttributeExpression:
		return t.comparison(*e)
	}
	return directory.Term{}, refused(errors.ScimTypeInvalidFilter, "this filter is not supported")
}

func nameOf(path filter.AttributePath) string {
	name := strings.ToLower(path.AttributeName)
	if sub := path.SubAttributeName(); sub != "" {
		name += "." + strings.ToLower(sub)
	}
	return name
}

func (t translator) comparison(e filter.AttributeExpression) (directory.Term, error) {
	if *t.left--; *t.left < 0 {
		return directory.Term{}, refused(errors.ScimTypeInvalidFilter, "a filter has at most %d comparisons", maxTerms)
	}
	name := nameOf(e.AttributePath)
	if t.within != "" {
		name = t.within + "." + name
	}
	// The one address is of one type, and the primary one.
	if term, ok := always(name, e); ok {
		return term, nil
	}
	by, ok := t.columns[name]
	if !ok {
		return directory.Term{}, refused(errors.ScimTypeInvalidFilter, "%.60s cannot be filtered by", name)
	}
	comparison, ok := comparisonOf(e.Operator)
	if !ok {
		return directory.Term{}, refused(errors.ScimTypeInvalidFilter, "this operator is not supported")
	}
	term := directory.Term{Column: by.name, Comparison: comparison}
	if comparison == database.DirectoryPresent {
		return term, nil
	}
	return by.against(term, e.CompareValue)
}

// always returns the condition on what is the same of every address.
func always(name string, e filter.AttributeExpression) (directory.Term, bool) {
	holds := e.Operator == filter.PR
	switch name {
	case "emails.type":
		value, _ := e.CompareValue.(string)
		holds = holds || strings.EqualFold(value, "work") == (e.Operator == filter.EQ)
	case "emails.primary":
		holds = holds || (e.CompareValue == true) == (e.Operator == filter.EQ)
	default:
		return directory.Term{}, false
	}
	present := directory.Term{Column: database.DirectoryID, Comparison: database.DirectoryPresent}
	if holds {
		return present, true
	}
	return directory.Term{Not: &present}, true
}

func comparisonOf(operator filter.CompareOperator) (database.DirectoryComparison, bool) {
	c, ok := map[filter.CompareOperator]database.DirectoryComparison{
		filter.EQ: database.DirectoryEqual, filter.NE: database.DirectoryNotEqual, filter.PR: database.DirectoryPresent,
		filter.CO: database.DirectoryContains, filter.SW: database.DirectoryStartsWith, filter.EW: database.DirectoryEndsWith,
		filter.GT: database.DirectoryMore, filter.GE: database.DirectoryMoreEqual,
		filter.LT: database.DirectoryLess, filter.LE: database.DirectoryLessEqual,
	}[filter.CompareOperator(strings.ToLower(string(operator)))]
	return c, ok
}

// against completes a comparison by its value, if the column can be compared so.
func (c column) against(term directory.Term, value any) (directory.Term, error) {
	equality := term.Comparison == database.DirectoryEqual || term.Comparison == database.DirectoryNotEqual
	textual := term.Comparison == database.DirectoryContains || term.Comparison == database.DirectoryStartsWith || term.Comparison == database.DirectoryEndsWith
	wrong := refused(errors.ScimTypeInvalidFilter, "an attribute cannot be compared so")
	said, isText := value.(string)
	switch {
	case c.kind == ofText && isText:
		term.Value = said
		return term, nil
	case c.kind == ofBool && equality:
		yes, ok := truth(value)
		if !ok {
			return term, wrong
		}
		term.Value = yes
		return term, nil
	case c.kind == ofTime && isText && !textual:
		at, err := time.Parse(time.RFC3339Nano, said)
		if err != nil {
			return term, refused(errors.ScimTypeInvalidFilter, "a time is written as in 2026-11-01T12:00:00Z")
		}
		term.Value = at.UTC()
		return term, nil
	case c.kind == ofID && isText && equality:
		id, err := typeid.Parse(said)
		if err != nil || id.Kind != c.id {
			return nobody(term), nil //nolint:nilerr // what is no id names nobody
		}
		term.Value = id.UUID
		return term, nil
	}
	return term, wrong
}

// nobody returns the condition that something equals, or does not, what nothing does.
func nobody(term directory.Term) directory.Term {
	present := directory.Term{Column: database.DirectoryID, Comparison: database.DirectoryPresent}
	if term.Comparison == database.DirectoryNotEqual {
		return present
	}
	return directory.Term{Not: &present}
}

// truth returns a boolean, which Entra sends as a text.
func truth(value any) (yes, ok bool) {
	switch v := value.(type) {
	case bool:
		return v, true
	case string:
		return strings.EqualFold(v, "true"), strings.EqualFold(v, "true") || strings.EqualFold(v, "false")
	}
	return false, false
}
