package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	entgroup "github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/password"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/service/allocations"
	"github.com/headwater-platform/headwater/service/budgets"
	"github.com/headwater-platform/headwater/service/groups"
	"github.com/headwater-platform/headwater/service/organizations"
	"github.com/headwater-platform/headwater/service/people"
	"github.com/headwater-platform/headwater/service/rates"
	"github.com/headwater-platform/headwater/service/settings"
	"github.com/headwater-platform/headwater/service/statements"
	"github.com/headwater-platform/headwater/service/terms"
	"github.com/headwater-platform/headwater/service/usage"
	"github.com/headwater-platform/headwater/typeid"
)

// Services are what the platform is made with.
type Services struct {
	Allocations   *allocations.Service
	Budgets       *budgets.Service
	Groups        *groups.Service
	Organizations *organizations.Service
	People        *people.Service
	Rates         *rates.Service
	Settings      *settings.Service
	Statements    *statements.Service
	Terms         *terms.Service
	Usage         *usage.Service
	Records       *records.Store
	Hasher        *password.Hasher
}

// Options are what the platform is like.
type Options struct {
	Seed uint64
	Size Size
	// Progress is told what is being made; nil for nobody.
	Progress func(what string)
}

// Platform is what was made.
type Platform struct {
	// Logins are the people who have a password, and the application.
	Logins []Login
	// Usage is the import of all usage.
	Usage *usage.Import
}

// Generate fills a migrated, empty database whose clock and ids are those of the
// timeline. It returns an error that names the flag for a size that cannot be
// made, and what the services return for a database that is not empty.
func Generate(ctx context.Context, db *database.DB, t *Timeline, s Services, o Options) (*Platform, error) {
	if err := o.Size.Validate(); err != nil {
		return nil, err
	}
	b := &builder{
		db: db, timeline: t, Services: s, options: o,
		plan: newPlan(o.Seed, o.Size), calendar: newCalendar(t.now()), hashes: map[*person]string{},
	}
	hashing, hashingCtx := errgroup.WithContext(ctx)
	hashing.Go(func() error { return b.hashPasswords(hashingCtx) })
	if err := b.history(ctx); err != nil {
		return nil, err
	}
	b.tell("accounts")
	if err := hashing.Wait(); err != nil {
		return nil, err
	}
	if err := b.settleIn(ctx); err != nil {
		return nil, err
	}
	t.arrive()
	b.tell("usage")
	imported, err := b.importUsage(ctx)
	if err != nil {
		return nil, err
	}
	b.tell("statements")
	if err := b.bill(ctx); err != nil {
		return nil, err
	}
	return &Platform{Logins: b.logins(), Usage: imported}, nil
}

// calendar says when things happen in the demo.
type calendar struct {
	// months are those with usage; the last is that of the present.
	months [3]pricing.Month
	// now is the present.
	now time.Time
}

func newCalendar(now time.Time) calendar {
	current := pricing.MonthOf(now)
	return calendar{months: [3]pricing.Month{current - 2, current - 1, current}, now: now.UTC()}
}

// founding is how long before the first month of usage the platform was made.
const founding = 21 * 24 * time.Hour

// day returns the morning of a day of one of the months, or the present if that
// is earlier.
func (c calendar) day(month, day int) time.Time {
	at := c.months[month].Start().AddDate(0, 0, day-1).Add(9 * time.Hour)
	if at.After(c.now) {
		return c.now
	}
	return at
}

// builder makes a plan come true.
type builder struct {
	Services
	db       *database.DB
	timeline *Timeline
	options  Options
	plan     *plan
	calendar calendar
	// hashes are those of the logins' passwords.
	hashes map[*person]string
}

func (b *builder) tell(what string) {
	if b.options.Progress != nil {
		b.options.Progress(what)
	}
}

