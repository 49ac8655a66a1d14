package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
)

// condition is a way to choose from a list.
type condition struct {
	// reads is what of an element it looks at, as a selection.
	reads string
	// values are tried, as literals.
	values func(k *walk) []string
	// holds says whether an element that a walker sees so is chosen.
	holds func(k *walk, a *walker, element any, value string) bool
}

// conditions are those of every list, by the input field or argument.
func conditions() map[string]condition {
	words := func(list ...string) func(*walk) []string { return func(*walk) []string { return list } }
	booleans := words("true", "false")
	texts := func(k *walk) []string {
		list := []string{`"O"`, `"of-"`}
		for _, slug := range slices.Sorted(maps.Keys(k.places)) {
			list = append(list, fmt.Sprintf("%q", slug))
		}
		return list
	}
	ids := func(kinds ...string) func(k *walk) []string {
		return func(k *walk) []string {
			var list []string
			for _, kind := range kinds {
				for _, id := range k.ordered[kind] {
					list = append(list, fmt.Sprintf("%q", id))
				}
			}
			return list
		}
	}
	equals := func(path string) func(*walk, *walker, any, string) bool {
		return func(_ *walk, _ *walker, element any, value string) bool {
			return dig(element, path) == strings.Trim(value, `"`)
		}
	}
	contains := func(path string) func(*walk, *walker, any, string) bool {
		return func(_ *walk, _ *walker, element any, value string) bool {
			return strings.Contains(strings.ToLower(dig(element, path)), strings.ToLower(strings.Trim(value, `"`)))
		}
	}
	// listed says whether a list of texts, which may be null, holds one.
	listed := func(path string) func(*walk, *walker, any, string) bool {
		return func(_ *walk, _ *walker, element any, value string) bool {
			texts, _ := element.(map[string]any)[path].([]any)
			return slices.Contains(texts, any(strings.Trim(value, `"`)))
		}
	}
	name := condition{"name", texts, contains("name")}
	managed := condition{"managed", booleans, equals("managed")}
	return map[string]condition{
		"OrganizationWhereInput.nameContains": name,
		"OrganizationWhereInput.kind":         {"kind", words("PLATFORM", "PARTNER", "STANDARD"), equals("kind")},
		"OrganizationWhereInput.status":       {"status", words("ACTIVE", "LOCKED", "DEACTIVATED"), equals("status")},
		"OrganizationWhereInput.lockedBy":     {"lock { by }", words("PARTNER", "PLATFORM"), equals("lock.by")},
		"OrganizationWhereInput.managedById":  {"depth managedBy { id }", ids("Organization"), managedBy},
		"OrganizationWhereInput.memberOf":     {"slug", booleans, memberOf},
		"PolicyWhereInput.principalId":        {"principal { id }", ids("Application", "Group"), equals("principal.id")},
		"PolicyWhereInput.orphan": {"principal { id }", booleans, func(_ *walk, _ *walker, element any, value string) bool {
			return (element.(map[string]any)["principal"] == nil) == (value == "true")
		}},
		"PolicyWhereInput.managed":      managed,
		"PolicyWhereInput.nameContains": name,
		"PolicyWhereInput.tag":          {"tags", texts, listed("tags")},
		"MembershipWhereInput.search": {"user { username name email }", texts, func(k *walk, a *walker, element any, value string) bool {
			return contains("user.username")(k, a, element, value) || contains("user.name")(k, a, element, value) || contains("user.email")(k, a, element, value)
		}},
		"MembershipWhereInput.status": {"status", words("LOCKED", "INVITED", "NO_SEAT", "ACTIVE"), equals("status")},
		"MembershipWhereInput.groupId": {"groups(first: 50) { edges { node { id } } }", ids("Group"), func(_ *walk, _ *walker, element any, value string) bool {
			return strings.Contains(fmt.Sprint(element.(map[string]any)["groups"]), strings.Trim(value, `"`))
		}},
		"MembershipWhereInput.builtInRole":   {"builtInRoles", words("ADMINISTRATORS", "EDITORS", "BILLING_ADMINISTRATORS"), listed("builtInRoles")},
		"MembershipWhereInput.mfaEnabled":    {"mfaEnabled", booleans, equals("mfaEnabled")},
		"MembershipWhereInput.tag":           {"tags", texts, listed("tags")},
		"MembershipWhereInput.owner":         {"owner", booleans, equals("owner")},
		"ApplicationWhereInput.nameContains": name,
		"ApplicationWhereInput.managed":      managed,
		"ProjectWhereInput.nameContains":     name,
		"ProjectWhereInput.status":           {"status", words("ACTIVE", "DELETING"), equals("status")},
		"InvitationWhereInput.status":        {"status", words("PENDING", "CANCELLED", "EXPIRED"), equals("status")},
		"InvitationWhereInput.kind":          {"kind", words("MEMBERSHIP", "OWNERSHIP_TRANSFER"), equals("kind")},
		"Webhook.deliveries(status)":         {"status", words("PENDING", "DELIVERED", "FAILED"), equals("status")},
		"JobWhereInput.status":               {"status", words("PENDING", "DONE", "FAILED"), equals("status")},
		"JobWhereInput.kind":                 {"kind", words(`"mail"`, `"ruin"`, `"rui"`), equals("kind")},
		"Organization.billingMultipliers(month)": {"firstMonth lastMonth", words(`"2026-08"`, `"2026-09"`, `"2031-01"`, `"2031-02"`), func(_ *walk, _ *walker, element any, value string) bool {
			month, last := strings.Trim(value, `"`), dig(element, "lastMonth")
			return dig(element, "firstMonth") <= month && (last == "" || month <= last)
		}},
		"Organization.usageEvents(month)": {"month", words(`"2026-10"`, `"2026-09"`), equals("month")},
		"ResourceWhereInput.status":       {"status", words("ACTIVE", "RELEASED"), equals("status")},
		"ResourceWhereInput.kind":         {"kind", words(`"server"`, `"ruin"`, `"rui"`), equals("kind")},
		"TicketWhereInput.status":         {"status", words("OPEN", "RESOLVED", "CLOSED"), equals("status")},
		"TicketWhereInput.priority":       {"priority", words("P1", "P2", "P3"), equals("priority")},
		"TicketWhereInput.mine": {"createdBy { id }", words("true"), func(k *walk, a *walker, element any, _ string) bool {
			return dig(element, "createdBy.id") == k.ids[a.who]
		}},
		"Organization.apiKeys(bearerId)": {"bearer { id }", ids("User", "Application"), equals("bearer.id")},
	}
}

