package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// askWithoutID asks what takes no id: lists of everything, and what is about
// the viewer.
func (k *walk) askWithoutID(t *testing.T, a *walker, marks []mark) {
	t.Helper()
	questions := map[string]string{
		"node":               fmt.Sprintf("{ node(id: %q) { id } }", nowhere("org")),
		"organization":       fmt.Sprintf("{ organization(id: %q) { id } }", nowhere("org")),
		"spendState":         fmt.Sprintf("{ spendState(scopeId: %q) { state } }", nowhere("org")),
		"checkLaunch":        fmt.Sprintf("{ checkLaunch(scopeId: %q, provider: \"aws\", instanceType: \"m5.large\", count: 1) { allowed } }", nowhere("org")),
		"organizations":      fmt.Sprintf("{ organizations(first: %d) { totalCount pageInfo { hasNextPage } edges { node { %s } } } }", wholePage, k.selection("Organization", map[string]int{}, 2)),
		"jobs":               fmt.Sprintf("{ jobs(first: %d) { totalCount pageInfo { hasNextPage } edges { node { %s } } } }", wholePage, k.selection("Job", map[string]int{}, 2)),
		"viewer":             "{ viewer { " + k.selection("Viewer", map[string]int{}, 3) + " } }",
		"webhookEvents":      "{ webhookEvents { name description } }",
		"settingDefinitions": "{ settingDefinitions { " + k.selection("SettingDefinition", map[string]int{}, 3) + " } }",
		"supportPlans":       "{ supportPlans { " + k.selection("SupportPlan", map[string]int{}, 3) + " } }",
		"tickets":            fmt.Sprintf("{ tickets(first: %d) { totalCount pageInfo { hasNextPage } edges { node { %s } } } }", wholePage, k.selection("Ticket", map[string]int{}, 2)),
		"platformStatus":     "{ platformStatus { publicName maintenance } }",
		"announcements":      fmt.Sprintf("{ announcements(first: %d) { totalCount pageInfo { hasNextPage } edges { node { %s } } } }", wholePage, k.selection("Announcement", map[string]int{}, 1)),
		"platformReport":     fmt.Sprintf("{ platformReport(month: %q) { %s } }", walkMonth().Format("2006-01"), k.selection("PlatformReport", map[string]int{}, 3)),
		"invitation":         fmt.Sprintf("{ invitation(token: %q) { %s } }", k.invitationLink(t, k.ordered["Invitation"][0], 1), k.selection("InvitationOffer", map[string]int{}, 1)),
		"loginPage":          `{ loginPage(organizationSlug: "acme") { ` + k.selection("LoginPage", map[string]int{}, 3) + " } }",
	}
	at := map[string]string{
		"permissionSets": "query($id: ID!) { permissionSets(organizationId: $id) { " + k.selection("PermissionSet", map[string]int{}, 1) + " } }",
	}
	for _, f := range k.schema.Query.Fields {
		if document, ok := at[f.Name]; ok {
			k.askAt(t, a, "Query."+f.Name, document, marks)
			continue
		}
		if r := k.visibility.of("Query." + f.Name); r.is("own rights") {
			continue // These are asked of many things at once.
		}
		document, known := questions[f.Name]
		if !known {
			if !strings.HasPrefix(f.Name, "__") && strict {
				t.Errorf("how is %s asked?", f.Name)
			}
			continue
		}
		r := k.visibility.of("Query." + f.Name)
		asked := marks
		if r.is("public") && f.Name != "viewer" {
			asked = nil // It is for those who know the name, or hold the link, already.
		}
		answer := k.answerTo(t, a, document, "", asked)
		want := ""
		switch {
		case r.is("public"):
		case a.isNobody():
			want = "UNAUTHENTICATED"
		case r.refuses() && !k.allows(a, r, &object{}):
			want = r.otherwise
		case r.is("the object"):
			want = "NOT_FOUND"
		}
		if got := answer.code(); got != want {
			t.Errorf("%s asks %s: %q, want %q: %s", a.name, document, got, want, answer.raw)
		}
		k.inspect(t, a, f.Type.Name(), answer.Data[f.Name], &object{kind: "Viewer", id: a.name, who: a.who}, false)
		if connection, ok := answer.Data[f.Name].(map[string]any); ok && f.Name == "organizations" {
			k.checkOrganizations(t, a, connection)
		}
	}
	// What is refused to some is refused in lists too, or tells no more.
	for _, f := range k.schema.Types["Organization"].Fields {
		if k.visibility.of("Organization." + f.Name).refuses() {
			k.answerTo(t, a, "{ organizations(first: 20) { edges { node { id "+k.field("Organization", f, map[string]int{}, 2)+" } } } }", "", marks)
		}
	}
	k.askBills(t, a, marks)
	k.askChecks(t, a, marks)
}

