package rates_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/ancestry"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/service/rates"
	"github.com/headwater-platform/headwater/service/settings"
	"github.com/headwater-platform/headwater/service/usage"
	"github.com/headwater-platform/headwater/typeid"
)

// world is the tree of the worked example: platform → distributor → reseller →
// customer, with a sibling beside each of the last three.
type world struct {
	t     testing.TB
	db    *database.DB
	rates *rates.Service
	// ctx is that of the platform itself.
	ctx   context.Context
	orgs  map[string]uuid.UUID
	kinds map[string]orgtree.Kind
}

func newWorld(t testing.TB, db *database.DB) *world {
	t.Helper()
	w := &world{
		t: t, db: db, rates: rates.New(db, records.New(db)),
		ctx:  access.WithViewer(t.Context(), access.SystemViewer("test")),
		orgs: map[string]uuid.UUID{}, kinds: map[string]orgtree.Kind{},
	}
	w.grow("platform", "", orgtree.Platform)
	w.grow("distributor", "platform", orgtree.Partner)
	w.grow("other distributor", "platform", orgtree.Partner)
	w.grow("reseller", "distributor", orgtree.Partner)
	w.grow("other reseller", "distributor", orgtree.Partner)
	w.grow("customer", "reseller", orgtree.Standard)
	w.grow("other customer", "reseller", orgtree.Standard)
	return w
}