// managedBy compares with the manager as the walker sees it. Directly under the
// root it is not told, but those who see the root know.
func managedBy(k *walk, a *walker, element any, value string) bool {
	id := strings.Trim(value, `"`)
	if id == k.ids["platform"] {
		return dig(element, "depth") == "1" && k.holds(a, "org:read", "platform", "")
	}
	return dig(element, "managedBy.id") == id
}

// memberOf is what walkers know of themselves: people are members, applications
// are not.
func memberOf(k *walk, a *walker, element any, value string) bool {
	_, stands := a.standings[dig(element, "slug")]
	return (stands && strings.HasPrefix(k.ids[a.who], "usr_")) == (value == "true")
}

// list is a list that can be chosen from or ordered.
type list struct {
	kind  string
	field *ast.FieldDefinition
}

// connections returns the lists of the schema whose elements have ids: what can be chosen from is asked with
// conditions, all of them page by page.
func (k *walk) connections() []list {
	var lists []list
	for _, kind := range append([]string{"Query"}, slices.Sorted(maps.Keys(k.ordered))...) {
		d := k.schema.Types[kind]
		if d == nil {
			continue
		}
		for _, f := range d.Fields {
			if f.Arguments.ForName("first") != nil && f.Arguments.ForName("last") != nil && !k.visibility.of(kind+"."+f.Name).refuses() && k.isOfNodes(f) {
				lists = append(lists, list{kind, f})
			}
		}
	}
	return lists
}

// isOfNodes reports whether what is in a list can be told apart: it has ids.
func (k *walk) isOfNodes(f *ast.FieldDefinition) bool {
	edges := k.schema.Types[f.Type.Name()].Fields.ForName("edges")
	return k.schema.Types[k.schema.Types[edges.Type.Name()].Fields.ForName("node").Type.Name()].Fields.ForName("id") != nil
}

// tried is how many values are tried with each condition of a list at a time.
const tried = 4

