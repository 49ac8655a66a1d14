package usage_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/ancestry"
	"github.com/headwater-platform/headwater/ent/billingmultiplier"
	"github.com/headwater-platform/headwater/ent/ratedline"
	"github.com/headwater-platform/headwater/focus"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/service/usage"
)

// world is a platform with a tree of organizations by name.
type world struct {
	t   testing.TB
	db  *database.DB
	svc *usage.Service
	// ctx is that of the platform itself.
	ctx  context.Context
	orgs map[string]uuid.UUID
}

// newWorld returns the platform "root" with nothing below it.
func newWorld(t testing.TB, db *database.DB) *world {
	t.Helper()
	w := &world{
		t: t, db: db, svc: usage.New(db, records.New(db)),
		ctx:  access.WithViewer(t.Context(), access.SystemViewer("test")),
		orgs: map[string]uuid.UUID{},
	}
	w.grow("root", "", orgtree.Platform)
	return w
}

// newTree returns a platform of four tiers: root → partner → reseller →
// customer, and a stranger beside the partner.
func newTree(t testing.TB, db *database.DB) *world {
	t.Helper()
	w := newWorld(t, db)
	w.grow("partner", "root", orgtree.Partner)
	w.grow("reseller", "partner", orgtree.Partner)
	w.grow("customer", "reseller", orgtree.Standard)
	w.grow("stranger", "root", orgtree.Partner)
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
	w.orgs[name] = id
	w.write(func(ctx context.Context, tx *database.Tx) error {
		above, err := tx.Ancestry.Query().Where(ancestry.OrganizationID(w.orgs[parent])).All(ctx)
		if err != nil {
			return err
		}
		create := tx.Organization.Create().SetID(id).SetKind(kind).SetDepth(len(above)).
			SetName(name).SetSlug(name).SetStatus(orgtree.Active).SetCreatedAt(w.db.Now())
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
func (w *world) group(organization, name string) uuid.UUID {
	w.t.Helper()
	id := w.db.NewID()
	w.write(func(ctx context.Context, tx *database.Tx) error {
		return tx.Group.Create().SetID(id).SetOrganizationID(w.orgs[organization]).
			SetName(name).SetNameKey(name).SetDescription("").SetRoles([]access.Role{}).SetRank(9).SetCreatedAt(w.db.Now()).
			Exec(ctx)
	})
	return id
}

// price is a rule of a seller, for all of its customers and every month.
type price struct {
	seller, sku, factor string
	basis               billingmultiplier.Basis
}

func (w *world) price(p price) {
	w.t.Helper()
	w.write(func(ctx context.Context, tx *database.Tx) error {
		return tx.BillingMultiplier.Create().SetID(w.db.NewID()).SetSellerID(w.orgs[p.seller]).
			SetProvider("").SetService("").SetSku(p.sku).SetRegion("").SetChargeCategory("").
			SetBasis(p.basis).SetFactor(p.factor).SetFirstMonth("2020-01").SetReason("").SetCreatedAt(w.db.Now()).
			Exec(ctx)
	})
}

// viewer returns a context in which an administrator of the organization acts.
func (w *world) viewer(organization string, kind orgtree.Kind) context.Context {
	id := orgtree.ID(w.orgs[organization])
	return access.WithViewer(w.t.Context(), access.Viewer{
		Kind: access.User, ID: id, Name: organization,
		Standings: map[orgtree.ID]*access.Standing{id: access.NewStanding(access.Place{
			Organization: id, Kind: kind, Groups: []access.Group{{Roles: []access.Role{access.RoleAdmin}}},
		}, access.Circumstances{})},
	})
}

// mapSubAccounts maps sub-accounts, as the root, to organizations by name.
func (w *world) mapSubAccounts(owners map[string]string) {
	w.t.Helper()
	var mappings []usage.NewMapping
	for sub, organization := range owners {
		mappings = append(mappings, usage.NewMapping{SubAccountID: &sub, OrganizationID: w.orgs[organization]})
	}
	if _, err := w.svc.MapUsage(w.ctx, w.orgs["root"], mappings); err != nil {
		w.t.Fatal(err)
	}
}

// load imports a file as the root and expects it to be accepted.
func (w *world) load(file string, o usage.Options) *usage.Import {
	w.t.Helper()
	imported, err := w.svc.Import(w.ctx, w.orgs["root"], strings.NewReader(file), o)
	if err != nil {
		w.t.Fatal(err)
	}
	return imported
}

// counts returns how many rows every table of usage has, and the revision.
func (w *world) counts() string {
	w.t.Helper()
	client := w.db.Client()
	var text strings.Builder
	for _, table := range []struct {
		name  string
		count func(context.Context) (int, error)
	}{
		{"mappings", client.UsageMapping.Query().Count},
		{"imports", client.UsageImport.Query().Count},
		{"datasets", client.UsageDataset.Query().Count},
		{"lines", client.UsageLine.Query().Count},
		{"rated", client.RatedLine.Query().Count},
		{"rollups", client.CostRollup.Query().Count},
		{"entries", client.JournalEntry.Query().Count},
		{"changes", client.JournalChange.Query().Count},
	} {
		n, err := table.count(w.ctx)
		if err != nil {
			w.t.Fatal(err)
		}
		fmt.Fprintf(&text, "%s %d, ", table.name, n)
	}
	revision, err := w.db.Revision(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	fmt.Fprintf(&text, "revision %d", revision)
	return text.String()
}

// line is a stored line with what the rating that counts says of its owner.
type line struct {
	*ent.UsageLine
	ImporterID     uuid.UUID
	OrganizationID uuid.UUID
	GroupID        *uuid.UUID
	Attributed     bool
	rating         int
}

// lines returns all usage lines in the order of their ids.
func (w *world) lines() []*line {
	w.t.Helper()
	stored, err := w.db.Client().UsageLine.Query().WithDataset().Order(ent.Asc("id")).All(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	sources, err := w.db.Client().RatedLine.Query().Where(ratedline.Position(0)).All(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	bought := map[[2]int64]*ent.RatedLine{}
	for _, r := range sources {
		bought[[2]int64{r.UsageLineID, int64(r.Rating)}] = r
	}
	lines := make([]*line, len(stored))
	for i, l := range stored {
		rating := l.Edges.Dataset.Rating
		source := bought[[2]int64{l.ID, int64(rating)}]
		if source == nil {
			w.t.Fatalf("line %d is not rated", l.Line)
			return nil
		}
		if source.SellerID != nil || source.MultiplierID != nil || !dec(source.Amount).Equal(dec(l.BilledCost)) || source.Month != l.Month {
			w.t.Errorf("line %d is bought for %+v", l.Line, source)
		}
		lines[i] = &line{l, source.BuyerID, source.OwnerID, source.GroupID, source.Attributed, rating}
	}
	return lines
}

// name returns the name of an organization.
func (w *world) name(id uuid.UUID) string {
	for name, known := range w.orgs {
		if known == id {
			return name
		}
	}
	return id.String()
}

// charge returns a row that a file can hold; change alters it.
func charge(cost string, change func(*focus.Row)) focus.Row {
	start := time.Date(2026, time.October, 1, 0, 0, 0, 0, time.UTC)
	row := focus.Row{
		BilledCost: dec(cost), ListCost: focus.Some(dec(cost)), BillingCurrency: "USD", BillingAccountID: "acct-1",
		BillingPeriodStart: start, BillingPeriodEnd: start.AddDate(0, 1, 0),
		ChargePeriodStart: start.Add(90 * time.Minute), ChargePeriodEnd: start.Add(150 * time.Minute),
		ChargeCategory: focus.CategoryUsage, Provider: "AWS", ServiceName: "EC2", SKU: "P5", Region: "us-east-1",
		SubAccountID: "sub-1",
	}
	if change != nil {
		change(&row)
	}
	return row
}

// file returns a FOCUS file of the rows.
func file(t testing.TB, rows ...focus.Row) string {
	t.Helper()
	var b bytes.Buffer
	out, err := focus.NewWriter(&b, focus.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		if err := out.Write(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// dec reads a decimal that is written in the test or comes from the database.
func dec(s string) money.Decimal {
	d, err := money.Parse(s)
	if err != nil {
		panic(err)
	}
	return d
}

func ptr[T any](v T) *T { return &v }
