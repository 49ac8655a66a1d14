package database

import (
	"context"
	"fmt"

	"entgo.io/ent"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	generated "github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/ancestry"
	"github.com/headwater-platform/headwater/ent/intercept"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
)

// rule says how rows of one entity belong to the tree. An entity without a rule
// cannot be read or written at all.
type rule struct {
	// organization is the column that names the organization that a row
	// belongs to, or "" where confine says it in another way.
	organization string
	// confine returns the predicate for rows that hang on the tree otherwise.
	confine func(s *entsql.Selector, reach access.Reach, viewer access.Viewer) *entsql.Predicate
	// own is the column that names the person whose alone the row is.
	own string
	// system entities are for the platform itself.
	system bool
}

type unguardedKey struct{}

// Unguarded returns a context in which the guard lets everything through while
// the viewer stays the one who acts. Each use says why the viewer's part of the
// tree is not the right bound.
func Unguarded(ctx context.Context) context.Context {
	return context.WithValue(ctx, unguardedKey{}, true)
}

func passes(ctx context.Context, viewer access.Viewer) bool {
	unguarded, _ := ctx.Value(unguardedKey{}).(bool)
	return unguarded || viewer.IsSystem()
}

// rules returns the rule of every entity, by ent's type name.
func rules() map[string]rule {
	system := rule{system: true}
	return map[string]rule{
		generated.TypeOrganization:      {organization: "id"},
		generated.TypeAncestry:          {organization: "organization_id"},
		generated.TypeMembership:        {organization: "organization_id"},
		generated.TypeApplication:       {organization: "organization_id"},
		generated.TypeGroup:             {organization: "organization_id"},
		generated.TypeGroupMember:       {organization: "organization_id"},
		generated.TypeProject:           {organization: "organization_id"},
		generated.TypeAccessPolicy:      {organization: "organization_id"},
		generated.TypeGroupProject:      {organization: "organization_id"},
		generated.TypeAPIKey:            {organization: "organization_id"},
		generated.TypeSSHKey:            {organization: "organization_id"},
		generated.TypeResource:          {organization: "organization_id"},
		generated.TypeAccessRequest:     {organization: "organization_id"},
		generated.TypeNotice:            {organization: "organization_id"},
		generated.TypeSettingDirective:  {organization: "organization_id"},
		generated.TypeBillingMultiplier: {organization: "seller_id"},
		generated.TypePriceGuard:        {organization: "manager_id"},
		generated.TypeUsageMapping:      {organization: "importer_id"},
		generated.TypeCloudAccount:      {organization: "organization_id"},
		generated.TypeBillingUnit:       {organization: "organization_id"},
		generated.TypeSKU:               {organization: "organization_id"},
		generated.TypeMeteringRate:      {organization: "organization_id"},
		generated.TypeUsageEvent:        {organization: "organization_id"},
		generated.TypeAllocation:        {organization: "organization_id"},
		generated.TypeThreshold:         {organization: "organization_id"},
		generated.TypeThresholdFiring:   {organization: "organization_id"},
		generated.TypeBillingProfile:    {organization: "organization_id"},
		generated.TypeBillingContact:    {organization: "organization_id"},
		generated.TypePaymentMethod:     {organization: "organization_id"},
		generated.TypeBudget:            {organization: "organization_id"},
		generated.TypeWebhook:           {organization: "organization_id"},
		generated.TypeWebhookDelivery:   {organization: "organization_id"},
		generated.TypeBudgetAlert:       {organization: "organization_id"},
		generated.TypeBillingMonth:      {organization: "seller_id"},
		generated.TypeStatement:         {organization: "seller_id", confine: confineStatements},
		generated.TypeStatementLine:     system,
		generated.TypeStatementItem:     system,
		generated.TypeTaxRate:           {organization: "seller_id"},
		generated.TypeDiscount:          {organization: "seller_id", confine: confineStatements},
		generated.TypeVoucher:           {organization: "seller_id"},
		generated.TypeSupportFee:        {organization: "seller_id"},
		generated.TypeCreditNote:        {organization: "seller_id", confine: confineStatements},
		generated.TypeCreditNoteItem:    system,
		generated.TypeUsageImport:       {organization: "organization_id"},
		generated.TypeUsageDataset:      {organization: "organization_id"},
		generated.TypeUser:              {confine: confineUsers},
		generated.TypeInvitation:        {organization: "organization_id"},
		generated.TypeIdentityProvider:  {organization: "organization_id"},
		generated.TypeTrustedIssuer:     {organization: "organization_id"},
		generated.TypeTrustedSubject:    {organization: "organization_id"},
		generated.TypeSupportPlanPeriod: {organization: "organization_id"},
		generated.TypeTicket:            {organization: "organization_id"},
		generated.TypeTicketMessage:     {organization: "organization_id"},
		generated.TypeAnnouncement:      {organization: "organization_id"},
		generated.TypeActivity:          {organization: "organization_id"},
		// A person's sign-ins are their own. Whoever ends those of others has
		// checked that they may, and acts as the system.
		generated.TypeSession:        {own: "user_id"},
		generated.TypeLinkedIdentity: {own: "user_id"},
		generated.TypeJournalEntry:   {organization: "organization_id"},
		generated.TypeJournalChange:  {organization: "organization_id"},
		// Lines, rated lines and roll-ups hold several tiers' prices. They are
		// read through scoped SQL of this package only.
		generated.TypeUsageLine:  system,
		generated.TypeRatedLine:  system,
		generated.TypeCostRollup: system,
		generated.TypeCounter:    system,
		// What happens before anybody is signed in, and what is done later.
		generated.TypeSignInAttempts: system,
		generated.TypeSignInFlow:     system,
		generated.TypeJob:            system,
	}
}