// tryConditions asks for lists with every condition and order as everybody, and
// wants what the elements that the walker sees say that they are chosen by.
func (k *walk) tryConditions(t *testing.T) {
	t.Helper()
	type attempt struct {
		list
		a  *walker
		at *object
	}
	var attempts []attempt
	for _, l := range k.connections() {
		for _, a := range k.walkers {
			if a.isNobody() {
				continue
			}
			if l.kind == "Query" {
				attempts = append(attempts, attempt{l, a, nil})
			}
			for _, id := range k.ordered[l.kind] {
				if k.sees(a, k.objects[id]) {
					attempts = append(attempts, attempt{l, a, k.objects[id]})
				}
			}
		}
	}
	for _, try := range some(k.random, attempts) {
		where, marks := k.conditionsOf(t, try.list), k.marks(try.a)
		all := k.listed(t, try.a, try.list, try.at, "", marks)
		for _, subject := range slices.Sorted(maps.Keys(where)) {
			values := where[subject].values(k)
			k.random.Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
			for _, value := range values[:min(len(values), tried)] {
				var want []any
				for _, element := range all {
					if where[subject].holds(k, try.a, element, value) {
						want = append(want, element)
					}
				}
				got := k.listed(t, try.a, try.list, try.at, argument(subject, value), marks)
				if fmt.Sprint(idsOf(got)) != fmt.Sprint(idsOf(want)) {
					t.Errorf("%s finds %v in %s of %s with %s %s, want %v", try.a.name, k.titles(idsOf(got)), try.field.Name, k.titleAt(try.at), subject, value, k.titles(idsOf(want)))
				}
			}
		}
		k.tryOrders(t, try.a, try.list, try.at, all, marks)
		k.tryPages(t, try.a, try.list, try.at, all, marks)
	}
}

func (k *walk) titleAt(at *object) string {
	if at == nil {
		return "everything"
	}
	return k.title(at)
}

// argument writes a condition: an argument, or a field of the argument where.
func argument(subject, value string) string {
	if name, ok := strings.CutSuffix(subject[strings.LastIndexAny(subject, ".(")+1:], ")"); ok {
		return ", " + name + ": " + value
	}
	_, name, _ := strings.Cut(subject, ".")
	return ", where: {" + name + ": " + value + "}"
}

// conditionsOf returns the conditions of a list. Each must be known.
func (k *walk) conditionsOf(t *testing.T, l list) map[string]condition {
	t.Helper()
	all, found := conditions(), map[string]condition{}
	note := func(subject string) {
		c, known := all[subject]
		if known {
			found[subject] = c
		} else if strict {
			t.Errorf("how is %s tried?", subject)
		}
	}
	for _, argument := range l.field.Arguments {
		switch {
		case argument.Name == "where":
			for _, f := range k.schema.Types[argument.Type.Name()].Fields {
				note(argument.Type.Name() + "." + f.Name)
			}
		case !slices.Contains([]string{"first", "after", "last", "before", "orderBy", "recursive", "all", "side"}, argument.Name):
			note(l.kind + "." + l.field.Name + "(" + argument.Name + ")")
		}
	}
	return found
}

// reads returns what the conditions and orders of a list look at, as one
// selection.
func (k *walk) reads(t *testing.T, l list) string {
	t.Helper()
	parts := map[string]bool{"__typename": true, "id": true}
	for _, c := range k.conditionsOf(t, l) {
		parts[c.reads] = true
	}
	if order := l.field.Arguments.ForName("orderBy"); order != nil {
		for _, value := range k.ordersOf(order) {
			parts[orders()[value].reads] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(parts)), " ")
}

// listed returns the elements of a list, whole, and wants that their number is
// what the list says.
func (k *walk) listed(t *testing.T, a *walker, l list, at *object, arguments string, marks []mark) []any {
	t.Helper()
	connection := k.pageOf(t, a, l, at, fmt.Sprintf("first: %d", longPage)+arguments, marks)
	elements := []any{}
	edges, _ := connection["edges"].([]any)
	for _, edge := range edges {
		elements = append(elements, edge.(map[string]any)["node"])
	}
	if total := dig(connection, "totalCount"); total != fmt.Sprint(len(elements)) {
		t.Errorf("%s finds %d in %s of %s with %s, and is told of %s", a.name, len(elements), l.field.Name, k.titleAt(at), arguments, total)
	}
	return elements
}

// pageOf asks for one page of a list.
func (k *walk) pageOf(t *testing.T, a *walker, l list, at *object, arguments string, marks []mark) map[string]any {
	t.Helper()
	selection := fmt.Sprintf("%s(%s) { totalCount pageInfo { hasNextPage endCursor } edges { node { %s } } }", l.field.Name, arguments, k.reads(t, l))
	document, id := "{ "+selection+" }", ""
	if at != nil {
		document, id = fmt.Sprintf("query($id: ID!) { node(id: $id) { ... on %s { %s } } }", l.kind, selection), at.id
	}
	// What is asked for is known to who asks.
	answer := k.answer(t, a, document, id, slices.DeleteFunc(slices.Clone(marks), func(m mark) bool { return strings.Contains(document, m.text) }))
	if len(answer.Errors) > 0 {
		t.Errorf("%s asks %s: %s", a.name, document, answer.raw)
	}
	from := answer.Data
	if at != nil {
		from, _ = answer.Data["node"].(map[string]any)
	}
	connection, _ := from[l.field.Name].(map[string]any)
	return connection
}