// askBills asks what groups cost, which names them to those who read the bill.
func (k *walk) askBills(t *testing.T, a *walker, marks []mark) {
	t.Helper()
	document := "query($id: ID!) { organization(id: $id) { costs(" + strings.Replace(k.arguments("Organization.costs"), "groupBy: ORGANIZATION", "groupBy: GROUP", 1) + ") { rows { key label } } } }"
	hidden := slices.DeleteFunc(slices.Clone(marks), func(m mark) bool { return k.allows(a, k.visibility.of(m.of.kind+".billed"), m.of) })
	for _, id := range some(k.random, k.ordered["Organization"]) {
		k.answer(t, a, document, id, hidden)
	}
}

// askChecks asks whether a walker may do something with many things, and why.
func (k *walk) askChecks(t *testing.T, a *walker, marks []mark) {
	t.Helper()
	const bulk = 200
	checks, want := []map[string]any{}, []bool{}
	for range bulk {
		kind := k.checkable[k.random.IntN(len(k.checkable))]
		o := k.objects[k.ordered[kind][k.random.IntN(len(k.ordered[kind]))]]
		permission := k.order[k.random.IntN(len(k.order))]
		checks = append(checks, map[string]any{"permission": permission, "resourceId": o.id})
		want = append(want, k.sees(a, o) && slices.Contains(k.rights(a, o.slugs[0], o.project), permission))
	}
	document := "query($checks: [AccessCheckInput!]!) { checkAccess(checks: $checks) { allowed } }"
	answer := k.answerWith(t, a, document, map[string]any{"checks": checks}, marks)
	if a.isNobody() {
		if answer.code() != "UNAUTHENTICATED" {
			t.Errorf("nobody checks: %s", answer.raw)
		}
		return
	}
	decisions, _ := answer.Data["checkAccess"].([]any)
	if len(decisions) != bulk {
		t.Fatalf("%s is told %d decisions: %s", a.name, len(decisions), brief(answer.raw))
	}
	for i, check := range checks {
		if got := dig(decisions[i], "allowed"); got != fmt.Sprint(want[i]) {
			t.Errorf("%s checks %v on %s: %s, want %t", a.name, check["permission"], k.title(k.objects[check["resourceId"].(string)]), got, want[i])
		}
	}
	for i := range some(k.random, make([]int, bulk)) {
		k.askWhy(t, a, checks[i], want[i], marks)
	}
}

// askWhy asks for the reasons of one decision.
func (k *walk) askWhy(t *testing.T, a *walker, check map[string]any, allowed bool, marks []mark) {
	t.Helper()
	o := k.objects[check["resourceId"].(string)]
	document := "query($check: AccessCheckInput!) { explainAccess(check: $check) { " + k.selection("AccessExplanation", map[string]int{}, 3) + " } }"
	answer := k.answerWith(t, a, document, map[string]any{"check": check}, marks)
	if !k.sees(a, o) {
		if answer.code() != "NOT_FOUND" {
			t.Errorf("%s asks why of %s: %s", a.name, k.title(o), answer.raw)
		}
		return
	}
	if got := dig(answer.Data, "explainAccess.allowed"); got != fmt.Sprint(allowed) {
		t.Errorf("%s asks why they may do %v with %s: %s, want %t", a.name, check["permission"], k.title(o), answer.raw, allowed)
	}
	k.inspect(t, a, "AccessExplanation", answer.Data["explainAccess"], o, false)
}

// askAt asks a question about every organization.
func (k *walk) askAt(t *testing.T, a *walker, subject, document string, marks []mark) {
	t.Helper()
	for _, id := range some(k.random, k.ordered["Organization"]) {
		o := k.objects[id]
		want := k.refusal(a, k.visibility.of(subject), o)
		if !k.sees(a, o) {
			want = "NOT_FOUND"
		}
		if a.isNobody() {
			want = "UNAUTHENTICATED"
		}
		answer := k.answer(t, a, document, id, marks)
		if got := answer.code(); got != want {
			t.Errorf("%s asks %s of %s: %q, want %q: %s", a.name, subject, k.title(o), got, want, answer.raw)
		}
	}
}

// checkOrganizations wants that a walker is listed exactly the organizations
// that they may see.
func (k *walk) checkOrganizations(t *testing.T, a *walker, connection map[string]any) {
	t.Helper()
	var got, want []string
	for _, edge := range connection["edges"].([]any) {
		got = append(got, k.names[dig(edge, "node.id")])
	}
	for slug := range k.places {
		if k.holds(a, "org:read", slug, "") {
			want = append(want, slug)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || fmt.Sprint(connection["totalCount"]) != fmt.Sprint(len(want)) {
		t.Errorf("%s is listed %v of %v organizations, want %v", a.name, got, connection["totalCount"], want)
	}
}