// guarded returns the client with the guard on every read and write.
func guarded(client *generated.Client) *generated.Client {
	table := rules()
	client.Intercept(intercept.TraverseFunc(func(ctx context.Context, q intercept.Query) error {
		viewer := access.ViewerFrom(ctx)
		if passes(ctx, viewer) {
			return nil
		}
		r, err := ruleFor(table, q.Type(), viewer)
		if err != nil {
			return err
		}
		q.WhereP(func(s *entsql.Selector) { s.Where(r.predicate(s, viewer)) })
		return nil
	}))
	client.Use(func(next ent.Mutator) ent.Mutator {
		return ent.MutateFunc(func(ctx context.Context, m ent.Mutation) (ent.Value, error) {
			if err := guardWrite(ctx, table, m); err != nil {
				return nil, err
			}
			return next.Mutate(ctx, m)
		})
	})
	return client
}

// ruleFor returns the rule of an entity for a viewer who is not the system.
func ruleFor(table map[string]rule, entity string, viewer access.Viewer) (rule, error) {
	r, ok := table[entity]
	if !ok {
		return rule{}, fmt.Errorf("the guard has no rule for %s", entity)
	}
	if viewer.IsAnonymous() {
		return rule{}, fault.New(fault.Unauthenticated, "sign in first")
	}
	if r.system {
		return rule{}, fmt.Errorf("%s is for the system alone", entity)
	}
	return r, nil
}

// predicate returns what a viewer's rows of the entity satisfy.
func (r rule) predicate(s *entsql.Selector, viewer access.Viewer) *entsql.Predicate {
	if r.own != "" {
		return entsql.EQ(s.C(r.own), uuid.UUID(viewer.ID))
	}
	reach := viewer.Reach()
	if r.confine != nil {
		return r.confine(s, reach, viewer)
	}
	return within(s.C(r.organization), reach)
}

