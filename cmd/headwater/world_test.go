package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/config"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/database/dbtest"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/accesspolicy"
	"github.com/headwater-platform/headwater/ent/apikey"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/project"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/service/organizations"
	"github.com/headwater-platform/headwater/token"
	"github.com/headwater-platform/headwater/typeid"
)

// world is a small platform with people whom the tests know by name.
//
//	platform            ada, its owner
//	├ northwind         a partner, of paula's
//	│ ├ fjord           a partner below it, of sven's
//	│ │ └ cove          a customer of fjord, of cora's
//	│ ├ acme            a customer, of olga's; max is a plain member
//	│ └ bravo           a customer, of bob's
//	└ southgate         a partner of rita's, a stranger to northwind
//
// The group acme.administrators, acme.editors and acme.billing, the project
// acme.project and the membership acme.olga are known by these names, and so
// on in every organization.
type world struct {
	platform *platform
	url      string
	issuer   token.Issuer
	// ids are by name, names by id.
	ids   map[string]string
	names map[string]string
	// bearers are tokens and API keys that were told, by name.
	bearers map[string]string
	// clock is that of the database, where the test moves it, and passed how far it
	// was moved, in nanoseconds.
	clock  *dbtest.Clock
	passed atomic.Int64
	// provider is an OpenID provider of somebody else, where the test has one.
	provider *provider
	// revision is that of the finished world.
	revision int64
	// log is what the platform has logged, whatever its level.
	log written
}

// written is a text that several write to at once.
type written struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write appends to the text.
func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

// String returns the text.
func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// testBounds are those that a server has by default.
func testBounds() bounds { return bounds{depth: orgtree.MaxDepth, recordsBytes: records.DefaultBytes} }

// newWorld serves a world on an empty database, and answers from memory as a
// server does.
func newWorld(t testing.TB, db *database.DB) *world {
	t.Helper()
	stop := keepUp(t, db)
	w := newForgetfulWorld(t, db)
	t.Cleanup(stop)
	return w
}

// keepUp makes a process follow what others change, and returns when it does.
func keepUp(t testing.TB, db *database.DB) (stop func()) {
	t.Helper()
	end := (&platform{db: db}).follow(context.WithoutCancel(t.Context()))
	again, late := time.NewTicker(time.Millisecond), time.NewTimer(time.Minute)
	defer again.Stop()
	defer late.Stop()
	for !db.Fresh() {
		select {
		case <-again.C:
		case <-late.C:
			t.Fatal("the process does not follow the journal")
		}
	}
	return func() {
		if err := end(); err != nil {
			t.Error(err)
		}
	}
}

// now is the time of whoever signs and checks tokens, who reads no clock.
func (w *world) now() time.Time { return dbtest.Start().Add(time.Duration(w.passed.Load())) }

// advance lets time pass.
func (w *world) advance(d time.Duration) {
	w.clock.Advance(d)
	w.passed.Add(int64(d))
}