func idsOf(elements []any) []string {
	ids := []string{}
	for _, element := range elements {
		ids = append(ids, dig(element, "id"))
	}
	return ids
}

// sorting is a field that a list is sorted by: its selection and its path.
type sorting struct{ reads, path string }

// orders are the fields that lists are sorted by, by the values of their enums.
func orders() map[string]sorting {
	sorts := map[string]sorting{
		"MembershipOrderField.USERNAME":   {"user { username name email }", "user.username"},
		"MembershipOrderField.NAME":       {"user { username name email }", "user.name"},
		"MembershipOrderField.EMAIL":      {"user { username name email }", "user.email"},
		"MembershipOrderField.LAST_LOGIN": {"lastLoginAt", "lastLoginAt"},
		"MembershipOrderField.CREATED_AT": {"createdAt", "createdAt"},
		"TicketOrderField.PRIORITY":       {"priority", "priority"},
		"TicketOrderField.CREATED_AT":     {"createdAt", "createdAt"},
	}
	for _, kind := range []string{"Organization", "Project", "Application", "Policy"} {
		sorts[kind+"OrderField.NAME"] = sorting{"name", "name"}
		sorts[kind+"OrderField.CREATED_AT"] = sorting{"createdAt", "createdAt"}
	}
	return sorts
}

// ordersOf returns by what an argument sorts, as orders names it.
func (k *walk) ordersOf(order *ast.ArgumentDefinition) []string {
	fields := k.schema.Types[order.Type.Name()].Fields.ForName("field").Type.Name()
	var values []string
	for _, value := range k.schema.Types[fields].EnumValues {
		values = append(values, fields+"."+value.Name)
	}
	return values
}

// sortedAs returns a text that sorts as what is shown does: without regard to
// case, and times with all of their digits.
func sortedAs(shown string) string {
	if at, err := time.Parse(time.RFC3339Nano, shown); err == nil {
		return at.Format("2006-01-02T15:04:05.000000")
	}
	return strings.ToLower(shown)
}

// tryOrders wants the same elements in every order, sorted by what is seen of
// them.
func (k *walk) tryOrders(t *testing.T, a *walker, l list, at *object, all []any, marks []mark) {
	t.Helper()
	order := l.field.Arguments.ForName("orderBy")
	if order == nil {
		return
	}
	for _, value := range k.ordersOf(order) {
		by, known := orders()[value]
		if !known {
			t.Errorf("what is sorted by %s?", value)
			continue
		}
		for _, direction := range []string{"ASC", "DESC"} {
			got := k.listed(t, a, l, at, fmt.Sprintf(", orderBy: {field: %s, direction: %s}", value[strings.Index(value, ".")+1:], direction), marks)
			sorted := slices.IsSortedFunc(got, func(x, y any) int {
				if direction == "DESC" {
					x, y = y, x
				}
				return strings.Compare(sortedAs(dig(x, by.path)), sortedAs(dig(y, by.path)))
			})
			before, after := idsOf(all), idsOf(got)
			slices.Sort(before)
			slices.Sort(after)
			if !sorted || !slices.Equal(before, after) {
				t.Errorf("%s finds %v in %s of %s by %s %s, of %v", a.name, k.titles(idsOf(got)), l.field.Name, k.titleAt(at), value, direction, k.titles(idsOf(all)))
			}
		}
	}
}

// tryPages reads a list by pages of two, which are full and together hold what
// the whole does.
func (k *walk) tryPages(t *testing.T, a *walker, l list, at *object, all []any, marks []mark) {
	t.Helper()
	var got []string
	after := ""
	for range len(all) + 1 {
		connection := k.pageOf(t, a, l, at, "first: 2"+after, marks)
		edges, _ := connection["edges"].([]any)
		for _, edge := range edges {
			got = append(got, dig(edge, "node.id"))
		}
		if dig(connection, "totalCount") != fmt.Sprint(len(all)) {
			t.Errorf("%s is told of %s in a page of %s of %s, want %d", a.name, dig(connection, "totalCount"), l.field.Name, k.titleAt(at), len(all))
		}
		if dig(connection, "pageInfo.hasNextPage") != "true" {
			break
		}
		if len(edges) != 2 {
			t.Errorf("%s finds %d on a page of %s of %s that is not the last", a.name, len(edges), l.field.Name, k.titleAt(at))
		}
		after = fmt.Sprintf(", after: %q", dig(connection, "pageInfo.endCursor"))
	}
	if fmt.Sprint(got) != fmt.Sprint(idsOf(all)) {
		t.Errorf("%s finds %v page by page in %s of %s, and %v at once", a.name, k.titles(got), l.field.Name, k.titleAt(at), k.titles(idsOf(all)))
	}
}