// within returns the predicate that a column names an organization in reach.
func within(column string, reach access.Reach) *entsql.Predicate {
	below := entsql.Table(ancestry.Table).As("reach")
	return entsql.Or(
		entsql.In(column, values(reach.Organizations)...),
		entsql.In(column, entsql.Select(below.C(ancestry.FieldOrganizationID)).
			From(below).
			Where(entsql.In(below.C(ancestry.FieldAncestorID), values(reach.Subtrees)...))),
	)
}

// confineUsers lets a viewer see themself and the members of the organizations
// in reach.
func confineUsers(s *entsql.Selector, reach access.Reach, viewer access.Viewer) *entsql.Predicate {
	members := entsql.Table(membership.Table).As("members_in_reach")
	return entsql.Or(
		entsql.EQ(s.C("id"), uuid.UUID(viewer.ID)),
		entsql.In(s.C("id"), entsql.Select(members.C(membership.FieldUserID)).
			From(members).
			Where(within(members.C(membership.FieldOrganizationID), reach))),
	)
}

// confineStatements lets a viewer see what organizations in reach sell and buy, and
// what is taken off that.
func confineStatements(s *entsql.Selector, reach access.Reach, _ access.Viewer) *entsql.Predicate {
	return entsql.Or(within(s.C("seller_id"), reach), within(s.C("buyer_id"), reach))
}

func values(ids []orgtree.ID) []any {
	list := make([]any, len(ids))
	for i, id := range ids {
		list[i] = uuid.UUID(id)
	}
	return list
}

// confinable is a mutation that can be narrowed to rows that satisfy a
// predicate. Predicates do not apply to creates, which are checked by column.
type confinable interface {
	ent.Mutation
	WhereP(...func(*entsql.Selector))
	Client() *generated.Client
}

func guardWrite(ctx context.Context, table map[string]rule, m ent.Mutation) error {
	viewer := access.ViewerFrom(ctx)
	if passes(ctx, viewer) {
		return nil
	}
	r, err := ruleFor(table, m.Type(), viewer)
	if err != nil {
		return err
	}
	mutation, ok := m.(confinable)
	if !ok {
		return fmt.Errorf("the guard cannot confine %T", m)
	}
	if !m.Op().Is(ent.OpCreate) {
		mutation.WhereP(func(s *entsql.Selector) { s.Where(r.predicate(s, viewer)) })
	}
	if r.own != "" {
		return guardOwn(r, mutation, viewer)
	}
	return guardOwner(ctx, r, mutation)
}

// guardOwn refuses a row that is new as somebody else's, or that an update would
// make theirs.
func guardOwn(r rule, m confinable, viewer access.Viewer) error {
	person, ok := m.Field(r.own)
	if !ok && !m.Op().Is(ent.OpCreate) {
		return nil
	}
	if id, isID := person.(uuid.UUID); !isID || id != uuid.UUID(viewer.ID) {
		return fmt.Errorf("a %s of somebody else", m.Type())
	}
	return nil
}

// guardOwner refuses a row that is new in an organization out of reach, or that
// an update would move there. A new organization belongs where its manager is.
func guardOwner(ctx context.Context, r rule, m confinable) error {
	column := r.organization
	switch m.Type() {
	case generated.TypeOrganization:
		column = "parent_id"
	case generated.TypeUser:
		column = "home_organization_id"
	}
	owner, ok := m.Field(column)
	if !ok && (m.Type() == generated.TypeUser || !m.Op().Is(ent.OpCreate)) {
		return nil // It has no home or keeps the one that it has.
	}
	id, isID := owner.(uuid.UUID)
	if !ok || !isID {
		return fmt.Errorf("a new %s names no %s", m.Type(), column)
	}
	seen, err := m.Client().Ancestry.Query().
		Where(ancestry.OrganizationID(id), ancestry.Distance(0)).
		Exist(ctx)
	if err != nil {
		return fmt.Errorf("guard %s: %w", m.Type(), err)
	}
	if !seen {
		return fault.Missing("organization")
	}
	return nil
}