// newForgetfulWorld serves a world that reads everything from the database.
func newForgetfulWorld(t testing.TB, db *database.DB) *world {
	t.Helper()
	w := &world{platform: newPlatform(db, testBounds()), ids: map[string]string{}, names: map[string]string{}, bearers: map[string]string{}}
	seed := bytes.Repeat([]byte{7}, ed25519.SeedSize)
	keys, err := token.NewKeys(ed25519.NewKeyFromSeed(seed))
	if err != nil {
		t.Fatal(err)
	}
	w.issuer = token.Issuer{Name: "headwater", Audience: "headwater", Keys: keys, Now: w.now}
	handler, err := w.platform.handler(serving{
		issuer: w.issuer, address: "http://headwater.test", demo: true, outbound: config.Outbound{Networks: []string{"127.0.0.0/8"}}, logger: slog.New(slog.NewJSONHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		limits: config.Limits{
			QueryCost: 100_000, QueryDepth: 20, QueryTokens: 10_000, BodyBytes: 1 << 20, UploadBytes: 64 << 20,
			RequestTimeout: time.Minute, RatePerMinute: 1_000_000, GuestRate: 1_000_000,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	w.url = server.URL
	w.settle(t)
	w.revision, err = db.Revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// settle makes the organizations and people of the world.
func (w *world) settle(t testing.TB) {
	t.Helper()
	root, owner, err := w.platform.services.Organizations.Bootstrap(t.Context(), organizations.FirstAdministrator{Username: "ada", Email: "ada@platform.example"})
	if err != nil {
		t.Fatal(err)
	}
	w.name("platform", typeid.New(typeid.Organization, root).String())
	w.name("ada", typeid.New(typeid.User, owner).String())
	w.furniture(t, "platform", "ada")
	w.organization(t, "northwind", "PARTNER", "platform", "paula")
	w.organization(t, "southgate", "PARTNER", "platform", "rita")
	w.organization(t, "fjord", "PARTNER", "northwind", "sven")
	w.organization(t, "acme", "STANDARD", "northwind", "olga")
	w.organization(t, "bravo", "STANDARD", "northwind", "bob")
	w.organization(t, "cove", "STANDARD", "fjord", "cora")
	w.person(t, "acme", "max")
}

// system returns a context in which the platform itself acts.
func (w *world) system(t testing.TB) context.Context {
	t.Helper()
	return access.WithViewer(t.Context(), access.SystemViewer("test"))
}

// jobs does every background job that is due, and fails the test if one fails.
func (w *world) jobs(t testing.TB) {
	t.Helper()
	if _, err := w.platform.services.Jobs.RunDue(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// name makes a thing known.
func (w *world) name(name, id string) {
	w.ids[name], w.names[id] = id, name
}

// key returns the UUID of a thing that is known by name.
func (w *world) key(t testing.TB, name string) uuid.UUID {
	t.Helper()
	id, err := typeid.Parse(w.ids[name])
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return id.UUID
}

func (w *world) organization(t testing.TB, slug, kind, manager, owner string) {
	t.Helper()
	answer := w.must(t, "ada", `mutation($i: CreateOrganizationInput!) { createOrganization(input: $i) { organization { id owner { id } } } }`,
		map[string]any{"i": map[string]any{
			"managedById": w.ids[manager], "slug": slug, "name": strings.ToUpper(slug[:1]) + slug[1:], "kind": kind,
			"ownerEmail": owner + "@" + slug + ".example",
		}})
	w.name(slug, dig(answer, "createOrganization.organization.id"))
	w.name(owner, dig(answer, "createOrganization.organization.owner.id"))
	w.furniture(t, slug, owner)
}

// furniture names what an organization begins with.
func (w *world) furniture(t testing.TB, slug, owner string) {
	t.Helper()
	ctx := w.system(t)
	client, id := w.platform.db.Client(), w.key(t, slug)
	for builtin, name := range map[access.Builtin]string{
		access.Administrators: "administrators", access.Editors: "editors", access.BillingAdministrators: "billing",
	} {
		row := one(t, func() (uuid.UUID, error) {
			return client.Group.Query().Where(group.OrganizationID(id), group.BuiltinEQ(builtin)).OnlyID(ctx)
		})
		w.name(slug+"."+name, typeid.New(typeid.Group, row).String())
		theirs := one(t, func() (uuid.UUID, error) {
			return client.AccessPolicy.Query().Where(accesspolicy.OrganizationID(id), accesspolicy.BuiltinEQ(builtin)).OnlyID(ctx)
		})
		w.name(slug+"."+name+"-policy", typeid.New(typeid.Policy, theirs).String())
	}
	home := one(t, func() (uuid.UUID, error) {
		return client.Project.Query().Where(project.OrganizationID(id), project.IsDefault(true)).OnlyID(ctx)
	})
	w.name(slug+".project", typeid.New(typeid.Project, home).String())
	place := one(t, func() (uuid.UUID, error) {
		return client.Membership.Query().Where(membership.OrganizationID(id), membership.Owner(true)).OnlyID(ctx)
	})
	w.name(slug+"."+owner, typeid.New(typeid.Membership, place).String())
}

// one returns what a look-up finds.
func one[T any](t testing.TB, find func() (T, error)) T {
	t.Helper()
	found, err := find()
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// person makes a member of an organization, in these groups.
func (w *world) person(t testing.TB, slug, username string, groups ...string) {
	t.Helper()
	ids := []string{}
	for _, name := range groups {
		ids = append(ids, w.ids[name])
	}
	answer := w.must(t, "ada", `mutation($i: CreateUserInput!) { createUser(input: $i) { user { id } membership { id } } }`,
		map[string]any{"i": map[string]any{
			"organizationId": w.ids[slug], "username": username, "email": username + "@" + slug + ".example", "groupIds": ids,
		}})
	w.name(username, dig(answer, "createUser.user.id"))
	w.name(slug+"."+username, dig(answer, "createUser.membership.id"))
}

// team makes a group of an organization that has roles.
func (w *world) team(t testing.TB, slug, name string, roles ...string) {
	t.Helper()
	answer := w.must(t, "ada", `mutation($i: CreateGroupInput!) { createGroup(input: $i) { group { id } } }`,
		map[string]any{"i": map[string]any{"organizationId": w.ids[slug], "name": name, "roles": roles}})
	w.name(slug+"."+name, dig(answer, "createGroup.group.id"))
}

// issueKey makes an API key as an actor. Its id and its bearer are known by the
// name.
func (w *world) issueKey(t testing.TB, name, actor string, input map[string]any) {
	t.Helper()
	answer := w.must(t, actor, `mutation($i: CreateApiKeyInput!) { createApiKey(input: $i) { apiKey { id } secret } }`, map[string]any{"i": input})
	w.name(name, dig(answer, "createApiKey.apiKey.id"))
	w.bearers[name] = dig(answer, "createApiKey.secret")
}

// policy makes a policy of acme as an actor, with one rule. Its id is known by
// the name.
func (w *world) policy(t testing.TB, name, actor, principal string, rule map[string]any) {
	t.Helper()
	answer := w.must(t, actor, `mutation($i: CreatePolicyInput!) { createPolicy(input: $i) { policy { id } } }`,
		map[string]any{"i": w.policyInput(principal, rule)})
	w.name(name, dig(answer, "createPolicy.policy.id"))
}

// policyInput returns what a policy of acme is made with; the principal may be
// "".
func (w *world) policyInput(principal string, rule map[string]any) map[string]any {
	input := map[string]any{"organizationId": w.ids["acme"], "name": "policy", "rules": []any{rule}}
	if principal != "" {
		input["principalId"] = w.ids[principal]
	}
	return input
}

// books is a rule that lets people read what things cost.
func books() map[string]any {
	return map[string]any{"permissionSets": []string{"BillingReadOnly"}, "organization": true}
}

// must asks and fails the test on errors.
func (w *world) must(t testing.TB, actor, document string, variables map[string]any) any {
	t.Helper()
	encoded, err := json.Marshal(variables)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Data   any
		Errors []any
	}
	raw := w.ask(t, actor, document, string(encoded))
	if err := json.Unmarshal(raw, &answer); err != nil || len(answer.Errors) > 0 {
		t.Fatalf("%s asks %s: %s", actor, document, raw)
	}
	return answer.Data
}

// ask posts a document as an actor; "nobody" has no token, and "olga@acme" one
// that is bound to the organization.
func (w *world) ask(t testing.TB, actor, document, variables string) []byte {
	t.Helper()
	if strings.TrimSpace(variables) == "" {
		variables = "{}"
	}
	body, err := json.Marshal(map[string]any{"query": document, "variables": json.RawMessage(variables)})
	if err != nil {
		t.Fatalf("variables of %s: %v", actor, err)
	}
	return w.post(t, actor, body)
}

// post sends a request body as an actor.
func (w *world) post(t testing.TB, actor string, body []byte) []byte {
	t.Helper()
	return w.deliver(t, actor, "application/json", bytes.NewReader(body))
}

// upload posts a document with a file, which is the variable at the path, as an
// actor.
func (w *world) upload(t testing.TB, actor, document string, variables any, path string, file []byte) []byte {
	t.Helper()
	contentType, body := form(t, document, variables, path, file)
	return w.deliver(t, actor, contentType, body)
}

// form returns a request for a document with a file, which is the variable at the
// path.
func form(t testing.TB, document string, variables any, path string, file []byte) (contentType string, body *bytes.Buffer) {
	t.Helper()
	operations, err := json.Marshal(map[string]any{"query": document, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	body = &bytes.Buffer{}
	parts := multipart.NewWriter(body)
	for _, part := range [][2]string{{"operations", string(operations)}, {"map", `{"0": ["` + path + `"]}`}} {
		if err := parts.WriteField(part[0], part[1]); err != nil {
			t.Fatal(err)
		}
	}
	content := one(t, func() (io.Writer, error) { return parts.CreateFormFile("0", "usage.csv") })
	if _, err := content.Write(file); err != nil {
		t.Fatal(err)
	}
	if err := parts.Close(); err != nil {
		t.Fatal(err)
	}
	return parts.FormDataContentType(), body
}

// deliver sends a request to the API as an actor and returns the answer.
func (w *world) deliver(t testing.TB, actor, contentType string, body io.Reader) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/graphql", body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	if actor != "nobody" {
		request.Header.Set("Authorization", "Bearer "+w.token(t, actor))
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// token returns a token that outlives the test. It is signed whatever the store
// says of its bearer, as a token from before a lock is.
func (w *world) token(t testing.TB, actor string) string {
	t.Helper()
	if bearer, ok := w.bearers[actor]; ok {
		return bearer
	}
	name, slug, _ := strings.Cut(actor, "@")
	subject, err := typeid.Parse(w.ids[name])
	if err != nil {
		t.Fatalf("who is %s?", actor)
	}
	claims := token.Claims{Subject: subject, ExpiresAt: dbtest.Start().Add(20 * 365 * 24 * time.Hour)}
	if slug != "" {
		if claims.Organization, err = typeid.Parse(w.ids[slug]); err != nil {
			t.Fatalf("what is %s?", slug)
		}
	}
	signed, err := w.issuer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// arrange does to the store what no mutation does yet, one line per change:
//
//	organization acme LOCKED     its status
//	account max LOCKED           a person's status
//	verified max                 a person has proved to read the address
//	membership acme.max locked   or open
//	application acme.deployer    a new application, in these groups: acme.admins
//	member acme rita             a person of elsewhere joins
//	team acme ops org:users      a new group, with these roles
//	person acme greg acme.ops    a new person, in these groups
//	leave acme.max               a member goes, with their API keys
//	key ID expired               an API key is past its end
//	clock 240h                   time passes
//	purge acme                   the job that ends it comes
//	personal max home            a person's own organization, dormant, known as home
//	active acme max 2026-11      a person was active in a month
//	sweep grace                  the grace periods that are over end
//	fail mail                    a job of a kind was given up, known as failed
func (w *world) arrange(t testing.TB, lines string) {
	t.Helper()
	for line := range strings.Lines(lines) {
		words := strings.Fields(line)
		if strings.TrimSpace(line) == "jobs" {
			w.jobs(t)
		}
		if len(words) < 2 {
			continue
		}
		if w.hired(t, words) {
			continue
		}
		_, err := w.platform.db.Write(w.system(t), database.Entry{Action: "arrange"}, func(ctx context.Context, tx *database.Tx) error {
			change, err := w.arranged(t, ctx, tx, words)
			tx.Record(change)
			return err
		})
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
}

// hired makes the teams and people of one line, as an administrator does.
func (w *world) hired(t testing.TB, words []string) bool {
	t.Helper()
	switch words[0] {
	case "team":
		w.team(t, words[1], words[2], words[3:]...)
	case "person":
		w.person(t, words[1], words[2], words[3:]...)
	case "purge":
		if err := w.platform.services.Organizations.Purge(t.Context(), w.key(t, words[1])); err != nil {
			t.Fatal(err)
		}
	case "personal":
		w.personal(t, words[1], words[2])
	case "fail":
		w.name("failed", typeid.New(typeid.Job, w.failedJob(t, words[1])).String())
	case "sweep":
		if err := w.platform.services.Sessions.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	case "clock":
		w.advance(one(t, func() (time.Duration, error) { return time.ParseDuration(words[1]) }))
	default:
		return false
	}
	return true
}

// personal makes the organization that comes with a person's account.
func (w *world) personal(t testing.TB, owner, slug string) {
	t.Helper()
	_, err := w.platform.db.Write(w.system(t), database.Entry{Action: "arrange"}, func(ctx context.Context, tx *database.Tx) error {
		account := one(t, func() (*ent.User, error) { return tx.User.Get(ctx, w.key(t, owner)) })
		row, err := roster.FoundPersonal(ctx, tx, account)
		if err == nil {
			w.name(slug, typeid.New(typeid.Organization, row.ID).String())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	w.furniture(t, slug, owner)
}

// arranged makes the change of one line.
func (w *world) arranged(t testing.TB, ctx context.Context, tx *database.Tx, words []string) (database.Change, error) { //nolint:revive // the test comes first
	t.Helper()
	name := words[1]
	switch words[0] {
	case "organization":
		id := w.key(t, name)
		before := one(t, func() (*ent.Organization, error) { return tx.Organization.Get(ctx, id) })
		after, err := before.Update().SetStatus(orgtree.Status(words[2])).Save(ctx)
		return database.Change{Kind: typeid.Organization, ID: id, Organization: id, Before: before, After: after}, err
	case "account":
		id := w.key(t, name)
		before := one(t, func() (*ent.User, error) { return tx.User.Get(ctx, id) })
		after, err := before.Update().SetStatus(user.Status(words[2])).Save(ctx)
		return database.Change{Kind: typeid.User, ID: id, Before: before, After: after}, err
	case "verified":
		id := w.key(t, name)
		before := one(t, func() (*ent.User, error) { return tx.User.Get(ctx, id) })
		after, err := before.Update().SetEmailVerifiedAt(tx.Now()).Save(ctx)
		return database.Change{Kind: typeid.User, ID: id, Before: before, After: after}, err
	case "membership":
		before := one(t, func() (*ent.Membership, error) { return tx.Membership.Get(ctx, w.key(t, name)) })
		after, err := before.Update().SetLocked(words[2] == "locked").Save(ctx)
		return database.Change{Kind: typeid.Membership, ID: before.ID, Organization: before.OrganizationID, Before: before, After: after}, err
	case "member":
		row, err := tx.Membership.Create().SetID(w.platform.db.NewID()).SetOrganizationID(w.key(t, name)).
			SetUserID(w.key(t, words[2])).SetCreatedAt(w.platform.db.Now()).Save(ctx)
		return database.Change{Kind: typeid.Membership, ID: row.ID, Organization: row.OrganizationID, After: row}, err
	case "leave":
		return w.leave(t, ctx, tx, name)
	case "key":
		before := one(t, func() (*ent.APIKey, error) { return tx.APIKey.Get(ctx, w.parsed(t, name)) })
		after, err := before.Update().SetExpiresAt(dbtest.Start()).Save(ctx)
		return database.Change{Kind: typeid.APIKey, ID: before.ID, Organization: before.OrganizationID, Before: before, After: after}, err
	case "active":
		row, err := tx.Activity.Create().SetID(tx.NewID()).SetOrganizationID(w.key(t, name)).SetUserID(w.key(t, words[2])).SetMonth(words[3]).Save(ctx)
		return database.Change{Kind: typeid.Membership, ID: w.platform.db.NewID(), Organization: w.key(t, name), After: row}, err
	case "application":
		return w.application(t, ctx, tx, name, words[2:])
	default:
		t.Fatalf("what is %q?", words)
		return database.Change{}, nil
	}
}

func (w *world) application(t testing.TB, ctx context.Context, tx *database.Tx, name string, groups []string) (database.Change, error) { //nolint:revive // the test comes first
	t.Helper()
	slug, short, _ := strings.Cut(name, ".")
	db, organization := w.platform.db, w.key(t, slug)
	row := one(t, func() (*ent.Application, error) {
		return tx.Application.Create().SetID(db.NewID()).SetOrganizationID(organization).
			SetName(short).SetDescription("Deploys.").SetCreatedAt(db.Now()).Save(ctx)
	})
	for _, g := range groups {
		err := tx.GroupMember.Create().SetID(db.NewID()).SetOrganizationID(organization).
			SetGroupID(w.key(t, g)).SetApplicationID(row.ID).SetCreatedAt(db.Now()).Exec(ctx)
		if err != nil {
			return database.Change{}, err
		}
	}
	w.name(short, typeid.New(typeid.Application, row.ID).String())
	return database.Change{Kind: typeid.Application, ID: row.ID, Organization: organization, After: row}, nil
}

// leave removes a membership with the API keys of the member.
func (w *world) leave(t testing.TB, ctx context.Context, tx *database.Tx, name string) (database.Change, error) { //nolint:revive // the test comes first
	t.Helper()
	row := one(t, func() (*ent.Membership, error) { return tx.Membership.Get(ctx, w.key(t, name)) })
	for _, key := range one(t, func() ([]*ent.APIKey, error) { return row.QueryAPIKeys().All(ctx) }) {
		tx.Record(database.Change{Kind: typeid.APIKey, ID: key.ID, Organization: row.OrganizationID, Before: key})
	}
	if _, err := tx.APIKey.Delete().Where(apikey.MembershipID(row.ID)).Exec(ctx); err != nil {
		return database.Change{}, err
	}
	return database.Change{Kind: typeid.Membership, ID: row.ID, Organization: row.OrganizationID, Before: row}, tx.Membership.DeleteOne(row).Exec(ctx)
}

// actAs makes requests of a person be made in their place by an administrator of
// the platform, as long as the bearer of their name is not deleted.
func (w *world) actAs(t testing.TB, person, administrator string) {
	t.Helper()
	delete(w.bearers, person)
	answer := w.must(t, administrator, mutation("impersonate", "accessToken"), map[string]any{"i": map[string]any{"userId": w.ids[person], "reason": "To help."}})
	w.bearers[person] = dig(answer, "impersonate.accessToken")
}

// invitationLink returns the token of the letter about an invitation, as it was
// sent for the n-th time.
func (w *world) invitationLink(t testing.TB, id string, n int) string {
	t.Helper()
	return one(t, func() (string, error) {
		return w.issuer.SignLink(token.Link{
			Purpose: token.AcceptInvitation, Subject: typeid.New(typeid.Invitation, w.parsed(t, id)), Count: n,
			ExpiresAt: dbtest.Start().AddDate(20, 0, 0),
		})
	})
}

// parsed returns the UUID of an id.
func (w *world) parsed(t testing.TB, id string) uuid.UUID {
	t.Helper()
	return one(t, func() (typeid.ID, error) { return typeid.Parse(id) }).UUID
}