// grow puts an organization below another.
func (w *world) grow(name, parent string, kind orgtree.Kind) {
	w.t.Helper()
	id := w.db.NewID()
	w.orgs[name], w.kinds[name] = id, kind
	_, err := w.db.Write(w.ctx, database.Entry{}, func(ctx context.Context, tx *database.Tx) error {
		above, err := tx.Ancestry.Query().Where(ancestry.OrganizationID(w.orgs[parent])).All(ctx)
		if err != nil {
			return err
		}
		create := tx.Organization.Create().SetID(id).SetKind(kind).SetDepth(len(above)).
			SetName(name).SetSlug(strings.ReplaceAll(name, " ", "-")).SetStatus(orgtree.Active).SetCreatedAt(w.db.Now())
		if parent != "" {
			create.SetParentID(w.orgs[parent])
		}
		if err := create.Exec(ctx); err != nil {
			return err
		}
		rows := []*ent.AncestryCreate{tx.Ancestry.Create().SetOrganizationID(id).SetAncestorID(id).SetDistance(0)}
		for _, a := range above {
			rows = append(rows, tx.Ancestry.Create().SetOrganizationID(id).SetAncestorID(a.AncestorID).SetDistance(a.Distance+1))
		}
		return tx.Ancestry.CreateBulk(rows...).Exec(ctx)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// as returns a context in which a person of the organization acts.
func (w *world) as(organization string, groups ...access.Group) context.Context {
	id := orgtree.ID(w.orgs[organization])
	standing := access.NewStanding(access.Place{
		Organization: id, Kind: w.kinds[organization], Switches: access.DefaultSwitches(), Groups: groups,
	}, access.Circumstances{})
	return access.WithViewer(w.t.Context(), access.Viewer{
		Kind: access.User, ID: id, Name: organization, Standings: map[orgtree.ID]*access.Standing{id: standing},
	})
}

// admin returns a context in which an administrator of the organization acts.
func (w *world) admin(organization string) context.Context {
	return w.as(organization, access.Group{Roles: []access.Role{access.RoleAdmin}})
}

// clerk returns a context in which somebody acts who reads the bills of the
// organization and sees nothing below it.
func (w *world) clerk(organization string) context.Context {
	return w.as(organization, access.BuiltinGroup(access.BillingAdministrators))
}

// member returns a context in which a member without roles acts.
func (w *world) member(organization string) context.Context {
	return w.as(organization)
}

// set writes a setting of an organization.
func (w *world) set(organization, key string, value any) {
	w.t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		w.t.Fatal(err)
	}
	target := settings.Target{ScopeID: typeid.New(typeid.Organization, w.orgs[organization]), Key: key}
	if _, err := settings.New(w.db, records.New(w.db)).Set(w.ctx, target, "", encoded); err != nil {
		w.t.Fatal(err)
	}
}

// rule returns a rule of a seller for everything, from this month on.
func (w *world) rule(seller, factor string, basis pricing.Basis) rates.NewMultiplier {
	return rates.NewMultiplier{Seller: w.orgs[seller], Factor: dec(factor), Basis: &basis, FirstMonth: month("2026-11")}
}

// price sets a rule as its seller's administrator would.
func (w *world) price(n rates.NewMultiplier) *rates.Multiplier {
	w.t.Helper()
	m, _, err := w.rates.Set(w.ctx, n)
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

// example sets the rules of the worked example, each on its seller's price.
func (w *world) example() {
	w.t.Helper()
	basis := pricing.Upstream
	aws := w.rule("platform", "1.10", basis)
	aws.Selector.Provider = ptr("AWS")
	w.price(aws)
	w.price(w.rule("distributor", "1.05", basis))
	p5 := w.rule("reseller", "1.20", basis)
	p5.Selector.SKU, p5.Buyer = ptr("P5"), ptr(w.orgs["customer"])
	w.price(p5)
}

// effective returns what an organization pays this month as the viewer sees it,
// one line per entry.
func (w *world) effective(ctx context.Context, organization string) ([]string, error) {
	list, err := w.rates.Effective(ctx, batch.Of(w.orgs[organization]), w.orgs[organization], nil)
	lines := make([]string, len(list))
	for i, e := range list {
		lines[i] = describe(e)
	}
	return lines, err
}

// describe returns an entry as in "AWS P5: 1.1 SOURCE by platform v1, platform >
// distributor 1.1 SOURCE, …".
func describe(e *rates.EffectiveMultiplier) string {
	var b strings.Builder
	for _, name := range []*string{e.Selector.Provider, e.Selector.Service, e.Selector.SKU, e.Selector.Region} {
		if name != nil {
			b.WriteString(*name + " ")
		}
	}
	text := strings.TrimSuffix(b.String(), " ") + ":"
	if e.Factor != nil {
		text += " " + e.Factor.String() + " " + string(*e.Basis)
	}
	if e.Source != nil {
		text += " by " + string(e.Source.Level) + " " + e.Source.Organization.Name
		if e.Source.BillingMultiplier != nil {
			text += " with " + e.Source.BillingMultiplier.Factor.String()
		}
	}
	for _, edge := range e.Chain {
		text += ", " + edge.Seller.Name + " > " + edge.Buyer.Name
		switch {
		case edge.Inherited:
			text += " inherited"
		case edge.Factor != nil:
			text += " " + edge.Factor.String() + " " + string(*edge.Basis)
		}
	}
	return text
}

// use imports the lines of the worked example as the customer's usage of a
// month.
func (w *world) use(m string) {
	w.t.Helper()
	start := month(m).Start()
	line := func(provider, service, sku, category, cost, list string) focus.Row {
		return focus.Row{
			BilledCost: dec(cost), ListCost: focus.Some(dec(list)), BillingCurrency: "USD", BillingAccountID: "account",
			BillingPeriodStart: start, BillingPeriodEnd: start.AddDate(0, 1, 0),
			ChargePeriodStart: start.Add(time.Hour), ChargePeriodEnd: start.Add(2 * time.Hour),
			ChargeCategory: category, Provider: provider, ServiceName: service, SKU: sku, SubAccountID: "customer",
		}
	}
	var b bytes.Buffer
	out, err := focus.NewWriter(&b, focus.WriterOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, row := range []focus.Row{
		line("AWS", "EC2", "P5", focus.CategoryUsage, "1000", "1200"),
		line("AWS", "S3", "S3-1", focus.CategoryUsage, "500", "600"),
		line("GCP", "Compute", "N2", focus.CategoryUsage, "200", "250"),
		line("AWS", "Promotion", "", focus.CategoryCredit, "-100", "0"),
	} {
		if err := out.Write(&row); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		w.t.Fatal(err)
	}
	service := usage.New(w.db, records.New(w.db))
	if _, err := service.MapUsage(w.ctx, w.orgs["platform"], []usage.NewMapping{{SubAccountID: ptr("customer"), OrganizationID: w.orgs["customer"]}}); err != nil {
		w.t.Fatal(err)
	}
	if _, err := service.Import(w.ctx, w.orgs["platform"], &b, usage.Options{}); err != nil {
		w.t.Fatal(err)
	}
}

func dec(s string) money.Decimal {
	d, err := money.Parse(s)
	if err != nil {
		panic(err)
	}
	return d
}

func month(s string) pricing.Month {
	m, err := pricing.ParseMonth(s)
	if err != nil {
		panic(err)
	}
	return m
}

func ptr[T any](v T) *T { return &v }

// field returns the code of an error and the field it names.
func field(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return string(f.Code) + " " + f.Field
	}
	return string(fault.CodeOf(err)) + " "
}
