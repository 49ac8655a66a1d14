package costs_test

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
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/ancestry"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/page"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/service/costs"
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
	costs *costs.Service
	// ctx is that of the platform itself.
	ctx    context.Context
	orgs   map[string]uuid.UUID
	groups map[string]uuid.UUID
	kinds  map[string]orgtree.Kind
}

func newWorld(t testing.TB, db *database.DB) *world {
	t.Helper()
	w := &world{
		t: t, db: db, costs: costs.New(db, records.New(db)),
		ctx:  access.WithViewer(t.Context(), access.SystemViewer("test")),
		orgs: map[string]uuid.UUID{}, groups: map[string]uuid.UUID{}, kinds: map[string]orgtree.Kind{},
	}
	w.grow("platform", "", orgtree.Platform)
	w.grow("distributor", "platform", orgtree.Partner)
	w.grow("other distributor", "platform", orgtree.Partner)
	w.grow("reseller", "distributor", orgtree.Partner)
	w.grow("other reseller", "distributor", orgtree.Partner)
	w.grow("customer", "reseller", orgtree.Standard)
	w.grow("other customer", "reseller", orgtree.Standard)
	w.group("blue", "customer")
	w.group("red", "other customer")
	return w
}

func (w *world) write(fn func(ctx context.Context, tx *database.Tx) error) {
	w.t.Helper()
	if _, err := w.db.Write(w.ctx, database.Entry{}, fn); err != nil {
		w.t.Fatal(err)
	}
}