// history makes everything that happened before the present.
func (b *builder) history(ctx context.Context) error {
	b.timeline.moveTo(b.calendar.months[0].Start().Add(-founding + 9*time.Hour))
	for _, chapter := range []func(context.Context) error{
		b.found, b.onboard, b.automate, b.settle, b.agree, b.mapUsage, b.live,
	} {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	return nil
}

// hashPasswords hashes those of the logins, several at a time.
func (b *builder) hashPasswords(ctx context.Context) error {
	work, ctx := errgroup.WithContext(ctx)
	logins := b.plan.logins()
	hashed := make([]string, len(logins))
	for i, login := range logins {
		work.Go(func() error {
			var err error
			hashed[i], err = b.Hasher.Hash(ctx, login.password)
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return err
	}
	for i, login := range logins {
		b.hashes[login] = hashed[i]
	}
	return nil
}

// found makes the platform and its partners with their people, and sets what
// applies to all.
func (b *builder) found(ctx context.Context) error {
	b.tell("partners")
	root := b.plan.root
	owner := root.owner()
	var err error
	root.id, owner.id, err = b.Organizations.Bootstrap(ctx, organizations.FirstAdministrator{Username: owner.username, Email: owner.email})
	if err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}
	if err := b.furnish(ctx, root); err != nil {
		return err
	}
	if err := b.decide(ctx, b.plan.platformDecisions()...); err != nil {
		return err
	}
	for _, partner := range b.plan.partners() {
		// Only the platform makes partners, below others too.
		if err := b.create(ctx, partner, root.administrator()); err != nil {
			return err
		}
	}
	if err := b.decide(ctx, b.plan.partnerDecisions()...); err != nil {
		return err
	}
	return b.price(ctx, b.plan.firstPrices(b.calendar)...)
}

// onboard makes the customers with their people.
func (b *builder) onboard(ctx context.Context) error {
	for i, customer := range b.plan.customers {
		b.tell(fmt.Sprintf("customers %d/%d", i+1, len(b.plan.customers)))
		if err := b.create(ctx, customer, customer.manager.administrator()); err != nil {
			return err
		}
	}
	return nil
}

// automate makes the application of the first customer.
func (b *builder) automate(ctx context.Context) error {
	home, wanted := b.plan.customers[0], b.plan.application
	as, err := b.as(ctx, home.owner())
	if err != nil {
		return err
	}
	made, err := b.People.CreateApplication(as, people.NewApplication{Organization: home.id, Name: wanted.name, Description: wanted.description})
	if err != nil {
		return fmt.Errorf("create %s: %w", wanted.name, err)
	}
	wanted.id = made.ID.UUID
	for _, g := range wanted.groups {
		if _, err := b.Groups.AddMembers(as, g.id, []typeid.ID{made.ID}); err != nil {
			return fmt.Errorf("put %s into %s: %w", wanted.name, g.name, err)
		}
	}
	return nil
}

// settle sets what the customers, their teams and their people want, within the
// limits that their partners place on them.
func (b *builder) settle(ctx context.Context) error {
	b.tell("settings")
	if err := b.decide(ctx, b.plan.limits()...); err != nil {
		return err
	}
	if err := b.decide(ctx, b.plan.firstCustomerDecisions()...); err != nil {
		return err
	}
	return b.decide(ctx, b.plan.customerDecisions(newRandom(b.options.Seed, "settings"))...)
}

// live changes prices and settings in the months of usage: some of what was
// chosen is not permitted any more.
func (b *builder) live(ctx context.Context) error {
	b.timeline.moveTo(b.calendar.day(1, 3))
	if err := b.decide(ctx, b.plan.laterDecisions()...); err != nil {
		return err
	}
	if err := b.price(ctx, b.plan.laterPrices(b.calendar)...); err != nil {
		return err
	}
	b.timeline.moveTo(b.calendar.day(2, 2))
	return b.price(ctx, b.plan.latestPrices(b.calendar)...)
}

// pause lets some time of the founding pass, so that all of it fits in.
func (b *builder) pause() {
	size := b.options.Size
	b.timeline.moveOn((founding - 4*24*time.Hour) / time.Duration(20*size.Organizations+size.Users+300))
}

// create makes an organization below its manager, with its groups and people.
func (b *builder) create(ctx context.Context, o *organization, by *person) error {
	b.pause()
	as, err := b.as(ctx, by)
	if err != nil {
		return err
	}
	made, err := b.Organizations.Create(as, organizations.NewOrganization{
		ManagedBy: &o.manager.id, Name: o.name, Slug: o.slug, Kind: o.kind, OwnerEmail: o.owner().email,
	})
	if err != nil {
		return fmt.Errorf("create %s: %w", o.name, err)
	}
	o.id = made.ID.UUID
	return b.furnish(ctx, o)
}

// furnish makes an organization's groups and people.
func (b *builder) furnish(ctx context.Context, o *organization) error {
	if err := b.meetOwner(ctx, o); err != nil {
		return err
	}
	if err := b.findBuiltins(ctx, o); err != nil {
		return err
	}
	for _, g := range o.groups {
		if err := b.createGroup(ctx, o, g); err != nil {
			return err
		}
	}
	for _, p := range o.people[1:] {
		if err := b.createPerson(ctx, o, p); err != nil {
			return err
		}
	}
	return nil
}

// meetOwner reads who the organization was made with.
func (b *builder) meetOwner(ctx context.Context, o *organization) error {
	row, err := b.db.Client().Membership.Query().
		Where(membership.OrganizationID(o.id), membership.Owner(true)).
		Only(asSystem(ctx))
	if err != nil {
		return fmt.Errorf("find the owner of %s: %w", o.name, err)
	}
	o.owner().id, o.owner().membership = row.UserID, row.ID
	return nil
}

func (b *builder) findBuiltins(ctx context.Context, o *organization) error {
	rows, err := b.db.Client().Group.Query().
		Where(entgroup.OrganizationID(o.id), entgroup.BuiltinNotNil()).
		All(asSystem(ctx))
	if err != nil {
		return fmt.Errorf("find the groups of %s: %w", o.name, err)
	}
	for _, row := range rows {
		o.group(row.Name).id = row.ID
	}
	return nil
}

func (b *builder) createGroup(ctx context.Context, o *organization, g *group) error {
	if g.builtin != "" {
		return nil
	}
	b.pause()
	as, err := b.as(ctx, o.owner())
	if err != nil {
		return err
	}
	made, err := b.Groups.Create(as, groups.NewGroup{Organization: o.id, Name: g.name, Description: g.description, Roles: g.roles})
	if err != nil {
		return fmt.Errorf("create group %s of %s: %w", g.name, o.name, err)
	}
	g.id = made.ID.UUID
	return nil
}

// createPerson makes an account in the name of whoever welcomes people, or of
// the owner for those who are to have rights.
func (b *builder) createPerson(ctx context.Context, o *organization, p *person) error {
	b.pause()
	by := o.owner()
	if !p.privileged() {
		if host := o.with(access.RoleUsers); host.id != uuid.Nil {
			by = host
		}
	}
	as, err := b.as(ctx, by)
	if err != nil {
		return err
	}
	wanted := people.NewUser{Organization: o.id, Username: p.username, Email: p.email, Name: p.name}
	for _, g := range p.groups {
		wanted.Groups = append(wanted.Groups, g.id)
	}
	made, err := b.People.Create(as, wanted)
	if err != nil {
		return fmt.Errorf("create %s of %s: %w", p.username, o.name, err)
	}
	p.id, p.membership = made.User.ID.UUID, made.ID.UUID
	return nil
}

// as returns a context in which a person acts. Their rights are read once: the
// story gives nobody further groups.
func (b *builder) as(ctx context.Context, p *person) (context.Context, error) {
	if p.viewer.IsAnonymous() {
		viewer, err := b.Records.Viewer(ctx, records.Session{Principal: typeid.New(typeid.User, p.id)})
		if err != nil {
			return nil, fmt.Errorf("act as %s: %w", p.username, err)
		}
		p.viewer = viewer
	}
	return access.WithViewer(ctx, p.viewer), nil
}

// asSystem returns a context in which the demo itself acts.
func asSystem(ctx context.Context) context.Context {
	return access.WithViewer(ctx, access.SystemViewer("demo"))
}

// logins returns who can sign in and where, and the application.
func (b *builder) logins() []Login {
	var logins []Login
	for _, p := range b.plan.logins() {
		logins = append(logins, Login{
			Role: p.login, Username: p.username, Password: p.password, Principal: typeid.New(typeid.User, p.id),
			Organization: typeid.New(typeid.Organization, p.home.id), OrganizationName: p.home.name,
		})
	}
	home := b.plan.customers[0]
	return append(logins, Login{
		Role: Application, Username: b.plan.application.name, Principal: typeid.New(typeid.Application, b.plan.application.id),
		Organization: typeid.New(typeid.Organization, home.id), OrganizationName: home.name,
	})
}