// grow puts an organization below another.
func (w *world) grow(name, parent string, kind orgtree.Kind) {
	w.t.Helper()
	id := w.db.NewID()
	w.orgs[name], w.kinds[name] = id, kind
	w.write(func(ctx context.Context, tx *database.Tx) error {
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
}

// group makes a group of an organization.
func (w *world) group(name, organization string) {
	w.t.Helper()
	w.groups[name] = w.db.NewID()
	w.write(func(ctx context.Context, tx *database.Tx) error {
		return tx.Group.Create().SetID(w.groups[name]).SetOrganizationID(w.orgs[organization]).
			SetName(name).SetNameKey(name).SetDescription("").SetRoles([]access.Role{}).SetRank(9).SetCreatedAt(w.db.Now()).
			Exec(ctx)
	})
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

// price sets a seller's rule for usage that the selector names.
func (w *world) price(seller, factor string, basis pricing.Basis, selector rates.Selector) {
	w.t.Helper()
	_, _, err := rates.New(w.db, records.New(w.db)).Set(w.ctx, rates.NewMultiplier{
		Seller: w.orgs[seller], Factor: dec(factor), Basis: &basis, Selector: selector, FirstMonth: month("2026-08"),
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// example sets the rules of the worked example and imports its usage as the
// customer's, on 2 October 2026.
func (w *world) example(basis pricing.Basis) {
	w.t.Helper()
	w.price("platform", "1.10", basis, rates.Selector{Provider: ptr("AWS")})
	w.price("distributor", "1.05", basis, rates.Selector{})
	w.price("reseller", "1.20", basis, rates.Selector{SKU: ptr("P5")})
	w.use("platform",
		charge{owner: "customer", provider: "AWS", service: "EC2", sku: "P5", cost: "1000", list: "1200"},
		charge{owner: "customer", provider: "AWS", service: "S3", sku: "S3-1", cost: "500", list: "600"},
		charge{owner: "customer", provider: "GCP", service: "Compute", sku: "N2", cost: "200", list: "250"},
		charge{owner: "customer", provider: "AWS", service: "Promotion", category: focus.CategoryCredit, cost: "-100", list: "0"},
	)
}

// charge is a line of usage. What is left out is what most lines have in common.
type charge struct {
	owner    string // an organization, or one of its groups as in "customer/blue"
	provider string
	service  string
	sku      string
	region   string
	category string
	class    string
	cost     string
	list     string
	currency string
	on       string // the day of the charge
	billed   string // the billing month
	tags     map[string]string
}

// use imports lines of usage as an organization would.
func (w *world) use(importer string, charges ...charge) {
	w.t.Helper()
	var b bytes.Buffer
	out, err := focus.NewWriter(&b, focus.WriterOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	account := w.db.NewID().String() // so that no file restates another
	for _, c := range charges {
		row := c.row(account)
		row.SubAccountID = importer + " " + c.owner
		if err := out.Write(&row); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		w.t.Fatal(err)
	}
	service := usage.New(w.db, records.New(w.db))
	if _, err := service.MapUsage(w.ctx, w.orgs[importer], w.mappings(importer, charges)); err != nil {
		w.t.Fatal(err)
	}
	if _, err := service.Import(w.ctx, w.orgs[importer], &b, usage.Options{}); err != nil {
		w.t.Fatal(err)
	}
}

// mappings maps sub-accounts that are named after owners.
func (w *world) mappings(importer string, charges []charge) []usage.NewMapping {
	w.t.Helper()
	seen := map[string]bool{}
	var list []usage.NewMapping
	for _, c := range charges {
		if seen[c.owner] {
			continue
		}
		seen[c.owner] = true
		organization, group, grouped := strings.Cut(c.owner, "/")
		mapping := usage.NewMapping{SubAccountID: ptr(importer + " " + c.owner), OrganizationID: w.orgs[organization]}
		if grouped {
			mapping.GroupID = ptr(w.groups[group])
		}
		list = append(list, mapping)
	}
	return list
}

func (c charge) row(account string) focus.Row {
	or := func(value, usual string) string {
		if value == "" {
			return usual
		}
		return value
	}
	on, err := time.Parse(time.DateOnly, or(c.on, "2026-10-02"))
	if err != nil {
		panic(err)
	}
	billed := month(or(c.billed, on.Format("2006-01")))
	return focus.Row{
		BilledCost: dec(c.cost), ListCost: focus.Some(dec(or(c.list, c.cost))), BillingCurrency: or(c.currency, "USD"),
		BillingAccountID: account, BillingPeriodStart: billed.Start(), BillingPeriodEnd: billed.Next().Start(),
		ChargePeriodStart: on.Add(23 * time.Hour), ChargePeriodEnd: on.Add(24 * time.Hour),
		ChargeCategory: or(c.category, focus.CategoryUsage), ChargeClass: c.class, ChargeDescription: "a charge",
		Provider: or(c.provider, "AWS"), ServiceName: or(c.service, "EC2"), SKU: c.sku, Region: c.region, Tags: c.tags,
	}
}

// october asks for October 2026 as one total.
func october() costs.Query {
	return costs.Query{From: day("2026-10-01"), To: day("2026-11-01"), Interval: costs.None}
}

// by asks for October 2026 by something.
func by(g costs.GroupBy) costs.Query {
	q := october()
	q.GroupBy = &g
	return q
}

// total returns the total of a report.
func (w *world) total(ctx context.Context, organization string, q costs.Query) (string, error) {
	report, err := w.costs.Report(ctx, w.orgs[organization], q)
	if err != nil {
		return "", err
	}
	return report.Total.String(), nil
}

// rows returns the rows of a report as "label: total", and checks that they and
// what is left out add up to the total.
func (w *world) rows(ctx context.Context, organization string, q costs.Query, first *int) []string {
	w.t.Helper()
	report, err := w.costs.Report(ctx, w.orgs[organization], q)
	if err != nil {
		w.t.Fatal(err)
	}
	rows, err := report.Rows(ctx, first)
	if err != nil {
		w.t.Fatal(err)
	}
	other, err := report.Other(first)
	if err != nil {
		w.t.Fatal(err)
	}
	sum := other.Decimal
	lines := make([]string, len(rows))
	for i, row := range rows {
		lines[i] = row.Label + ": " + row.Total.Decimal.String()
		sum = sum.Add(row.Total.Decimal)
	}
	if !sum.Equal(report.Total.Decimal) {
		w.t.Errorf("the rows add up to %s, the total is %s", sum, report.Total)
	}
	return lines
}

// lines returns all lines of October 2026 as "service: amount, price chain".
func (w *world) lines(ctx context.Context, organization string) ([]string, error) {
	connection, err := w.costs.Lines(ctx, w.orgs[organization], month("2026-10"), costs.Where{}, page.Args{})
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, edge := range connection.Edges {
		text := edge.Node.Service + ": " + edge.Node.Amount.Decimal.String()
		for _, e := range edge.Node.PriceChain {
			text += ", " + e.Seller.Name + " > " + e.Buyer.Name + " " + e.Factor.String()
			if e.Inherited != (e.Basis == nil) {
				w.t.Errorf("an inherited edge has a basis, or another has none: %+v", e)
			}
			if e.Basis != nil {
				text += " " + string(*e.Basis)
			}
		}
		lines = append(lines, text)
	}
	return lines, nil
}

// field returns the code of an error and the field it names.
func field(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return string(f.Code) + " " + f.Field
	}
	return string(fault.CodeOf(err)) + " "
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

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

func ptr[T any](v T) *T { return &v }
